"""What a `Session`, or the login by POP before it, tells its pump."""

from dataclasses import dataclass
from typing import Literal

from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.handshake import Capabilities, StartTls
from zaiond.smtp.reply import Reply


@dataclass(frozen=True, slots=True)
class Opened:
    """The session is open: mail can be sent."""

    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The POP server has taken the login: by which method, and its words, printable."""

    method: Literal["APOP", "USER/PASS"]
    said: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply came: in the opening always, later only if `trace` is set.

    `about`: what it answers, where the stage alone doesn't say that: the mechanism, at AUTH.
    """

    stage: Stage
    reply: Reply
    about: str = ""


@dataclass(slots=True)
class Envelope:
    """The envelope's end. Without `failure` and with a recipient not in `refused`: content, please.

    With `failure`, or all recipients refused, the transaction is over.
    """

    refused: dict[str, Failure]
    failure: Failure | None = None


@dataclass(slots=True)
class Content:
    """The reply to the final dot: 2yz, or the failure."""

    reply: Reply | None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over; `failure` is None after QUIT."""

    failure: Failure | None


Event = Opened | StartTls | Answered | Envelope | Content | Ended
