"""What a page finds in its request: the daemon, the journal, who asks, the fields of a form."""

from dataclasses import dataclass, field
from typing import Any, cast

from starlette.requests import Request

from zaiond.journal import Journal
from zaiond.text import Text
from zaiond.web import words
from zaiond.web.asking import Daemon, Reply
from zaiond.web.bodies import Room
from zaiond.web.guard import Place
from zaiond.web.logins import Logins
from zaiond.web.sessions import Session, Sessions
from zaiond.web.settings_service import SettingsService
from zaiond.web.static import Static


@dataclass(slots=True, kw_only=True)
class Web:
    """What the process has one of. `asks_password`: who comes in has a name and a password; else by
    `link`, the token that lets `link_name` in, None once it was used.
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


async def ask(request: Request, command: str, **arguments: Any) -> Reply:
    """One question to the daemon, in the name of who asks. Raises NoAnswer, Refused: where a page
    does not catch them, a page says so.
    """
    what = web(request)
    if what.asks_password:  # else the daemon knows the user by himself
        arguments["by"] = session(request).name
    reply = await what.daemon.ask(command, **arguments)
    what.journal.language = reply.language  # it may be another one since
    return reply


def note(request: Request, text: Text, **fields: Any) -> None:
    """A line of the journal about what was done, by whom and from where."""
    name, where = session(request).name, address(request)
    line = words.noted(name=name, address=where, what=text)
    web(request).journal.info(line, user=name, address=where, **fields)
