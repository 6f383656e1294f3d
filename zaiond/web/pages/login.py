"""Coming in, by a link that works once or by name and password, and going out."""

import hmac
import math
import secrets
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from zaiond.text import Text
from zaiond.web import guard, sessions
from zaiond.web.context import address, form, note, web
from zaiond.web.logins import Login
from zaiond.web.render import complain, page
from zaiond.web.words import login as words

_LONGEST_NAME = 200  # characters that the form shows again


async def show(request: Request) -> Response:
    """The page that asks who it is."""
    wanted = guard.page_of_ours(request.query_params.get("next", ""))
    if request.scope["zaiond.session"] is not None:
        return RedirectResponse(wanted, 303)
    return _asked(request, wanted)


async def log_in(request: Request) -> Response:
    """By name and password."""
    what, given, where = web(request), form(request), address(request)
    wanted = guard.page_of_ours(given.text("next"))
    name = given.text("name").strip()
    if not what.asks_password:
        return _asked(request, wanted)
    login = await what.logins.log_in(name, given.text("password"), where)
    if login.account is not None:
        what.journal.info(words.logged_in(name=name, address=where), user=name, address=where)
        return with_session(request, RedirectResponse(wanted, 303), name, login.account.since)
    # A name that isn't known may be a password: nothing of it goes into the journal.
    who = Text(name, name) if login.known else words.NOBODY_KNOWN
    refused = refusal(login, words.WRONG)
    line = words.login_refused(name=who, address=where, why=refused.why)
    what.journal.warning(line, by=where, user=name if login.known else "", address=where)
    return refused.of(_asked(request, wanted, name[:_LONGEST_NAME], refused.why))


class Refusal(NamedTuple):
    """Why a password is not taken, and the status of the answer; `wait` in seconds."""

    why: Text
    status_code: int
    wait: float = 0.0

    def of(self, answer: Response) -> Response:
        """This answer, as one that refuses."""
        answer.status_code = self.status_code
        if self.wait:
            answer.headers["retry-after"] = str(math.ceil(self.wait))
        return answer


def refusal(login: Login, wrong: Text) -> Refusal:
    """Of a login that was refused; `wrong` is said of a wrong password."""
    if login.outcome == "wait":
        return Refusal(words.wait(minutes=math.ceil(login.wait / 60)), 429, login.wait)
    return Refusal(words.BUSY, 503) if login.outcome == "busy" else Refusal(wrong, 403)


def _asked(request: Request, wanted: str, name: str = "", error: Text | None = None) -> Response:
    """The form. Its secret is bound to a cookie of its own, as there is no session yet."""
    what, token = web(request), request.scope["zaiond.token"]
    if not token:
        request.scope["zaiond.token"] = secrets.token_urlsafe(32)
    accounts = what.logins.accounts if what.asks_password else None
    answer = page(
        request,
        "login.html",
        title=words.TITLE,
        w=words,
        wanted=wanted,
        name=name,
        error=error,
        asks_password=what.asks_password,
        fault=what.logins.fault if what.asks_password else None,
        has_accounts=accounts is not None and bool(accounts.accounts),
    )
    if not token:
        _set_cookie(request, answer, request.scope["zaiond.token"], None)
    return answer


async def once(request: Request) -> Response:
    """The link that was printed at the start. It works once, and not for a browser that only looks
    ahead.
    """
    what, given = web(request), request.path_params["token"]
    if request.method != "GET" or "prefetch" in request.headers.get("sec-purpose", ""):
        return Response(status_code=503)
    if what.link is None or not hmac.compare_digest(given.encode(), what.link.encode()):
        return complain(request, 403, words.USED_UP, words.USED_UP_WHY)
    what.link = None
    name, where = what.link_name, address(request)
    what.journal.info(words.logged_in_by_link(name=name, address=where), user=name, address=where)
    return with_session(request, RedirectResponse("/status", 303), name, None)


async def log_out(request: Request) -> Response:
    """Ends the session."""
    note(request, words.LOGGED_OUT)
    what = web(request)
    what.sessions.end(request.scope["zaiond.token"])
    answer = RedirectResponse("/login", 303)
    _set_cookie(request, answer, "", 0)
    answer.headers["clear-site-data"] = '"cache"'
    return answer


def with_session(
    request: Request, answer: Response, name: str, since: float | None, said: Text | None = None
) -> Response:
    """This answer, with a new session in place of the one that there may be; its first page says
    what is `said`.
    """
    what = web(request)
    what.sessions.end(request.scope["zaiond.token"])
    browser = sessions.browser_of(request.headers.get("user-agent", ""))
    token = what.sessions.begin(name, since, address(request), browser)
    new = what.sessions.find(token)
    if said is not None and new is not None:
        new.tell("ok", said)
    _set_cookie(request, answer, token, int(sessions.IN_ALL))
    return answer


def _set_cookie(request: Request, answer: Response, token: str, seconds: int | None) -> None:
    what = web(request)
    secure = what.place.is_under_tls(request.scope["scheme"])
    answer.set_cookie(
        what.cookie, token, seconds, path="/", secure=secure, httponly=True, samesite="lax"
    )


routes = [
    Route("/login", show),
    Route("/login", log_in, methods=["POST"]),
    Route("/logout", log_out, methods=["POST"]),
    Route("/once/{token}", once),
]
