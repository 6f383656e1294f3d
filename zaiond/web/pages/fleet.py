"""The fleet as a hub knows it: what `zaiond-ctl fleet status` shows."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond.ctl import fleet_status, fleet_words
from zaiond.web.context import ask
from zaiond.web.render import page
from zaiond.web.words import fleet as words

PATH = "/fleet"


async def show(request: Request) -> Response:
    """Members, hubs, and what waits for them."""
    reply = await ask(request, "fleet")
    return page(
        request, "fleet.html", title=words.TITLE, w=words, f=fleet_words, live=10,
        **view(reply.result),
    )  # fmt: skip


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
