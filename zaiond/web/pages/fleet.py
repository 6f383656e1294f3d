"""The fleet as a hub knows it: what `zaiond-ctl fleet status` shows; and how a member is."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond.ctl import fleet_status, fleet_words
from zaiond.ctl.status import facts_of_fleet
from zaiond.web.asking import Refused
from zaiond.web.context import ask, web
from zaiond.web.render import complain, page
from zaiond.web.words import fleet as words

PATH = "/fleet"
LIVE = 10  # seconds between two looks


async def show(request: Request) -> Response:
    """Members, hubs, and what waits for them, at a hub; at a member, how that is."""
    try:
        found = (await ask(request, "fleet")).result
    except Refused as refused:
        status = (await ask(request, "status")).result
        if not web(request).daemon.is_of_fleet:
            return complain(request, 404, words.NONE, words.NONE_WHY)
        return page(
            request, "no_hub.html", title=words.TITLE, w=words, live=LIVE, **alone(status, refused)
        )
    return page(
        request, "fleet.html", title=words.TITLE, w=words, f=fleet_words, live=LIVE, **view(found)
    )


def alone(status: dict[str, Any], refused: Refused) -> dict[str, Any]:
    """What is shown where the fleet can't be: of the document of `status`."""
    fleet = status["fleet"]
    is_member = fleet is not None and fleet["role"] == "member"
    wrong = [one["message"] for one in status["problems"] if one["code"] == "fleet"]
    return {
        "is_member": is_member,
        "wrong": wrong if is_member else wrong or [refused.message],
        "facts": [] if fleet is None else list(facts_of_fleet(fleet)),
    }


def view(found: dict[str, Any]) -> dict[str, Any]:
    """What the template shows of the document of the control command `fleet`."""
    grace = found["grace"]
    return {
        "troubles": fleet_status.troubles(found, grace),
        "facts": fleet_status.facts(found, grace),
        "head": fleet_status.HEAD,
        "tables": fleet_status.tables(found, grace),
        "no_members": not found["members"],
    }


routes = [Route(PATH, show)]
