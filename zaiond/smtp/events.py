"""What a `Session`, or the login by POP before it, tells its pump; and what its opening says."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.syntax import Capabilities, Reply, printable


class Opened(msgspec.Struct, frozen=True):
    """The session is open: mail can be sent."""

    capabilities: Capabilities


class LoggedIn(msgspec.Struct, frozen=True):
    """The POP server has taken the login: by which method, and its words, printable."""

    method: Literal["APOP", "USER/PASS"]
    said: str


class Answered(msgspec.Struct, frozen=True):
    """A reply came: in the opening always, later only if `trace` is set.

    `about`: what it answers, where the stage alone doesn't say that: the mechanism, at AUTH.
    """

    stage: Stage
    reply: Reply
    about: str = ""

    @property
    def ends_step(self) -> bool:
        """Whether a step ends with it: a challenge of AUTH's dialogue ends none."""
        return self.stage is not Stage.AUTH or self.reply.code // 100 != 3

    @property
    def ok(self) -> bool:
        """Whether it is the reply that was hoped for (RFC 5321 4.2.1)."""
        return self.reply.code // 100 == (3 if self.stage is Stage.DATA else 2)

    @property
    def text(self) -> str:
        """The server's words; EHLO's with the extensions apart, AUTH's behind the mechanism."""
        reply = self.reply
        if self.stage is Stage.AUTH and self.about:
            return f"{self.about}: {reply.text}"
        if self.stage is Stage.EHLO and len(reply.lines) > 1:
            name, *extensions = reply.shown
            said = name + b": " + b", ".join(line.strip() for line in extensions)
            return f"{reply.code} {printable(said)}"
        return reply.text


class Envelope(msgspec.Struct):
    """The envelope's end. Without `failure` and with a recipient not in `refused`: content, please.

    With `failure`, or all recipients refused, the transaction is over.
    """

    refused: dict[str, Failure]
    failure: Failure | None = None


class Content(msgspec.Struct):
    """The reply to the final dot: 2yz, or the failure."""

    reply: Reply | None
    failure: Failure | None = None


class Ended(msgspec.Struct, frozen=True):
    """The session is over; `failure` is None after QUIT."""

    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Say:
    """A command to be sent, without CRLF; empty: only wait for the reply.

    `response`: what of it must not be quoted by anyone; `about`: what it is, for who reads along.
    """

    stage: Stage
    line: bytes = field(repr=False)
    response: bytes = field(default=b"", repr=False)
    about: str = ""


class StartTls(msgspec.Struct, frozen=True):
    """The handshake is to begin now; the opening is then sent a Reply of no meaning."""


Opening = Generator[Say | StartTls, Reply, Opened | LoggedIn]
"""Says one thing after the other, and is sent the reply to each."""
Event = Opened | LoggedIn | StartTls | Answered | Envelope | Content | Ended
