"""What is served: every page's routes behind the gate, and the pages that say what went wrong."""

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from zaiond.web import doors, guard, static, words
from zaiond.web.asking import NoAnswer, Refused
from zaiond.web.context import Web, web
from zaiond.web.gate import Gate
from zaiond.web.pages import (
    account,
    fleet,
    history,
    jobs,
    login,
    problems,
    queue,
    routes,
    settings,
    silences,
    spool,
    status,
)
from zaiond.web.render import complain, page
from zaiond.web.settings_service import NoSettings
from zaiond.web.words import doors as doors_words
from zaiond.web.words import settings as settings_words

_LONGEST_METHOD = 20  # characters that are shown


async def _home(_: Request) -> Response:
    return RedirectResponse("/status", 303)


ROUTES = [
    Route("/", _home),
    *doors.ROUTES,
    *static.routes,
    *login.routes,
    *account.routes,
    *status.routes,
    *queue.routes,
    *spool.routes,
    *history.routes,
    *problems.routes,
    *jobs.routes,
    *fleet.routes,
    *silences.routes,
    *routes.routes,
    *settings.routes,
]


def build(what: Web) -> Gate:
    """The application, of which there is one in a process."""
    app = Starlette(
        routes=ROUTES,
        exception_handlers={
            HTTPException: _http_error,
            NoAnswer: _no_answer,
            NoSettings: _no_settings,
            Refused: _refused,
            Exception: _fault,
        },
    )
    app.state.web = what
    app.router.redirect_slashes = False
    return Gate(app, what)


async def _http_error(request: Request, error: Any) -> Response:
    is_door, status = guard.door(request.scope["path"]) is not None, error.status_code
    if status != 405:
        if is_door:
            return doors.complain(request, status, doors_words.NOT_FOUND)
        return complain(request, status, words.NOT_FOUND, words.NOT_FOUND_WHY)
    allowed = ", ".join(allowed_methods(request.scope))
    told = {"allowed": allowed, "method": request.method[:_LONGEST_METHOD]}
    if is_door:
        answer = doors.complain(request, status, doors_words.wrong_method(**told))
    else:
        answer = complain(request, status, words.WRONG_METHOD, words.wrong_method(**told))
    answer.headers["allow"] = allowed  # RFC 9110 15.5.6
    return answer


def allowed_methods(scope: Any) -> list[str]:
    """What may be asked at an address, by all routes that have it."""
    here = (route for route in ROUTES if route.matches(scope)[0] is not Match.NONE)
    return sorted({method for route in here for method in route.methods or ()})


async def _no_answer(request: Request, error: Any) -> Response:
    title, again = words.NO_DAEMON, request.method == "GET"
    live = {"live": 5} if again else {}
    answer = page(
        request, "error.html", title=title, why=error.text, again=again, status_code=503, **live
    )
    answer.headers["retry-after"] = "5"
    return answer


async def _no_settings(request: Request, error: Any) -> Response:
    return complain(request, 503, settings_words.CANT_SHOW, error.text)


async def _refused(request: Request, error: Any) -> Response:
    return complain(request, 409, words.NOT_DONE, error.advice)


async def _fault(request: Request, error: Exception) -> Response:
    web(request).journal.error(
        words.internal_error(path=request.scope["path"][:200]), by="internal error", error=error
    )
    if guard.door(request.scope["path"]) is not None:
        return doors.complain(request, 500, words.FAULT_WHY)
    return complain(request, 500, words.FAULT, words.FAULT_WHY)
