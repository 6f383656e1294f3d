"""What a page finds in its request: the daemon, the journal, who asks, the fields of a form."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.requests import Request

from zaiond.journal import Journal
from zaiond.text import Language, Text
from zaiond.web import words
from zaiond.web.asking import Daemon, Reply
from zaiond.web.bodies import Room
from zaiond.web.guard import Place
from zaiond.web.logins import Logins
from zaiond.web.sessions import Session, Sessions
from zaiond.web.settings_service import SettingsService
from zaiond.web.static import Static

BODY_SECONDS = 30.0  # in which what is sent with a request must have come, and
SLOWEST = 32 * 1024  # bytes in each second more: a log of 10 MiB on a slow line
_RANGE = re.compile(r"\s*(ja|en)\b[^,;]*(?:;\s*q=([\d.]{1,5}))?\s*$", re.IGNORECASE | re.ASCII)
_MOST_LANGUAGES = 500  # characters of Accept-Language that are read


@dataclass(slots=True, kw_only=True)
class Web:
    """What the process has one of. `asks_password`: who comes in has a name and a password; else by
    `link`, the token that lets `link_name` in, None once it was used or is too old.
    """

    daemon: Daemon
    journal: Journal
    logins: Logins
    sessions: Sessions
    settings: SettingsService
    static: Static
    place: Place
    cookie: str  # its name
    asks_password: bool
    link: str | None = None
    link_name: str = ""

    def forget_link(self) -> None:
        """Nobody comes in by it any more."""
        self.link = None

    room: Room = field(default_factory=Room)  # for what programs send


def web(request: Request) -> Web:
    """What the process has one of."""
    return cast(Web, request.app.state.web)


def session(request: Request) -> Session:
    """Of who asks; each page but the login has one."""
    return cast(Session, request.scope["zaiond.session"])


def address(request: Request) -> str:
    """Where who asks is, as far as that is known."""
    return cast(str, request.scope["zaiond.address"])


def program(request: Request) -> str:
    """Which program asks at a door of its own: the name that its token is for."""
    return cast(str, request.scope["zaiond.program"])


def preferred(accept: str) -> Language | None:
    """Which of our languages a browser likes best (RFC 9110 12.5.4); None: it names neither."""
    best: Language | None = None
    best_quality = 0.0
    for one in accept[:_MOST_LANGUAGES].split(","):
        found = _RANGE.match(one)
        if found is None:
            continue
        try:
            quality = float(found[2] or 1)
        except ValueError:
            continue
        if quality > best_quality:
            best, best_quality = ("ja" if found[1].lower() == "ja" else "en"), quality
    return best


def language_of(request: Request) -> Language:
    """The language to answer in: the browser's, else the daemon's."""
    asked = request.headers.get("accept-language", "")
    return preferred(asked) or web(request).journal.language


class TooMuch(Exception):  # noqa: N818 - the sender's fault
    """More was sent than is read."""


class Form(dict[str, list[str]]):
    """The fields of a form, each with its values in order."""

    def text(self, name: str) -> str:
        """The value of a field; "" where there is none."""
        return self[name][-1] if name in self else ""

    def texts(self, name: str) -> list[str]:
        """All values of a field."""
        return self.get(name, [])


def form(request: Request) -> Form:
    """What was sent by POST; that it came from a page of ours was checked before."""
    return cast(Form, request.scope["zaiond.form"])


async def received(request: Request, most: int) -> AsyncIterator[bytes]:
    """What is sent, as it comes. Raises TooMuch, TimeoutError."""
    size, begun = 0, asyncio.get_running_loop().time()
    async with asyncio.timeout(BODY_SECONDS) as patience:
        async for piece in request.stream():
            size += len(piece)
            patience.reschedule(begun + BODY_SECONDS + size / SLOWEST)
            if size > most:
                raise TooMuch
            yield piece


async def ask(request: Request, command: str, **arguments: Any) -> Reply:
    """One question to the daemon, in the name of who asks and in his language. Raises NoAnswer,
    Refused: where a page does not catch them, a page says so.
    """
    what = web(request)
    if what.asks_password:  # else the daemon knows the user by itself
        arguments["by"] = session(request).name
    return await what.daemon.ask(command, **arguments, language=language_of(request))


def note(request: Request, text: Text, **fields: Any) -> None:
    """A line of the journal about what was done, by whom and from where."""
    name, where = session(request).name, address(request)
    line = words.noted(name=name, address=where, what=text)
    web(request).journal.info(line, user=name, address=where, **fields)
