"""The queue: what `zaiond-ctl queue list` shows, and retry and delete of one mail, of those chosen,
and of all. Deleting asks first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from glob import escape
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond.ctl import documents, labels
from zaiond.ctl.queue import Mail, groups, mails, said_changed, shown_ids, unchanged
from zaiond.web.context import Form, ask, form, note, session
from zaiond.web.listing import has, packed, part, unpacked
from zaiond.web.render import done, page, sure
from zaiond.web.words import queue as words

PATH = "/queue"
STATES = ("held", "deferred", "waiting")
_ID_BYTES = 300 * 1024  # of ids in one question, which has 1 MiB at most
_OFTEN, _SELDOM = 5, 30  # seconds between two looks, at few and at many
_FEW = 1000  # deliveries

Document = dict[str, Any]


class Chosen(NamedTuple):
    """An event's id, and whose it is, if that is known: others may use the same. `mail`: its
    Message-ID, where the mail is meant, whatever else it tells of.
    """

    id: str
    uid: int | None = None
    source: str | None = None
    mail: str | None = None


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
        "states": {one: labels.STATES[one] for one in STATES},
        "cut": told if cut else None,
        "chosen": chosen_of,
        "until": now.isoformat(),
    }


def matching(deliveries: Iterable[Document], filters: dict[str, str]) -> Iterator[Document]:
    """Those that the filters let through: `state`, and `text` that stands somewhere in them."""
    state, text = filters["state"], filters["text"]
    for one in deliveries:
        if state and one["state"] != state:
            continue
        places = (one.get(name) for name in ("recipient", "subject", "type", "key", "source"))
        if has(text, *places, *one["event_ids"]):
            yield one


def chosen_of(delivery: Document) -> str:
    """A mail as a field of a form."""
    return packed(*_chosen(delivery))


def _chosen(delivery: Document) -> Chosen:
    of = delivery["event_ids"][0], delivery.get("uid"), delivery.get("source")
    return Chosen(*of, delivery["message_id"])


def _filters(given: Mapping[str, str]) -> dict[str, str]:
    state = given.get("state", "")
    return {"state": state if state in STATES else "", "text": given.get("text", "").strip()}


# -- what is done


async def retry(request: Request) -> Response:
    """Sends mails now."""
    sent, back = form(request), _back(request)
    if sent.text("all") and not any(_sent_filters(sent).values()):
        ids: list[str] = []  # all that waits, also what is not listed
    else:
        ids = list(dict.fromkeys(one.id for one in chosen(sent, await _listed(request))))
        if not ids:
            return done(request, words.NOTHING_CHOSEN, back, kind="error")
    result = _Result("queue retry")
    for some in _portions(ids) if ids else [[]]:
        result.add((await ask(request, "queue.retry", ids=some)).result)
    if result.number:
        note(request, words.retried(number=result.number))
    return result.told(request, back)


async def delete(request: Request) -> Response:
    """Asks, and deletes what it has asked about."""
    sent, back = form(request), _back(request)
    listed = await _listed(request)
    wanted = with_all_events(chosen(sent, listed), listed)
    if not wanted:
        return done(request, words.NOTHING_CHOSEN, back, kind="error")
    if not sent.text("sure"):
        return _are_you_sure(request, deliveries_of(wanted, listed), back)
    result = _Result("queue delete")
    again: list[Chosen] = []
    for some in _portions(list(dict.fromkeys(one.id for one in wanted))):
        found = (await ask(request, "queue.delete", ids=some)).result
        # Of an id that others use, too, nothing was deleted: it is said whose is meant.
        several = {one["id"] for one in found["ambiguous"]}
        told_apart = [one for one in wanted if one.id in several and one.uid is not None]
        known = {one.id for one in told_apart}
        found["ambiguous"] = [one for one in found["ambiguous"] if one["id"] not in known]
        result.add(found)
        again += told_apart
    for one in again:
        source = {} if one.source is None else {"source": escape(one.source)}
        result.add((await ask(request, "queue.delete", ids=[one.id], uid=one.uid, **source)).result)
    if result.number:
        note(request, words.deleted(number=result.number))
    return result.told(request, back)


def _are_you_sure(request: Request, found: Sequence[Document], back: str) -> Response:
    """The question, which carries along what was chosen."""
    sent = form(request)
    carried = [("sure", "1"), ("back", sent.text("back"))]
    if sent.text("all"):
        carried += [("all", "1"), ("until", sent.text("until")), *_sent_filters(sent).items()]
    else:
        carried += [("mail", text) for text in _sent_mails(sent)]
    rows = [(shown_ids(one), one["recipient"] or "-", documents.about(one)) for one in found]
    head = labels.EVENT_ID, labels.TO, labels.SUBJECT
    really = words.really(number=len(rows))
    return sure(request, words.SURE, really, head, rows, carried=carried, back=back)


async def _listed(request: Request) -> list[Document]:
    listed: list[Document] = (await ask(request, "queue.list")).result["deliveries"]
    return listed


def chosen(sent: Form, listed: Iterable[Document]) -> list[Chosen]:
    """What a form means: one mail, those chosen, or all that the filters let through and that were
    there when the list was shown.
    """
    if not sent.text("all"):
        given = [unpacked(text, str, int, str, str) for text in _sent_mails(sent)]
        return [Chosen(*one) for one in given if one is not None]
    until = documents.local(sent.text("until"))
    return [
        _chosen(one)
        for one in matching(listed, _sent_filters(sent))
        if one["event_ids"]
        and (until is None or (at := documents.local(one["accepted"])) is None or at <= until)
    ]


def with_all_events(wanted: Sequence[Chosen], listed: Iterable[Document]) -> list[Chosen]:
    """With the other events that a mail which is meant tells of, as far as the list has them."""
    whole = {one.mail for one in wanted} - {None}
    others = [one["event_ids"][1:] for one in listed if one["message_id"] in whole]
    return [*wanted, *(Chosen(id_) for ids in others for id_ in ids)]


def deliveries_of(wanted: Sequence[Chosen], listed: Iterable[Document]) -> list[Document]:
    """Every delivery that tells of one of these events."""
    ids, owned = {one.id for one in wanted}, {one[:3] for one in wanted}
    anybodys = {one.id for one in wanted if one.uid is None}

    def tells(one: Document) -> bool:
        # Whose they are is known of the first event alone.
        first, others = one["event_ids"][:1], one["event_ids"][1:]
        return (
            any((id_, one.get("uid"), one.get("source")) in owned for id_ in first)
            or not anybodys.isdisjoint(first)
            or not ids.isdisjoint(others)
        )

    return list(filter(tells, listed))


def _sent_mails(sent: Form) -> list[str]:
    return sent.texts("one") or sent.texts("mail")


def _sent_filters(sent: Form) -> dict[str, str]:
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
