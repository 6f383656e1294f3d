"""The settings: the seed's page, its test streamed as it happens. Which rows there are, and what is
wrong with an answer, `zaiond.setup` says; the files are read and written by `settings_service`.
"""

import secrets
from collections.abc import AsyncIterator
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from zaiond.ctl import documents
from zaiond.ctl import words as ctl
from zaiond.selftest import render as selftest
from zaiond.text import Text
from zaiond.web.asking import NoAnswer, Refused
from zaiond.web.context import ask, form, language_of, note, session, web
from zaiond.web.fields import advice, on_page
from zaiond.web.render import complain, done, html_of, page
from zaiond.web.settings_form import Entered, View, entered, view
from zaiond.web.settings_service import NoSettings
from zaiond.web.words import settings as words

PATH = "/settings"
MOST_TOLD = 20  # results of a test, in the journal
PIECE = "x-piece"  # only the test's lines are wanted: the page is there

_STATUS = {"not_permitted": 403, "malformed": 400}  # where no field is wrong

Reply = dict[str, Any]


async def show(request: Request) -> Response:
    """The settings as they are in the files."""
    shown = await _shown(request)
    if isinstance(shown, Response):
        return shown
    seen = view(shown, errors=[*shown["broken"], *shown["errors"]], warnings=shown["warnings"])
    alert = words.MEND_FIRST if shown["broken"] else None
    notice = words.NEW_FILE if shown["new"] else None
    return _page(request, shown, seen, alert=alert, notice=notice)


async def update(request: Request) -> Response:
    """更新: what `setup` writes."""
    given = entered(form(request))
    try:
        reply = await _ask(request, "update", given, revision=given.revision)
    except NoSettings as error:
        return await _kept(request, given, error.text, 503)
    if not reply["ok"]:
        return await _refused(request, reply, given, words.ERRORS)
    if not reply["files"]:
        return done(request, ctl.NOTHING_TO_CHANGE, PATH)
    note(request, words.updated(files=", ".join(reply["files"])))
    for file in reply["files"]:
        session(request).tell("ok", ctl.updated(path=file))
    taken, kind = await _taken(request, reply["path"])
    return done(request, taken, PATH, kind=kind)


async def cancel(request: Request) -> Response:
    """キャンセル: what was entered is forgotten."""
    return done(request, ctl.CANCELLED, PATH)


async def test(request: Request) -> Response:
    """実行: a test mail by what is entered, saved or not; each step when it has ended."""
    given = entered(form(request))
    shown = None if PIECE in request.headers else await _shown(request)
    if isinstance(shown, Response):
        return shown
    lines = web(request).settings.lines(
        "try", language=language_of(request), addresses=given.addresses, **_answers(given)
    )
    try:
        first = await anext(lines)
    except NoSettings as error:
        return await _kept(request, given, error.text, 503)
    if first.get("ok") is False:
        await lines.aclose()
        return await _refused(request, first, given, words.TEST_ERRORS)
    pieces = _pieces(request, first, lines)
    if shown is None:
        return StreamingResponse(pieces, media_type="text/html")
    place = secrets.token_hex(16)
    seen = view(shown, given=given)
    whole = _html(request, shown, seen, given, result=Markup(place), revision=given.revision)  # noqa: S704
    before, _, behind = whole.partition(place)

    async def streamed() -> AsyncIterator[str]:
        yield before
        async for piece in pieces:
            yield piece
        yield behind

    return StreamingResponse(streamed(), media_type="text/html")


async def again(_: Request) -> Response:
    """The address of a test that is over."""
    return RedirectResponse(PATH, 303)


async def _pieces(
    request: Request, first: Reply, lines: AsyncIterator[Reply]
) -> AsyncIterator[str]:
    """The test as HTML, line by line."""
    yield _piece(request, said=words.SENDING, kind="dim")
    reply: Reply | None = first
    try:
        while reply is not None:
            if "step" in reply:
                step = reply["step"]
                if step["warning"]:
                    step["warning"] = on_page(step["warning"], language_of(request))
                seconds = words.second(seconds=step["seconds"])
                yield _piece(request, step=step, seconds=seconds)
            elif "remark" in reply:
                remark = Text(reply["remark"]["ja"], reply["remark"]["en"])
                yield _piece(request, said=remark, kind="warning")
            elif reply["ok"]:
                for piece in _result(request, reply):
                    yield piece
            else:
                yield _piece(request, said=_message(reply), kind="line")
            reply = await anext(lines, None)
    except NoSettings:
        yield _piece(request, said=words.BROKEN_OFF, kind="error")


def _result(request: Request, document: Reply) -> list[str]:
    """The result in the words of interface 6, and below it cause and remedy."""
    language = language_of(request)
    results = document["results"]
    lines = selftest.lines(document, language)
    shown = [
        (f"line {'good' if one['ok'] else 'bad'}", line)
        for one, line in zip(results, lines, strict=False)
    ]
    remarks = [*selftest.whose(document, language), *selftest.remarks(document, language)]
    told_more = [*lines[len(results) :], *remarks]
    shown += [("advice", advice(line, language)) for line in told_more if line]
    told = "; ".join(
        f"{one['address']}: {'ok' if one['ok'] else one['reason']}" for one in results[:MOST_TOLD]
    )
    note(request, words.tested(results=told))
    return [_piece(request, said=line, kind=kind) for kind, line in shown]


def _piece(request: Request, **values: Any) -> str:
    html = html_of(request, "settings_step.html", w=words, **values)
    return html.replace("\n", " ").strip() + "\n"


# -- the other programs


def _answers(given: Entered) -> dict[str, dict[str, str]]:
    return {"changes": given.changes, "secrets": given.secrets}


async def _ask(request: Request, do: str, given: Entered, **more: str) -> Reply:
    service, language = web(request).settings, language_of(request)
    return await service.ask(do, language=language, **_answers(given), **more)


async def _shown(request: Request) -> Reply | Response:
    """What is in the files, or the page that says why that can't be shown."""
    shown = await web(request).settings.ask("show", language=language_of(request))
    return shown if shown["ok"] else complain(request, 403, words.CANT_SHOW, _message(shown))


def _message(reply: Reply) -> Text:
    return Text(reply["message"]["ja"], reply["message"]["en"])


async def _refused(request: Request, reply: Reply, given: Entered, wrong: Text) -> Response:
    """The page with what was entered, and what is wrong where it is wrong."""
    stays = PIECE in request.headers
    match reply["code"]:
        case "errors":
            shown = await _shown(request)
            if isinstance(shown, Response):
                return shown
            seen = view(
                shown,
                given=given,
                errors=reply["errors"],
                warnings=reply["warnings"],
                password_stays=stays,
            )
            # As it was seen first: what was changed since is told when there are no errors.
            shown["revision"] = given.revision
            return _page(request, shown, seen, given, alert=wrong, status_code=422)
        case "changed_meanwhile":
            warnings = reply["warnings"]
            seen = view(reply, given=given, warnings=warnings, compare=True, password_stays=stays)
            alert = words.CHANGED_MEANWHILE
            return _page(request, reply, seen, given, alert=alert, status_code=409)
        case "broken":
            seen = view(reply, given=given, errors=[*reply["broken"], *reply["errors"]])
            return _page(request, reply, seen, given, alert=words.MEND_FIRST, status_code=422)
    return await _kept(request, given, _message(reply), _STATUS.get(reply["code"], 503))


async def _kept(request: Request, given: Entered, why: Text, status_code: int) -> Response:
    """The page with what was entered, of which no field is wrong."""
    shown = await _shown(request)
    if isinstance(shown, Response):
        return shown
    seen = view(shown, given=given, password_stays=PIECE in request.headers)
    shown["revision"] = given.revision
    return _page(request, shown, seen, given, alert=why, status_code=status_code)


async def _taken(request: Request, path: str) -> tuple[Text, str]:
    """What becomes of what was written: as `setup` tells it."""
    try:
        await ask(request, "reload")
        in_use = (await ask(request, "status")).result["config"]["path"]
    except Refused as refused:
        errors = (refused.result or {}).get("errors", [])
        why = "; ".join([refused.message, *map(documents.diagnostic, errors)])
        return words.not_taken(why=why), "error"
    except NoAnswer as error:
        return error.text, "error"
    if in_use != path:
        return ctl.another_in_use(path=in_use), "warning"
    return ctl.TAKEN, "ok"


# -- the page


def _page(
    request: Request,
    shown: Reply,
    seen: View,
    given: Entered | None = None,
    *,
    status_code: int = 200,
    alert: Text | None = None,
    notice: Text | None = None,
) -> Response:
    if alert is None and seen.errors:
        alert = words.ERRORS
    return page(
        request,
        "settings.html",
        title=words.TITLE,
        status_code=status_code,
        **_values(shown, seen, given, alert=alert, notice=notice),
    )


def _html(
    request: Request, shown: Reply, seen: View, given: Entered, *, result: Markup, revision: str
) -> str:
    values = _values(shown, seen, given, result=result)
    return html_of(request, "settings.html", title=words.TITLE, **{**values, "revision": revision})


def _values(
    shown: Reply,
    seen: View,
    given: Entered | None,
    *,
    alert: Text | None = None,
    notice: Text | None = None,
    result: Markup | None = None,
) -> Reply:
    return {
        "w": words,
        "view": seen,
        "revision": shown["revision"],
        "addresses": given.addresses if given else "",
        "alert": alert,
        "notice": notice,
        "result": result,
    }


routes = [
    Route(PATH, show),
    Route(PATH, update, methods=["POST"]),
    Route(f"{PATH}/cancel", cancel, methods=["POST"]),
    Route(f"{PATH}/test", again),
    Route(f"{PATH}/test", test, methods=["POST"]),
]
