"""Where an event would go: what `zaiond-ctl route` says, of an event that a form describes (its
fields stand in the address), or of events in JSON.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond import wire
from zaiond.ctl import documents, labels
from zaiond.ctl import route as ctl
from zaiond.errors import EventError
from zaiond.model import SEVERITIES
from zaiond.places import Advice
from zaiond.text import Text
from zaiond.web.asking import Refused
from zaiond.web.context import ask, form
from zaiond.web.render import page
from zaiond.web.words import routes as words

PATH = "/routes"
FIELDS = ("type", "severity", "source", "subject", "key", "status", "job", "data")
MOST_EVENTS = 100  # that are decided at once
_MOST_BYTES = 300 * 1024  # of them: one question has 1 MiB at most

Errors = dict[str, Text | str | Advice]


async def show(request: Request) -> Response:
    """The forms; and where the address has an event, what is decided of it."""
    given = request.query_params
    entered = {name: given.get(name, "") for name in FIELDS}
    if not any(entered.values()):
        return await _page(request, entered, [], {})
    event, errors = event_of(entered)
    lines: list[bytes] = []
    try:
        lines.append(as_line(json.dumps(event)))
    except EventError as error:
        errors.setdefault(error.field if error.field in FIELDS else "", error.text)
    return await _page(request, entered, [] if errors else lines, errors)


async def pasted(request: Request) -> Response:
    """What is decided of events in JSON. Nothing is changed: there is no address to go on to."""
    text = form(request).text("lines")
    entered = dict.fromkeys(FIELDS, "") | {"lines": text}
    lines, error = lines_of(text)
    return await _page(request, entered, lines, {} if error is None else {"lines": error})


async def _page(
    request: Request, entered: dict[str, str], lines: list[bytes], errors: Errors
) -> Response:
    decided: list[dict[str, Any]] = []
    if lines and not errors:
        try:
            sent = [line.decode("utf-8", "replace") for line in lines]
            decided = (await ask(request, "route", lines=sent)).result["events"]
        except Refused as refusal:
            errors = {"": refusal.advice}
    return page(
        request,
        "routes.html",
        title=words.TITLE,
        w=words,
        status_code=422 if errors else 200,
        entered={"lines": ""} | entered,
        errors=errors,
        severities={one: documents.severity(one) for one in SEVERITIES},
        decided=[(documents.about(one), _decisions(one)) for one in decided],
    )


def _decisions(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "route": one["route"] or (labels.NO_ROUTE if one["to"] else None),
            "outcome": labels.STATES[one["outcome"]],
            "to": ", ".join(one["to"]),
            "when": ctl.when(one),
            "why": one["reason"],
        }
        for one in event["decisions"]
    ]


def event_of(entered: dict[str, str]) -> tuple[dict[str, Any], Errors]:
    """The event that the form describes, and what is wrong, by its field."""
    errors: Errors = {}
    event = {name: entered[name].strip() for name in FIELDS[:-1] if entered[name].strip()}
    data: dict[str, str] = {}
    for line in entered["data"].splitlines():
        name, equals, value = line.partition("=")
        if equals and name.strip():
            data[name.strip()] = value.strip()
        elif line.strip():
            errors["data"] = words.no_pair(text=line[:100])
    return {**event, **({"data": data} if data else {})}, errors


def lines_of(text: str) -> tuple[list[bytes], Text | None]:
    """The events of a text: one in JSON over several lines, or one a line. Or what is wrong."""
    texts = [line for line in text.splitlines() if line.strip()]
    try:
        if len(texts) > 1 and isinstance(json.loads(text), dict):
            texts = [json.dumps(json.loads(text))]
    except (ValueError, RecursionError):
        pass
    if not texts:
        return [], words.NO_LINES
    lines: list[bytes] = []
    for number, one in enumerate(texts, 1):
        try:
            lines.append(as_line(one))
        except EventError as error:
            said = error.text
            return [], said if len(texts) == 1 else words.of_line(number=number, text=said)
        if number > MOST_EVENTS or sum(map(len, lines)) > _MOST_BYTES:
            return [], words.too_many(most=min(number - 1, MOST_EVENTS))
    return lines, None


def as_line(text: str) -> bytes:
    """An event as it would be sent. Raises EventError."""
    data = text.encode("utf-8", "backslashreplace")
    if len(data) > wire.MAX_EVENT_BYTES:
        raise wire.too_large()
    return wire.parse(data).line


routes = [Route(PATH, show), Route(PATH, pasted, methods=["POST"])]
