"""One connection to a mail server, from the name to QUIT: the pump of the SMTP machine.

How a sender uses it, mail after mail:

    connection = await SmtpConnection.open(server, helo_name, tls=contexts)
    connection.prepare(mail)                    # MAIL, RCPT…, DATA are on their way
    while mail:
        refused = await connection.ready()      # {recipient: Failure}; may raise, see below
        (record on disk that it starts)
        finishing = connection.send_content()   # content and final dot, as one write
        if upcoming and connection.pipelining:
            connection.prepare(upcoming)        # goes out in the same write, behind the dot
        results = await finishing               # {recipient: Reply}; may raise, see below
        …

`prepare(mail, recipients)`: queues the envelope. Legal when no other envelope is under way, that
is: at the start, after `send_content()` (where `pipelining`; else after its result), and after a
`ready()` that ended the transaction. Never raises for what the network did: that comes out of
`ready()`.

`ready()`: once for each `prepare`. Returns the refused recipients. If all were refused, the
transaction is over: don't call `send_content()`, prepare the next. Raises `DeliveryFailure` if
MAIL or DATA was refused, the mail can't be sent here (too big, SMTPUTF8), or the connection is
lost: the transaction is over, nothing of its content was sent. Afterwards `lost` says whether the
connection can still be used.

`send_content()`: only after a `ready()` that left a recipient. Before this call no byte of the
content leaves. Returns a future: the server's reply for each recipient that was not refused, or
`DeliveryFailure` of stage CONTENT (refused; or `ambiguous`, if the connection was lost), or of
stage DATA if the connection was lost before it was called (nothing was sent).

Writes are gathered until the event loop's next turn: `send_content()` and `prepare()` in one turn
are one write.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zaiond.model import Message
from zaiond.net.tls import TlsContexts, TlsInfo
from zaiond.smtp.reply import Reply
from zaiond.smtp.verdict import Failure

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a session as it ended: for `test -v` and its --json."""

    step: str
    ok: bool
    seconds: float
    detail: str


class SmtpConnection:
    """See the module's text. All methods belong to the event loop's thread."""

    server: "MailServer"
    tls: TlsInfo | None
    pipelining: bool

    @classmethod
    async def open(
        cls,
        server: "MailServer",
        helo_name: str,
        *,
        tls: TlsContexts | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> "SmtpConnection":
        """Connects, secures, logs in, by `server`; `helo_name` counts where it has none.

        Raises:
            DeliveryFailure: no connection; everything is closed again.
        """
        raise NotImplementedError

    @property
    def lost(self) -> bool:
        """Whether the connection is of no more use: lost, refused, closing."""
        raise NotImplementedError

    @property
    def reusable(self) -> bool:
        """Whether it may be kept for the next mail: not lost, not half of `session_timeout` old."""
        raise NotImplementedError

    def prepare(self, mail: Message, recipients: tuple[str, ...] | None = None) -> None:
        """Queues the envelope of `mail`, to `recipients` (default: all of its own)."""
        raise NotImplementedError

    async def ready(self) -> dict[str, Failure]:
        """Waits until the content may be sent; the refused recipients, each with its failure."""
        raise NotImplementedError

    def send_content(self) -> "asyncio.Future[dict[str, Reply]]":
        """Sends the content; the future has the reply for each recipient that was not refused."""
        raise NotImplementedError

    async def close(self) -> None:
        """Says QUIT and closes; at most a few seconds. Idempotent, never raises for the network."""
        raise NotImplementedError

    def abort(self) -> None:
        """Closes at once, without a word. Idempotent."""
        raise NotImplementedError
