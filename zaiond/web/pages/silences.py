"""Mails that are not wanted for a while: what `zaiond-ctl silence` shows and does."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond.ctl import silence as ctl
from zaiond.ctl.arguments import seconds
from zaiond.places import Advice
from zaiond.text import Text
from zaiond.web import words as common
from zaiond.web.asking import Refused
from zaiond.web.context import ask, form, note
from zaiond.web.render import done, page
from zaiond.web.words import silences as words

PATH = "/silences"
_MOST_PREFILLED = 20  # conditions that an address may give


async def show(request: Request) -> Response:
    """What is silenced, and a form, which the address may fill in."""
    given = request.query_params
    entered = {
        "matchers": "\n".join(given.getlist("match")[:_MOST_PREFILLED]),
        "for": given.get("for", ""),
        "comment": given.get("comment", ""),
    }
    return await _page(request, entered, {})


async def _page(
    request: Request, entered: dict[str, str], errors: dict[str, Text | Advice]
) -> Response:
    """`errors` by the field that they are about; "" : about all."""
    reply = await ask(request, "silence.list")
    return page(
        request,
        "silences.html",
        title=words.TITLE,
        w=words,
        status_code=422 if errors else 200,
        silences=[(one["id"], ctl.facts(one)) for one in reply.result["silences"]],
        entered=entered,
        errors=errors,
        **({} if errors else {"live": 5}),
    )


async def add(request: Request) -> Response:
    """Silences what matches."""
    sent = form(request)
    entered = {name: sent.text(name) for name in ("matchers", "for", "comment")}
    matchers = [line.strip() for line in entered["matchers"].splitlines() if line.strip()]
    errors = wrong(entered, matchers)
    if not errors and not matchers and not sent.text("all"):
        errors[""] = words.ALL_EVENTS
        entered["all"] = "1"
    if errors:
        return await _page(request, entered, errors)
    try:
        reply = await ask(
            request,
            "silence.add",
            matchers=matchers,
            seconds=seconds(entered["for"].strip()),
            comment=entered["comment"].strip(),
        )
    except Refused as refusal:
        return await _page(request, entered, {"": refusal.advice})
    id_ = reply.result["silences"][0]["id"]
    note(request, words.note_added(id=id_))
    return done(request, words.added(id=id_), PATH)


def wrong(entered: dict[str, str], matchers: list[str]) -> dict[str, Text | Advice]:
    """What the daemon need not be asked for, by its field."""
    errors: dict[str, Text | Advice] = {}
    for one in matchers:
        field, equals, pattern = one.partition("=")
        if not (field and equals and pattern):
            errors["matchers"] = words.no_matcher(text=one[:100])
    if seconds(entered["for"].strip()) is None:
        errors["for"] = words.no_length(text=entered["for"][:100])
    if not entered["comment"].strip():
        errors["comment"] = common.NO_COMMENT
    return errors


async def expire(request: Request) -> Response:
    """Ends a silence now."""
    id_ = form(request).text("id")
    try:
        await ask(request, "silence.expire", id=id_)
    except Refused as refusal:
        return done(request, refusal.advice, PATH, kind="error")
    note(request, words.note_expired(id=id_))
    return done(request, words.expired(id=id_), PATH)


routes = [
    Route(PATH, show),
    Route(f"{PATH}/add", add, methods=["POST"]),
    Route(f"{PATH}/expire", expire, methods=["POST"]),
]
