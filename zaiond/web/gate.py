"""The gate before all pages: the Host, the session or the token, the form, how much is sent and how
long that may take, and the headers of each answer. What is not named as open here is closed.
"""

import time
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zaiond.text import Text
from zaiond.web import doors, guard, words
from zaiond.web.context import Form, TooMuch, Web, language_of, received
from zaiond.web.render import complain

OPEN = ("/login", "/once/", "/static/")  # what is to be had without a session
BODY_BYTES = 1024 * 1024
MOST_FIELDS = 2000  # of a form


class Gate:
    """Lets through to `app` what may."""

    def __init__(self, app: ASGIApp, web: Web) -> None:
        self._app = app
        self._web = web
        self.open_requests = 0
        self.last_request = self.last_use = time.monotonic()  # when the last one ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["zaiond.session"] = None
        self.open_requests += 1
        try:
            await self._serve(scope, receive, self._with_headers(scope, send))
        finally:
            self.open_requests -= 1
            self.last_request = time.monotonic()
            # A page that looks again by itself is no use of it, nor is a stranger's knocking.
            if scope["zaiond.session"] is not None and not guard.is_live(Headers(scope=scope)):
                self.last_use = self.last_request

    async def turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers that there is no room for the connection, whatever is asked."""
        scope["app"] = self._app
        said = words.TOO_MANY.in_language(language_of(Request(scope)))
        headers = {"retry-after": "5", "connection": "close"}
        answer = PlainTextResponse(f"{said}\n", 503, headers)
        await answer(scope, receive, self._with_headers(scope, send))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        web, headers = self._web, Headers(scope=scope)
        peer = scope["client"][0] if scope["client"] else ""
        scope["zaiond.address"] = guard.client_address(
            # Some proxies add a header line of their own behind the one that the browser sent.
            peer,
            ",".join(headers.getlist("x-forwarded-for")) or None,
            web.place,
        )
        scope["app"] = self._app
        request = Request(scope, receive)
        token = request.cookies.get(web.cookie, "")
        scope["zaiond.token"] = token
        scope["zaiond.session"] = web.sessions.find(token, counts=not guard.is_live(headers))
        refusal = await self._refusal(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, request._receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        """Why a request goes no further; None: it may."""
        web, scope = self._web, request.scope
        # The path by which routes are chosen, not that of `request.url`: the Host is part of that,
        # and could hold a path of its own.
        path, is_safe = scope["path"], request.method in guard.SAFE_METHODS
        kind = guard.door(path)
        if kind is not None:  # a token is sent by no browser by itself, wherever it was led to
            return doors.refusal(request, kind)
        host = request.headers.get("host", "")
        if not guard.host_is_ours(host, web.place):
            return self._suspect(request, 400, words.wrong_host(host=host[:100]))
        is_open = path.startswith(OPEN)
        if scope["zaiond.session"] is None and not is_open:
            if not is_safe:
                return complain(request, 403, words.SESSION_OVER, words.SESSION_OVER_WHY)
            query = scope["query_string"].decode("latin-1")
            wanted = f"{path}?{query}" if query else path
            return RedirectResponse(f"/login?next={quote(wanted, safe='')}", 303)
        if is_safe or request.method != "POST":  # no page takes another method: it is told so
            return None
        if not guard.is_from_us(request.headers, scope["scheme"], web.place):
            return self._suspect(request, 403, words.WRONG_ORIGIN)
        return await self._refusal_of_form(request)

    async def _refusal_of_form(self, request: Request) -> Response | None:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return complain(request, 415, words.REFUSED, words.NO_FORM)
        try:
            body = b"".join([piece async for piece in received(request, BODY_BYTES)])
            fields = parse_qs(
                body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
            )
        except TooMuch:
            return complain(request, 413, words.REFUSED, words.TOO_LARGE)
        except TimeoutError:
            return complain(request, 408, words.REFUSED, words.TOO_SLOW)
        except ValueError:
            return complain(request, 400, words.REFUSED, words.NO_FORM)
        form = Form(fields)
        request.scope["zaiond.form"] = form
        if not guard.form_is_ours(form.text("csrf"), request.scope["zaiond.token"]):
            return self._suspect(request, 403, words.WRONG_FORM)
        return None

    def _suspect(self, request: Request, status_code: int, why: Text) -> Response:
        """What no browser sends of a page of ours: the journal has it, too."""
        where, path = request.scope["zaiond.address"], request.scope["path"][:100]
        line = words.request_refused(path=path, address=where, why=why)
        self._web.journal.warning(line, by=where, address=where)
        return complain(request, status_code, words.REFUSED, why)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        more = dict(guard.UNDER_TLS if self._web.place.is_under_tls(scope["scheme"]) else {})
        given = Headers(scope=scope)
        if "transfer-encoding" in given and "content-length" in given:
            more["connection"] = "close"  # RFC 9112 6.1: what follows may be meant for another

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (guard.HEADERS | more).items():
                    headers.setdefault(name, value)
            await send(message)

        return sent
