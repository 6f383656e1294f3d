"""What a page finds in its request: the daemon, the journal, who asks, the fields of a form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette.requests import Request

from zaiond.journal import Journal
from zaiond.text import Text
from zaiond.web.asking import Daemon, Reply
from zaiond.web.guard import Place
from zaiond.web.sessions import Session, Sessions
from zaiond.web.settings_service import SettingsService
from zaiond.web.static import Static


@dataclass(slots=True, kw_only=True)
class Web:
    """What the process has one of. `link`: the token of the link that still lets somebody in."""

    daemon: Daemon
    journal: Journal
    sessions: Sessions
    settings: SettingsService
    static: Static
    place: Place
    cookie: str  # its name
    link: str | None = None
    link_name: str = ""


def web(request: Request) -> Web:
    """What the process has one of."""
    return cast(Web, request.app.state.web)


def session(request: Request) -> Session:
    """Of who asks; each page but the login has one."""
    return cast(Session, request.scope["zaiond.session"])


def address(request: Request) -> str:
    """Where who asks is, as far as that is known."""
    return cast(str, request.scope["zaiond.address"])


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
    return await web(request).daemon.ask(command, **arguments)


def note(request: Request, text: Text, **fields: Any) -> None:
    """A line of the journal about what was done, with who did it and where he is."""
    who: Mapping[str, Any] = {"user": session(request).name, "address": address(request)}
    web(request).journal.info(text, **who, **fields)
