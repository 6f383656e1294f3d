"""The doors for programs: /metrics and /v1/, each with a token of its kind (interface 10).

What is about an event is answered as the event socket does, a line for each in order; all else in a
sentence. The status is 200 where nothing need be sent again: every event is on disk, or was refused
for good beside others that are.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from zaiond.accounts import TokenKind, owner_of_token
from zaiond.client import shorten
from zaiond.event_rules import MAX_EVENT_BYTES, Unfit
from zaiond.text import Sentence, Text
from zaiond.web import alertmanager, bodies, guard, pings
from zaiond.web.asking import NoAnswer, Refused
from zaiond.web.context import (
    SLOWEST,
    TooMuch,
    address,
    language_of,
    program,
    received,
    web,
)
from zaiond.web.words import doors as words

MOST_LOG_BYTES = 64 * 1024 * 1024  # that are read of a log; its two ends are kept
_JOBS = "/v1/jobs/"
_TEMPORARY = {"unavailable": (503, 5), "disk_full": (507, 60), "quota": (429, 10)}
_FOR_GOOD = {"too_large": 413, "conflict": 409}
_MIB = 1024 * 1024
_encode = msgspec.json.Encoder().encode
Reply = dict[str, Any]


class _Wrong(Exception):  # noqa: N818 - the request's fault
    """The request gets this answer."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer


async def metrics(request: Request) -> Response:
    """The daemon's numbers."""
    from zaiond.web.metrics import render  # prometheus-client, for who is scraped

    daemon = web(request).daemon
    try:
        reply = await daemon.ask("metrics")
    except NoAnswer as error:
        return complain(request, 503, error.text)
    except Refused as error:
        return complain(request, 503, Text(error.message, error.message))
    body, kind = render(reply.result, request.headers.get("accept", ""))
    return Response(body, headers={"content-type": kind})


async def events(request: Request) -> Response:
    """One event, JSON lines, a CloudEvents batch, or a CloudEvent in headers."""

    def lines(body: bytes) -> list[bytes]:
        return bodies.lines(dict(request.headers), body, _source(request))

    return await _posted(request, lines)


async def alerts(request: Request) -> Response:
    """Alertmanager's webhook. It sends again what gets a 5xx, and that alone."""

    def lines(body: bytes) -> list[bytes]:
        try:
            found = alertmanager.events(alertmanager.decode(body))
        except ValueError:
            raise bodies.Unreadable(words.NO_WEBHOOK) from None
        if not found:
            raise bodies.Unreadable(words.NO_ALERT)
        return [_fitting(bodies.line_of(event, _source(request)), request) for event in found]

    answer = await _posted(request, lines)
    if answer.status_code in (429, 507):
        answer.status_code = 503
    return answer


async def ping(request: Request) -> Response:
    """How a run of a job stands; the body is its log."""
    job, how = _job(request), request.path_params["how"]
    if not job:
        return complain(request, 404, words.NO_NAME)
    if not pings.is_result(how):
        return complain(request, 404, words.NO_RESULT)
    language = language_of(request)
    try:
        log = await _log(request)
        event = await asyncio.to_thread(pings.event, job, how, log, language)
    except _Wrong as wrong:
        return wrong.answer
    except shorten.TooLong:
        return _refused(request, 400, "invalid", words.LONG_NAME)
    return await _sent(request, [bodies.line_of(event, _source(request))])


ROUTES = [
    Route("/metrics", metrics),
    Route("/v1/events", events, methods=["POST"]),
    Route("/v1/alertmanager", alerts, methods=["POST"]),
    Route(f"{_JOBS}{{job:path}}/{{how}}", ping, methods=["POST"]),
]


def refusal(request: Request, kind: TokenKind) -> Response | None:
    """Why a program may not come in by a door that takes tokens of this kind; None: it may."""
    what = web(request)
    token = guard.bearer(request.headers.get("authorization", ""))
    why, status, fault = words.NO_TOKEN, 401, ""
    if token is not None:
        known = what.logins.accounts
        owner = owner_of_token(token, kind, known)
        if owner is not None:
            request.scope["zaiond.program"] = owner
            return None
        if what.logins.fault is not None:
            return complain(request, 503, what.logins.fault)
        # RFC 6750 3.1
        why, fault = words.WRONG_TOKEN, ', error="invalid_token"'
        if owner_of_token(token, "emit" if kind == "metrics" else "metrics", known) is not None:
            why = words.FOR_EVENTS if kind == "metrics" else words.FOR_METRICS
            status, fault = 403, ', error="insufficient_scope"'
    where, path = address(request), request.scope["path"][:100]
    line = words.token_refused(path=path, address=where, why=why)
    what.journal.warning(line, by="token", address=where)
    answer = complain(request, status, why)
    answer.headers["www-authenticate"] = f'Bearer realm="zaiond"{fault}'
    return answer


def complain(request: Request, status: int, text: Text) -> Response:
    """An answer that is about no event, in a sentence."""
    said = text.in_language(language_of(request))
    headers = {"retry-after": "5"} if status == 503 else {}
    return PlainTextResponse(f"{said}\n", status, headers)


# -- what comes in


def _source(request: Request) -> str:
    """What emits, where an event does not say so: the program that the token is for."""
    return f"web:{program(request)}"


def _job(request: Request) -> str:
    """The name in the address, whatever its encoding is: the server knows UTF-8 alone."""
    path = unquote_to_bytes(request.scope["raw_path"]).removeprefix(_JOBS.encode())
    return bodies.text(path.rpartition(b"/")[0])


async def _posted(request: Request, lines: Callable[[bytes], list[bytes]]) -> Response:
    """Reads a body, of which `lines` makes the lines of its events, and sends them on."""
    room = web(request).room
    size = 0
    try:
        pieces = []
        async for piece in _pieces(request, bodies.BODY_BYTES):
            if not room.take(len(piece)):
                return _refused(request, 503, "unavailable", words.BUSY, retry=True)
            size += len(piece)
            pieces.append(piece)
        body = b"".join(pieces)
        pieces.clear()
        return await _sent(request, lines(body))
    except _Wrong as wrong:
        return wrong.answer
    except bodies.Unreadable as error:
        if error.too_large:
            return _refused(request, 413, "too_large", error.text)
        return _refused(request, 400, "invalid", error.text)
    finally:
        room.give(size)


def _fitting(line: bytes, request: Request) -> bytes:
    """The line of an event, its message shortened where it is too long: Alertmanager can't."""
    if len(line) <= MAX_EVENT_BYTES:
        return line
    try:
        return shorten.line(line, language_of(request))
    except (shorten.TooLong, Unfit):
        return line


async def _pieces(
    request: Request, most: int, too_large: Sentence = words.too_large
) -> AsyncIterator[bytes]:
    """What is sent, as it comes. Raises _Wrong: it is too much (as `too_large` says), too slow, or
    packed.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise _Wrong(complain(request, 415, words.PACKED))  # RFC 9110 15.5.16
    try:
        async for piece in received(request, most):
            yield piece
    except TooMuch:
        text = too_large(most=f"{most // _MIB} MiB")
        raise _Wrong(_refused(request, 413, "too_large", text)) from None
    except TimeoutError:
        text = words.too_slow(rate=f"{SLOWEST // 1024} KiB/s")
        raise _Wrong(_refused(request, 408, "unavailable", text, retry=True)) from None


async def _log(request: Request) -> pings.Log:
    log = pings.Log()
    async for piece in _pieces(request, MOST_LOG_BYTES, words.log_too_large):
        log.add(piece)
    return log


# -- what goes out


async def _sent(request: Request, lines: Sequence[bytes]) -> Response:
    """Puts events into the event socket; answers with the reply to each."""
    if not lines:  # a batch without events
        return _answer(200, [])
    try:
        replies, why = await web(request).daemon.emit(lines), words.UNKNOWN_END
    except NoAnswer as error:
        replies, why = [], error.text
    unknown = _error("unavailable", why, request, retry=True)
    replies = [*replies, *[unknown] * (len(lines) - len(replies))]
    return _answer(status_of(replies), replies)


def status_of(replies: Sequence[Reply]) -> int:
    """The status of an answer with these replies: an error where the same is to be sent again, or
    nothing of it was taken.
    """
    codes = [reply.get("code") for reply in replies if reply["status"] != "ok"]
    for code, (status, _) in _TEMPORARY.items():
        if code in codes:
            return status
    if len(codes) < len(replies):
        return 200
    return _FOR_GOOD.get(str(codes[0]), 400) if len(set(codes)) == 1 else 400


def _refused(
    request: Request, status: int, code: str, text: Text, *, retry: bool = False
) -> Response:
    return _answer(status, [_error(code, text, request, retry=retry)])


def _error(code: str, text: Text, request: Request, *, retry: bool) -> Reply:
    message = text.in_language(language_of(request))
    return {"status": "error", "code": code, "message": message, "retry": retry}


def _answer(status: int, replies: Sequence[Reply]) -> Response:
    body = b"".join(_encode(reply) + b"\n" for reply in replies)
    kind = "application/json" if len(replies) == 1 else "application/x-ndjson"
    headers = {"content-type": kind}
    wait = next((str(wait) for of, wait in _TEMPORARY.values() if of == status), None)
    if wait is not None:
        headers["retry-after"] = wait
    return Response(body, status, headers)
