"""Coming in and going out."""

import hmac

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from zaiond.web import sessions, words
from zaiond.web.context import Web, address, web
from zaiond.web.render import page


async def show(request: Request) -> Response:
    """The page that asks who it is."""
    if request.scope["zaiond.session"] is not None:
        return RedirectResponse("/status", 303)
    return page(request, "login.html", title=words.ENTER)


async def once(request: Request) -> Response:
    """The link that was printed at the start. It works once, and not for a browser that only looks
    ahead.
    """
    what, given = web(request), request.path_params["token"]
    if "prefetch" in request.headers.get("sec-purpose", ""):
        return Response(status_code=503)
    if what.link is None or not hmac.compare_digest(given.encode(), what.link.encode()):
        return page(request, "error.html", title=words.ONCE, why=words.ONCE_WHY, again=False,
                    status_code=403)  # fmt: skip
    what.link = None
    what.journal.info(words.entered(name=what.link_name, address=address(request)))
    return _with_session(request, RedirectResponse("/status", 303), what.link_name)


async def logout(request: Request) -> Response:
    """Ends the session."""
    what = web(request)
    what.sessions.end(request.scope["zaiond.token"])
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(what.cookie, path="/")
    return answer


def _with_session(request: Request, answer: Response, name: str) -> Response:
    what = web(request)
    what.sessions.end(request.scope["zaiond.token"])
    token = what.sessions.begin(name)
    is_tls = _is_under_tls(request, what)
    answer.set_cookie(
        what.cookie, token, int(sessions.IN_ALL), path="/", secure=is_tls, httponly=True,
        samesite="lax",
    )  # fmt: skip
    return answer


def _is_under_tls(request: Request, what: Web) -> bool:
    return request.url.scheme == "https" or what.place.is_behind_tls


routes = [
    Route("/login", show),
    Route("/logout", logout, methods=["POST"]),
    Route("/once/{token}", once),
]
