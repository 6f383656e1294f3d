"""Whether what should run does: what `zaiond-ctl jobs` shows."""

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zaiond.ctl import jobs as ctl
from zaiond.ctl import labels
from zaiond.web.context import ask, language_of
from zaiond.web.listing import has, id_of, part
from zaiond.web.numbers import last_runs
from zaiond.web.render import page
from zaiond.web.words import charts as chart_words
from zaiond.web.words import jobs as words

PATH = "/jobs"


async def show(request: Request) -> Response:
    """The jobs that the filters let through, those that need a look first."""
    given = request.query_params
    state = given.get("state", "")
    filters = {
        "state": state if state in labels.JOB_STATES else "",
        "text": given.get("text", "").strip(),
    }
    reply, now = await ask(request, "jobs.list"), datetime.now().astimezone()
    runs = (await ask(request, "jobs.runs")).result["jobs"]
    seen = view(reply.result, filters, given.get("page", ""), now)
    seen["runs"] = {
        one.name: last_runs(id_of(one.name), one.name, runs[one.name], language_of(request), now)
        for one in seen["part"].rows
        if one.name in runs
    }
    return page(request, "jobs.html", title=words.TITLE, w=words, c=chart_words, live=5, **seen)


def view(
    listed: dict[str, Any], filters: dict[str, str], asked: str, now: datetime
) -> dict[str, Any]:
    """What the template shows of the document of `jobs --json`."""
    state, text = filters["state"], filters["text"]
    found = [
        one
        for one in listed["jobs"]
        if (not state or one["state"] == state) and has(text, one["job"])
    ]
    shown = part(ctl.standing(found, now), asked, PATH, filters)
    return {"part": shown, "filters": filters}


routes = [Route(PATH, show)]
