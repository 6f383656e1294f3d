"""The account of who is logged in: where else he is, and his password. Whoever ends a login or
changes the password shows the present one first (OWASP ASVS 5 7.5.2, 6.2.3).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from zaiond import accounts
from zaiond.accounts import AccountsError
from zaiond.ctl import documents
from zaiond.net.machine import rfc3339
from zaiond.text import Text
from zaiond.web.context import address, form, note, session, web
from zaiond.web.pages import login
from zaiond.web.render import page
from zaiond.web.sessions import Session, name_of
from zaiond.web.settings_service import NoSettings
from zaiond.web.words import account as words

PATH = "/account"
_PLACES = ("session", "end", "all", "present", "new", "again")  # of errors


async def show(request: Request) -> Response:
    """Where the user is logged in, and the forms."""
    return _page(request)


def _page(
    request: Request,
    errors: Mapping[str, Text | None] = MappingProxyType({}),
    status_code: int = 200,
    chosen: Collection[str] = (),
) -> Response:
    """`errors` by what they are about: a field of the password's form, `end` (the password of the
    other form), `session` (what was chosen), `all`.
    """
    this = name_of(request.scope["zaiond.token"])
    own = web(request).sessions.of(session(request).name)
    return page(
        request,
        "account.html",
        title=words.TITLE,
        w=words,
        status_code=status_code,
        sessions=[_shown(id_, one, id_ == this) for id_, one in own.items()],
        chosen=chosen,
        errors={place: errors.get(place) for place in _PLACES},
        asks_password=web(request).asks_password,
    )


def _shown(id_: str, one: Session, is_this: bool) -> dict[str, Any]:
    now = datetime.now().astimezone()
    return {
        "id": id_,
        "is_this": is_this,
        "browser": one.browser or words.UNKNOWN,
        "address": one.address or words.UNKNOWN,
        "began": documents.brief(rfc3339(one.began), now),
        "used": documents.brief(rfc3339(one.used), now),
    }


async def end(request: Request) -> Response:
    """Ends other sessions: those chosen, or all."""
    what, sent, name = web(request), form(request), session(request).name
    others = what.sessions.of(name).keys() - {name_of(request.scope["zaiond.token"])}
    chosen = others if sent.text("others") else others & set(sent.texts("session"))
    if not chosen:
        return _page(request, {"session": words.NONE_CHOSEN}, 422)
    refused = await _refusal(request, sent.text("present"))
    if refused is not None:
        return refused.of(_page(request, {"end": refused.why}, chosen=chosen))
    said = words.ended(number=what.sessions.end_of(name, chosen))
    note(request, said)
    since = session(request).since
    # 7.2.4: who has shown the password goes on under another token.
    return login.with_session(request, RedirectResponse(PATH, 303), name, since, said)


async def change_password(request: Request) -> Response:
    """Gives the user a new password; of his sessions this one goes on, under another token."""
    what, sent, name = web(request), form(request), session(request).name
    present, new = sent.text("present"), sent.text("new")
    if not what.asks_password:
        return _page(request, status_code=422)
    try:
        accounts.check_password(new, name)
    except AccountsError as error:
        return _page(request, {"new": error.text}, 422)
    if new != sent.text("again"):
        return _page(request, {"again": words.DIFFER}, 422)
    refused = await _refusal(request, present)
    if refused is not None:
        return refused.of(_page(request, {"present": refused.why}))
    number = len(what.sessions.of(name)) - 1
    try:
        # As root, who asks for the present one, too: accounts.json is not ours to write.
        reply = await what.settings.ask("password", name=name, present=present, new=new)
    except NoSettings as error:
        return _page(request, {"all": error.text}, 503)
    if not reply["ok"]:
        return _page(request, {"all": Text(reply["message"]["ja"], reply["message"]["en"])}, 409)
    said = words.changed(number=number)
    note(request, said)
    return login.with_session(request, RedirectResponse(PATH, 303), name, reply["since"], said)


async def _refusal(request: Request, present: str) -> login.Refusal | None:
    """Why this is not taken for the present password of who asks; None: it is. A wrong one counts
    as it does at the login.
    """
    what, name, where = web(request), session(request).name, address(request)
    tried = await what.logins.log_in(name, present, where)
    if tried.account is not None:
        return None
    refused = login.refusal(tried, accounts.WRONG)
    line = words.refused(name=name, address=where, why=refused.why)
    what.journal.warning(line, by=where, user=name, address=where)
    return refused


routes = [
    Route(PATH, show),
    Route(f"{PATH}/end", end, methods=["POST"]),
    Route(f"{PATH}/password", change_password, methods=["POST"]),
]
