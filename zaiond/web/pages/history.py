"""The history: what `zaiond-ctl history` shows, as a list and of one event with everything."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond.ctl import documents, labels
from zaiond.ctl import history as ctl
from zaiond.model import OPEN
from zaiond.places import event_page
from zaiond.text import Text
from zaiond.web.context import ask, language_of
from zaiond.web.listing import address, packed
from zaiond.web.numbers import mails_by_hour
from zaiond.web.render import page
from zaiond.web.words import charts as chart_words
from zaiond.web.words import history as words

PATH = "/history"
LIMITS = (50, 100, 500, 1000)  # of which the first is the default
LOOK_AT = 50_000  # events for one page, whatever the filters are
_OFTEN, _SELDOM = 5, 30  # seconds between two looks, at few and at many
_LONGEST_BEFORE = 18  # digits
_EXACT = ("type", "source", "key", "job")  # filters as the daemon takes them

Document = dict[str, Any]


# -- the list


async def show(request: Request) -> Response:
    """The newest events that the filters let through, or those before one; of one id everything."""
    given = request.query_params
    if given.get("id"):
        return await _event(request, given["id"].strip())
    filters, limit = _filters(given), _limit(given.get("limit", ""))
    begin = ctl.moment(filters["since"]) if filters["since"] else None
    wrong = filters["since"] and begin is None
    arguments: Document = {name: filters[name] for name in _EXACT if filters[name]}
    if begin is not None:
        arguments["since"] = begin
    if filters["failed"]:
        arguments["failed"] = True
    before = given.get("before", "")
    if before.isascii() and before.isdigit() and len(before) <= _LONGEST_BEFORE:
        arguments["before"] = int(before)
    is_older = "before" in arguments
    asked = {"limit": 0 if wrong else limit, "look_at": LOOK_AT, **arguments}
    reply, hours = await ask(request, "history", **asked), None
    if not is_older:
        numbers = await ask(request, "hours")
        hours = mails_by_hour(numbers.result, language_of(request))
    seen = view(reply.result, filters, limit, datetime.now().astimezone(), is_older=is_older)
    return page(
        request,
        "history.html",
        title=words.TITLE,
        w=words,
        live=_OFTEN if limit <= LIMITS[1] and not is_older else _SELDOM,
        error=words.not_since(text=filters["since"][:100]) if wrong else None,
        c=chart_words,
        hours=hours,
        **seen,
    )


def view(
    found: Document, filters: dict[str, str], limit: int, now: datetime, *, is_older: bool = False
) -> dict[str, Any]:
    """What the template shows of the document of `history --json`; `is_older`: it is not the newest
    part.
    """
    events, older = found["events"], found.get("older")
    more = next((one for one in LIMITS if one > limit), None)
    is_full = len(events) >= limit and not is_older
    stay = {**filters, "limit": str(limit) if limit != LIMITS[0] else ""}
    return {
        "older": address(PATH, **stay, before=str(older)) if older is not None else None,
        "newest": address(PATH, **stay) if is_older else None,
        "looked": None
        if older is None or len(events) >= limit
        else words.looked_at(number=f"{LOOK_AT:,}"),
        "rows": [
            (documents.brief(one["time"], now), documents.outcome(one), one["id"], ctl.about(one))
            for one in reversed(events)
        ],
        "filters": filters,
        "limit": limit,
        "limits": LIMITS,
        "full": words.newest(number=limit) if is_full else None,
        "more": address(PATH, **filters, limit=str(more)) if is_full and more else None,
        "cut": words.CUT_OFF if found.get("truncated") else None,
    }


def _filters(given: Mapping[str, str]) -> dict[str, str]:
    filters = {name: given.get(name, "").strip() for name in ("since", *_EXACT)}
    return {**filters, "failed": "1" if given.get("failed") else ""}


def _limit(text: str) -> int:
    return next((one for one in LIMITS if text == str(one)), LIMITS[0])


# -- one event


async def show_one(request: Request) -> Response:
    """Everything about the event of the address."""
    return await _event(request, request.path_params["id"])


async def _event(request: Request, id_: str) -> Response:
    """The page of an event; of all of them, where several have the same id."""
    reply = await ask(request, "history", id=id_)
    events = reply.result["events"]
    values: dict[str, Any] = {"w": words, "live": _OFTEN, "id": id_}
    if not events:
        title, gone = words.NOT_FOUND, ctl.gone(id_, reply.result)
        values |= {"title": title, "events": [], "gone": gone, "status_code": 404}
    else:
        values |= {"title": words.EVENT, "events": list(map(whole, events)), "gone": None}
    return page(request, "event.html", **values)


def whole(event: Document) -> dict[str, Any]:
    """What the template shows of an event."""
    deliveries = event["deliveries"]
    waits = event["outcome"] in (*OPEN, "grouped", "held")
    return {
        "id": event["id"],
        "facts": ctl.facts(event),
        "message": ctl.message(event) if event.get("message") else None,
        "members": [
            (_without_colon(title), ctl.members(event, name))
            for name, title in (("data", labels.DATA), ("extensions", labels.EXTENSIONS))
            if event.get(name)
        ],
        "deliveries": [
            {
                "recipient": one["recipient"],
                "state": documents.state_of(one),
                "server": one.get("server"),
                "facts": ctl.delivery_facts(one),
                "attempts": ctl.attempts(one),
            }
            for one in deliveries
        ],
        "chosen": packed(event["id"], event["uid"], event["source"], None),
        "back": event_page(event["id"]),
        "may_retry": waits
        or any(one["outcome"] in (*OPEN, "failed", "expired") for one in deliveries),
        "tried": any(one["attempts"] for one in deliveries),
        "may_delete": waits or any(one["outcome"] in OPEN for one in deliveries),
    }


def _without_colon(title: Text) -> Text:
    return Text(title.ja.rstrip(":"), title.en.rstrip(":"))


routes = [Route(PATH, show), Route(f"{PATH}/{{id:path}}", show_one)]
