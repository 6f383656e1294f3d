"""What is open: what `zaiond-ctl problems` shows, and closing a problem by hand."""

from datetime import datetime
from glob import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond.ctl import documents, labels
from zaiond.ctl import problems as ctl
from zaiond.ctl.terminal import Painted
from zaiond.model import SEVERITIES
from zaiond.web import words as common
from zaiond.web.asking import Refused
from zaiond.web.context import ask, form, note
from zaiond.web.listing import address, has, id_of, packed, part, unpacked
from zaiond.web.render import done, page
from zaiond.web.words import problems as words

PATH = "/problems"
Document = dict[str, Any]


async def show(request: Request) -> Response:
    """The problems that the filters let through, the worst first."""
    given = request.query_params
    severity = given.get("severity", "")
    filters = {
        "severity": severity if severity in SEVERITIES else "",
        "text": given.get("text", "").strip(),
    }
    reply = await ask(request, "problems.list")
    seen = view(reply.result, filters, given.get("page", ""), datetime.now().astimezone())
    return page(request, "problems.html", title=words.TITLE, w=words, live=5, **seen)


def view(listed: Document, filters: dict[str, str], asked: str, now: datetime) -> dict[str, Any]:
    """What the template shows of the document of `problems --json`."""
    found = [one for one in listed["problems"] if _matches(one, filters)]
    shown = part(found, asked, PATH, filters)
    return {
        "problems": [
            {
                "name": _name(one),
                "id": id_of(_name(one), one["uid"]),
                "title": Painted(_name(one), ctl.COLOURS.get(one["severity"], "bold")),
                "facts": [fact for fact in ctl.facts(one, now) if fact[0] != labels.EVENT_ID],
                "event": one["event_id"],
                "chosen": packed(_name(one), one["uid"]),
                "history": address("/history", **{_field(one): _name(one)}),
                "silence": address("/silences", match=_match(one)),
            }
            for one in shown.rows
        ],
        "part": shown,
        "filters": filters,
        "severities": {
            one: common.at_least(severity=documents.severity(one) or one) for one in SEVERITIES
        },
        "back": address(PATH, **filters),
    }


def _name(problem: Document) -> str:
    name: str = problem["key"] or problem["job"]
    return name


def _field(problem: Document) -> str:
    return "key" if problem["key"] else "job"


def _match(problem: Document) -> str:
    return f"{_field(problem)}={escape(_name(problem))}"


def _matches(problem: Document, filters: dict[str, str]) -> bool:
    """Whether it is at least so severe, and has the text somewhere."""
    severity, text = filters["severity"], filters["text"]
    worst = problem["severity"] or SEVERITIES[-1]
    if severity and SEVERITIES.index(worst) > SEVERITIES.index(severity):
        return False
    places = _name(problem), problem["job"], problem["subject"], problem["type"], problem["user"]
    return has(text, *places)


async def close(request: Request) -> Response:
    """Ends a problem by hand."""
    sent = form(request)
    comment, back = sent.text("comment").strip(), sent.text("back")
    back = back if back.startswith(PATH) else PATH
    chosen = unpacked(sent.text("problem"), str, int)
    if chosen is None or not comment:
        return done(request, common.NO_COMMENT, back, kind="error")
    key, uid = chosen
    try:
        reply = await ask(request, "problems.close", key=key, uid=uid, comment=comment)
    except Refused as refusal:
        return done(request, refusal.advice, back, kind="error")
    closed: list[Document] = reply.result["problems"]
    if not closed:
        several = reply.result["ambiguous"]
        said = ctl.ambiguous(key, several) if several else labels.no_problem(key=key)
        return done(request, said, back, kind="error")
    note(request, words.closed(key=key, comment=comment))
    return done(request, ctl.said_closed(closed[0], datetime.now().astimezone()), back)


routes = [Route(PATH, show), Route(f"{PATH}/close", close, methods=["POST"])]
