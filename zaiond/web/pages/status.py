"""Status: what `zaiond-ctl status` says, the worst first; `--ack` as a button."""

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond.ctl import documents, labels
from zaiond.ctl.status import facts
from zaiond.places import ACKNOWLEDGE, JOBS, MORE, QUEUE, Advice, Place, named
from zaiond.text import Text
from zaiond.web.context import ask, note
from zaiond.web.render import done, page
from zaiond.web.words import fleet
from zaiond.web.words import status as words


async def show(request: Request) -> Response:
    """How things are."""
    reply = await ask(request, "status")
    seen = view(reply.result)
    return page(request, "status.html", title=words.TITLE, w=words, fw=fleet, live=5, **seen)


async def acknowledge(request: Request) -> Response:
    """What has failed and expired so far is known."""
    reply = await ask(request, "status.ack")
    number = reply.result["acknowledged"]
    if number:
        note(request, words.acknowledged(number=number))
    return done(request, words.acknowledged(number=number), "/status")


def view(status: dict[str, Any]) -> dict[str, Any]:
    """What the template shows of the document of `status --json`."""
    return {
        "ok": status["ok"],
        "problems": [{**one, "more": _more(one)} for one in status["problems"]],
        "facts": list(_facts(status)),
        "errors": [documents.diagnostic(error) for error in status["config"]["errors"]],
        "fleet": (status.get("fleet") or {}).get("role") == "hub",
        "lost": any(ACKNOWLEDGE.name in one["places"] for one in status["problems"]),
    }


def _facts(status: dict[str, Any]) -> Iterator[tuple[Text, Any]]:
    """Those of the terminal, which lead to their pages; mails to come are among what waits."""
    to_come = status["routes"]["mails_to_come"]
    for label, value in facts(status):
        if not value or label == labels.OF_ROUTES["mails_to_come"]:
            continue
        if label == labels.QUEUE and isinstance(value, Text):
            said = words.with_to_come(queue=value, number=to_come) if to_come else value
            yield label, Advice(said, (QUEUE,))
        elif label == labels.JOBS and isinstance(value, Text):
            yield label, Advice(value, (JOBS,))
        else:
            yield label, value


def _more(problem: dict[str, Any]) -> list[Place]:
    """Where there is more about a problem; to say that one knows of it there is a button."""
    places = [one for one in named(problem["places"]) if one != ACKNOWLEDGE]
    return places or [Place("", MORE, problem["command"], None)]


routes = [Route("/status", show), Route("/status/ack", acknowledge, methods=["POST"])]
