"""A store on real SQLite below a directory, and what the daemon's parts need beside it."""

import itertools
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

import apsw
from structlog import DropEvent
from structlog.typing import EventDict

from zaiond.journal import Journal, Kind, Output
from zaiond.model import Message, NewEvent, QueuedDelivery, QueuedMail, StoredEvent
from zaiond.store import pending
from zaiond.store.database import Database
from zaiond.store.writer import Operation

NOW = 1369440000.0  # 2013-05-25T00:00:00Z
T = TypeVar("T")

_numbers = itertools.count()


class Notes(Journal):
    """A journal that keeps its lines, in English. Its clock stands still, at `now`."""

    def __init__(self) -> None:
        super().__init__(Output(None, (self._keep,)), lambda: self.now)
        self.language = "en"
        self.now = 0.0
        self.lines: list[str] = []
        self.levels: list[str] = []
        self.kinds: list[Kind | None] = []
        self.fields: list[dict[str, object]] = []
        self.tracebacks: list[str] = []

    def _keep(self, _: object, level: str, line: EventDict) -> EventDict:
        self.lines.append(line["event"])
        self.levels.append(level)
        self.kinds.append(Kind(line["message_id"]) if "message_id" in line else None)
        self.fields.append(line["fields"])
        self.tracebacks += [line["exception"]] if "exception" in line else []
        raise DropEvent


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Store:
    """The database of a directory, open, and operations run one by one, each a transaction."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.database = Database(str(directory))
        self.connection = self.database.connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, operation: Operation[T]) -> T:
        """What the writer does with one operation."""
        with self.connection:
            result = operation(self.connection)
        return result  # noqa: RET504 - the transaction ends in between

    def close(self) -> None:
        """A clean end."""
        self.database.closing()
        self.connection.close()
        self.database.closed_cleanly()


def image(directory: Path) -> Path:
    """What a kill -9 would leave of a state directory now: a copy of its files."""
    copy = directory.parent / f"{directory.name}-image-{next(_numbers)}"
    shutil.copytree(directory, copy)
    return copy


def rows(directory: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds on disk now, as a daemon that starts after a kill -9 would see it."""
    with Store(image(directory)) as store:
        return list(store.connection.execute(query))


def waiting(db: apsw.Connection, limit: int = 1000) -> list[int]:
    """The messages with a delivery that was never deferred, in turns over their users."""
    found = pending.waiting(db, {}, None, limit, lambda _: limit)
    return [message for message, _ in found.messages]


def due_messages(db: apsw.Connection, due: pending.Due, limit: int = 1000) -> list[int]:
    """The messages with a deferred delivery that is due, in turns over their users."""
    return pending.due_messages(db, due, limit, lambda _: limit)


def event(
    id: str,
    *,
    uid: int = 1000,
    source: str = "",
    at: float = NOW,
    more: str = "",
    urgent: bool = False,
    lane: str | None = None,
    kind: str = "a.b",
) -> NewEvent:
    """An event as it is accepted."""
    body = f'{{"type":"{kind}","id":"{id}"{more}}}'.encode()
    return (id, uid, source, at, body, urgent, lane)


def mail(
    row: int,
    stored: Iterable[StoredEvent],
    recipients: Iterable[str] = ("a@example.jp",),
    *,
    first_delivery: int | None = None,
    content: bytes = b"Subject: x\r\n\r\nx\r\n",
    notice: bool = False,
) -> QueuedMail:
    """A mail about these events; its deliveries have rows from `first_delivery` (10 * row) on."""
    to = tuple(recipients)
    first = 10 * row if first_delivery is None else first_delivery
    of = tuple(stored)
    return QueuedMail(
        row,
        Message(
            message_id=f"<{row}@host.example>",
            reverse_path="zaionnex",
            recipients=to,
            content=content,
        ),
        tuple(QueuedDelivery(first + number, one, 0) for number, one in enumerate(to)),
        min(each.accepted for each in of),
        min(each.queued for each in of),
        notice,
        of,
    )


def recount(db: apsw.Connection) -> dict[int, tuple[int, int]]:
    """What `usage` must say: events accepted and not ended, and their bytes, by uid."""
    return {
        uid: (events, size)
        for uid, events, size in db.execute(
            "SELECT uid, count(*), sum(length(body)) FROM events AS e WHERE outcome IS NULL AND ("
            " (seq > coalesce((SELECT value FROM meta WHERE name = 'routed_through'), 0)"
            " AND seq NOT IN (SELECT seq FROM routed_early))"
            " OR EXISTS (SELECT 1 FROM message_events AS m JOIN deliveries AS d"
            " ON d.message = m.message JOIN messages AS of ON of.id = m.message"
            " WHERE m.event = e.seq AND d.ended IS NULL AND of.routing NOT LIKE '%\"kind\":%')"
            " OR EXISTS (SELECT 1 FROM message_events AS m JOIN messages AS to_come"
            " ON to_come.id = m.message WHERE m.event = e.seq AND to_come.due IS NOT NULL))"
            " GROUP BY uid"
        )
    }
