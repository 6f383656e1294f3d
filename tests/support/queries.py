"""What `history` and `queue list` say of a store, without the daemon around it."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.support.store import Store
from zaiond.daemon import documents
from zaiond.daemon.documents import Present
from zaiond.holds import Holds
from zaiond.store import events, holds
from zaiond.store.queries import Queries, Wanted
from zaiond.store.writer import Operation, Submit
from zaiond.text import Language

T = TypeVar("T")
NO_LIMIT = 10_000


def immediately(store: Store, on_result: Callable[[Any], None] = lambda _: None) -> Submit:
    """Runs each operation at once; `on_result` gets what it gave."""

    async def submit(operation: Operation[T]) -> T:
        result = store.run(operation)
        on_result(result)
        return result

    return submit


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of what awaits nothing that has to be waited for."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits for something")


async def _routed_through(submit: Submit) -> int:
    return int(await submit(lambda db: events.get_meta(db, "routed_through")) or 0)


async def histories(
    submit: Submit,
    *,
    id: str | None = None,
    language: Language = "en",
    limit: int = NO_LIMIT,
    present: Present | None = None,
    **wanted: Any,
) -> list[dict[str, Any]]:
    """The documents of `history`."""
    through = await _routed_through(submit)
    queries = Queries(submit, lambda: through)
    now = present or Present(language, holds=Holds(await submit(holds.find)))
    seqs: list[int] = []
    if id is None:
        async for found in queries.find(
            Wanted(limit=limit, **wanted), all_held=now.holds.queue is not None
        ):
            seqs = found.seqs
    else:
        seqs = await queries.seqs_of([id])
    return [
        documents.history(one, now, whole=id is not None)
        async for part in queries.told(seqs, whole=id is not None)
        for one in part
    ]


async def queued(submit: Submit, present: Present | None = None) -> list[dict[str, Any]]:
    """The documents of `queue list`."""
    through = await _routed_through(submit)
    queries = Queries(submit, lambda: through)
    now = present or Present("en", holds=Holds(await submit(holds.find)))
    found = [documents.queued(one, now) async for part in queries.waiting() for one in part]
    async for part in queries.unrouted():
        found += [documents.unrouted(event, now) for event in part]
    return found
