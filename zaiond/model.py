"""The nouns of zaiond: what flows from the event socket to the mail server.

An `Event` is what a producer told; a `Message` is the mail made of it, with its envelope; a
`Delivery` is one message on its way to one recipient; an `Attempt` is one try of a delivery.

Structs, for there is one of each a mail: a frozen dataclass takes ten times as long to make.
"""

from typing import Any, Literal

import msgspec

from zaiond.event_rules import is_named_as_notice
from zaiond.text import Text

Severity = Literal["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
SEVERITIES: tuple[Severity, ...] = (
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
)  # RFC 5424 6.2.1, worst first  # fmt: skip
URGENT: tuple[Severity, ...] = ("emerg", "alert", "crit")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event, complete: what the producer left out is filled in.

    `time` and `accepted` are seconds since the epoch; `time` is the producer's claim, `accepted` is
    when it was taken in. `uid` is what the kernel says, `source` what the event says. `notice`: the
    daemon itself made it, and nobody else can.
    """

    id: str
    uid: int
    type: str
    source: str
    time: float
    accepted: float
    severity: Severity = "info"
    subject: str | None = None
    message: str | None = None
    data: dict[str, Any] = {}
    key: str | None = None
    status: Literal["problem", "ok"] | None = None
    job: str | None = None
    extensions: dict[str, Any] = {}
    notice: bool = False

    @property
    def poses_as_notice(self) -> bool:
        """Whether it looks as if the daemon itself had made it, and it has not."""
        return not self.notice and is_named_as_notice(self.type, self.source)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as it goes over the wire, made once and kept: every retry is the same to the letter.

    `message_id` has its angle brackets. `reverse_path` and `recipients` are envelope addresses
    without them, as they are shown (`wire_address` makes of them what is sent). `content` is the
    whole mail, lines ended by CRLF, 7-bit unless `smtputf8`, each at most 998 octets; not
    dot-stuffed, without the final dot. `remark` is what its history must say of how it was made.
    """

    message_id: str
    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes
    smtputf8: bool = False
    remark: Text | None = None


def wire_address(address: str) -> str:
    """The address as a path or a header field has it.

    RFC 5321 4.1.2: a local part whose dots make it no Dot-string goes as a Quoted-string. Mobile
    carriers once gave out such addresses, and their owners write them without quotes.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    if local and ".." in f".{local}." and not local.startswith('"'):
        return f'"{local}"{at}{domain}'
    return address
