"""The spool: what `zaiond-ctl spool list` shows, and retry and delete. Deleting asks first."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond.ctl import documents, labels
from zaiond.ctl.queue import said_changed, spool_groups, spool_unchanged
from zaiond.text import Text
from zaiond.web.context import Form, ask, form, note, session
from zaiond.web.listing import has, packed, part, unpacked
from zaiond.web.render import done, page, sure
from zaiond.web.words import spool as words

PATH = "/spool"
_MOST_TOLD = 5  # files that were left alone, one by one

Document = dict[str, Any]


async def show(request: Request) -> Response:
    """The files that the filters let through, by why they are there."""
    given = request.query_params
    listed = (await ask(request, "spool.list")).result
    seen = view(listed, filters_of(given), given.get("page", ""), datetime.now().astimezone())
    return page(request, "spool.html", title=words.TITLE, w=words, live=5, **seen)


def view(listed: Document, filters: dict[str, str], asked: str, now: datetime) -> dict[str, Any]:
    """What the template shows of the document of `spool list --json`."""
    files, total = listed["files"], listed["total"]
    found = list(matching(files, filters))
    groups = spool_groups(found)
    rows = [(why, one) for why, ones in groups.items() for one in ones]
    shown = part(rows, asked, PATH, filters)
    parts: dict[tuple[str, str], list[Document]] = {}
    for why, one in shown.rows:
        age = documents.age(one["since"], now)
        parts.setdefault(why, []).append({**one, "age": age, "value": packed(one["name"])})
    told = labels.SOME_OF_ALL["spool list"](total=total, shown=len(files))
    return {
        "groups": [
            (state, labels.FILE_STATES[state], reason, len(groups[state, reason]), ones)
            for (state, reason), ones in parts.items()
        ],
        "part": shown,
        "number": len(found),
        "refused": any(one["state"] == "refused" for one in files),
        "filters": filters,
        "states": labels.FILE_STATES,
        "cut": told if total > len(files) else None,
    }


def filters_of(given: Mapping[str, str]) -> dict[str, str]:
    """The filters of an address or of a form; what there is not is none."""
    state = given.get("state", "")
    is_state = state in labels.FILE_STATES
    return {"state": state if is_state else "", "text": given.get("text", "").strip()}


def matching(files: Iterable[Document], filters: dict[str, str]) -> Iterator[Document]:
    """Those that the filters let through: `state`, and `text` that stands somewhere in them."""
    state, text = filters["state"], filters["text"]
    for one in files:
        if state and one["state"] != state:
            continue
        if has(text, one["name"], one["user"], one["reason"]):
            yield one


async def retry(request: Request) -> Response:
    """Takes refused files in again: those chosen, or all."""
    sent = form(request)
    names = [] if sent.text("all") else chosen(sent)
    if not names and not sent.text("all"):
        return done(request, words.NOTHING_CHOSEN, _back(request), kind="error")
    result = (await ask(request, "spool.retry", names=names)).result
    return _told(request, "spool retry", result, words.retried(number=result["changed"]))


async def delete(request: Request) -> Response:
    """Asks, and deletes what it has asked about."""
    sent, back = form(request), _back(request)
    names = chosen(sent)
    if sent.text("all"):
        listed = (await ask(request, "spool.list")).result["files"]
        filters = filters_of({name: sent.text(name) for name in ("state", "text")})
        names = [one["name"] for one in matching(listed, filters)]
    if not names:
        return done(request, words.NOTHING_CHOSEN, back, kind="error")
    if not sent.text("sure"):
        carried = [("sure", "1"), ("back", back), *(("file", packed(name)) for name in names)]
        really, rows = words.really(number=len(names)), [[name] for name in names]
        return sure(request, words.SURE, really, [labels.NAME], rows, carried=carried, back=back)
    result = (await ask(request, "spool.delete", names=names)).result
    return _told(request, "spool delete", result, words.deleted(number=result["changed"]))


def chosen(sent: Form) -> list[str]:
    """The names of the files that a form is about."""
    given = (unpacked(text, str) for text in sent.texts("one") or sent.texts("file"))
    return [one[0] for one in given if one is not None]


def _told(request: Request, name: str, result: Document, noted: Text) -> Response:
    """The end of the request, with what was done and what was left alone."""
    number, left = result["changed"], spool_unchanged(result)
    for text in left[:_MOST_TOLD]:
        session(request).tell("error", text)
    if number:
        note(request, noted)
    said, kind = said_changed(name, number, listed=False), "ok" if number or not left else "error"
    return done(request, said, _back(request), kind=kind)


def _back(request: Request) -> str:
    back = form(request).text("back")
    return back if back.startswith(PATH) else PATH


routes = [
    Route(PATH, show),
    Route(f"{PATH}/retry", retry, methods=["POST"]),
    Route(f"{PATH}/delete", delete, methods=["POST"]),
]
