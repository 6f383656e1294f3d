"""The queue: what `zaiond-ctl queue list` shows, and retry and delete of one mail, of those chosen,
and of all. Deleting asks first.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from glob import escape
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond.ctl import documents, labels
from zaiond.ctl.queue import Mail, groups, mails, said_changed, shown_ids, unchanged
from zaiond.web.context import ask, form, note, session
from zaiond.web.listing import has, packed, part, unpacked
from zaiond.web.render import done, page
from zaiond.web.words import queue as words

PATH = "/queue"
STATES = ("held", "deferred", "waiting")
_AT_A_GLANCE = 20  # mails that the question before deleting names
_ID_BYTES = 300 * 1024  # of ids in one question, which has 1 MiB at most
_OFTEN, _SELDOM = 5, 30  # seconds between two looks, at few and at many
_FEW = 1000  # deliveries

Document = dict[str, Any]


class Chosen(NamedTuple):
    """An event's id, and whose it is: others may use the same."""

    id: str
    uid: int | None
    source: str | None


# -- what is shown


async def show(request: Request) -> Response:
    """What waits, by what it waits for."""
    reply = await ask(request, "queue.list")
    filters = _filters(request.query_params)
    asked = request.query_params.get("page", "")
    now = datetime.now().astimezone()
    live = _OFTEN if reply.result["total"] <= _FEW else _SELDOM
    seen = view(reply.result, filters, asked, now)
    return page(request, "queue.html", title=words.TITLE, w=words, live=live, **seen)


def view(queue: Document, filters: dict[str, str], asked: str, now: datetime) -> dict[str, Any]:
    """What the template shows of the document of `queue list --json`."""
    listed = queue["deliveries"]
    found = list(matching(listed, filters))
    rows = [(group, mail) for group in groups(found) for mail in mails(group.deliveries, now)]
    shown = part(rows, asked, PATH, filters)
    parts: list[tuple[Any, list[Mail]]] = []
    for group, mail in shown.rows:
        if not parts or parts[-1][0] is not group:
            parts.append((group, []))
        parts[-1][1].append(mail)
    cut = queue["total"] > len(listed)
    told = labels.SOME_OF_ALL["queue list"](total=queue["total"], shown=len(listed))
    return {
        "groups": parts,
        "part": shown,
        "number": len(found),
        "filters": filters,
        "states": STATES,
        "cut": told if cut else None,
        "chosen": chosen_of,
        "until": now.isoformat(),
    }


def matching(deliveries: Iterable[Document], filters: dict[str, str]) -> Iterator[Document]:
    """Those that the filters let through: `state`, and `text` that stands somewhere in them."""
    state, text = filters.get("state"), filters.get("text")
    for one in deliveries:
        if state and one["state"] != state:
            continue
        about = documents.about(one)
        told = about if isinstance(about, str) else about.ja
        places = one["recipient"], told, one.get("type"), one.get("source"), *one["event_ids"]
        if not text or has(text, *places):
            yield one


def chosen_of(delivery: Document) -> str:
    """A mail as a field of a form."""
    return packed(delivery["event_ids"][0], delivery.get("uid"), delivery.get("source"))


def _filters(given: Any) -> dict[str, str]:
    state = given.get("state", "")
    return {"state": state if state in STATES else "", "text": given.get("text", "").strip()}


# -- what is done


async def retry(request: Request) -> Response:
    """Sends mails now."""
    sent, back = form(request), _back(request)
    if sent.text("all") and not any(_sent_filters(request).values()):
        ids: list[str] = []  # all that waits, also what is not listed
    else:
        wanted = await _wanted(request)
        if not wanted:
            return done(request, words.NOTHING_CHOSEN, back, kind="error")
        ids = list(dict.fromkeys(one.id for one in wanted))
    result = _Result("queue retry")
    for some in _portions(ids) if ids else [[]]:
        result.add((await ask(request, "queue.retry", ids=some)).result)
    if result.number:
        note(request, words.retried(number=result.number))
    return result.told(request, back)


async def delete(request: Request) -> Response:
    """Asks, and deletes what it has asked about."""
    sent, back = form(request), _back(request)
    wanted = await _wanted(request)
    if not wanted:
        return done(request, words.NOTHING_CHOSEN, back, kind="error")
    if not sent.text("sure"):
        return await _are_you_sure(request, back)
    result = _Result("queue delete")
    whose = {one.id: one for one in wanted}
    again: list[Chosen] = []
    for some in _portions(list(whose)):
        found = (await ask(request, "queue.delete", ids=some)).result
        # Of an id that others use, too, nothing was deleted: it is said whose is meant.
        several = {one["id"] for one in found["ambiguous"]}
        again += [one for one in wanted if one.id in several and one.uid is not None]
        known = {one.id for one in again}
        found["ambiguous"] = [one for one in found["ambiguous"] if one["id"] not in known]
        result.add(found)
    for one in again:
        source = {} if one.source is None else {"source": escape(one.source)}
        result.add((await ask(request, "queue.delete", ids=[one.id], uid=one.uid, **source)).result)
    if result.number:
        note(request, words.deleted(number=result.number))
    return result.told(request, back)


async def _are_you_sure(request: Request, back: str) -> Response:
    """The question, which carries along what was chosen."""
    sent = form(request)
    found = await _found(request)
    carried = [("sure", "1"), ("back", sent.text("back"))]
    if sent.text("all"):
        carried += [("all", "1"), ("until", sent.text("until")), *_sent_filters(request).items()]
    else:
        carried += [("mail", text) for text in _sent_mails(request)]
    rows = [(shown_ids(one), one["recipient"] or "-", documents.about(one)) for one in found]
    return page(
        request,
        "queue_delete.html",
        title=words.SURE,
        w=words,
        rows=rows[:_AT_A_GLANCE],
        more=max(0, len(rows) - _AT_A_GLANCE),
        number=len(rows),
        carried=carried,
        back=back,
    )


async def _wanted(request: Request) -> list[Chosen]:
    """Whose mails are meant: of one, of those chosen, or of all that the filters let through."""
    if form(request).text("all"):
        return [
            Chosen(one["event_ids"][0], one.get("uid"), one.get("source"))
            for one in await _found(request)
            if one["event_ids"]
        ]
    given = [unpacked(text, str, int, str) for text in _sent_mails(request)]
    return [Chosen(*one) for one in given if one is not None]


async def _found(request: Request) -> list[Document]:
    """The deliveries of what is meant, as they are now."""
    sent = form(request)
    listed = (await ask(request, "queue.list")).result["deliveries"]
    if sent.text("all"):
        until = documents.local(sent.text("until"))
        return [
            one
            for one in matching(listed, _sent_filters(request))
            if until is None or (at := documents.local(one["accepted"])) is None or at <= until
        ]
    wanted = await _wanted(request)
    first, others = set(wanted), {(one.id, one.uid) for one in wanted}
    return [
        one
        for one in listed
        for uid, source in [(one.get("uid"), one.get("source"))]
        # What is known of a mail to many is whose its first event is.
        if any(Chosen(id_, uid, source) in first for id_ in one["event_ids"][:1])
        or any((id_, uid) in others for id_ in one["event_ids"][1:])
    ]


def _sent_mails(request: Request) -> list[str]:
    sent = form(request)
    return sent.texts("one") or sent.texts("mail")


def _sent_filters(request: Request) -> dict[str, str]:
    sent = form(request)
    return _filters({name: sent.text(name) for name in ("state", "text")})


def _back(request: Request) -> str:
    """Where the user came from: the list with its filters, or the event."""
    back = form(request).text("back")
    return back if back.startswith(("/queue", "/history")) else PATH


def _portions(ids: Sequence[str]) -> Iterator[list[str]]:
    """As many ids at a time as one question holds."""
    some: list[str] = []
    size = 0
    for id_ in ids:
        some.append(id_)
        size += len(id_.encode(errors="replace")) + 3
        if size > _ID_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


class _Result:
    """What became of all questions together."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left: list[Any] = []
        self.number = 0

    def add(self, result: Document) -> None:
        self.number += result["changed"]
        self._left += unchanged(result)

    def told(self, request: Request, back: str) -> Response:
        """The end of the request, with what was done and what was left alone."""
        for text in self._left[:5]:
            session(request).tell("error", text)
        kind = "ok" if self.number or not self._left else "error"
        said = said_changed(self._name, self.number, listed=False)
        return done(request, said, back, kind=kind)


routes = [
    Route(PATH, show),
    Route(f"{PATH}/retry", retry, methods=["POST"]),
    Route(f"{PATH}/delete", delete, methods=["POST"]),
]
