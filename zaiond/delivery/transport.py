"""A way on which mails leave, as senders and the pool see it: the servers of it, and connections to
them. Mail has one; whoever hands events on in another manner brings another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from zaiond.config.schema import MailServer
from zaiond.delivery.servers import Server
from zaiond.model import Message
from zaiond.net.connection import SmtpConnection
from zaiond.net.context import ConnectionContext
from zaiond.smtp.failure import Failure
from zaiond.smtp.syntax import Reply


class Connection(Protocol):
    """What a sender works with, mail after mail; in which order, and what each call gives and
    raises, says the text of `net/connection.py`, which is one.
    """

    @property
    def lost(self) -> bool: ...
    @property
    def reusable(self) -> bool: ...
    @property
    def fresh_for(self) -> float: ...
    def login_expired(self, failures: Iterable[Failure]) -> bool: ...
    def refused_all_the_same(self, failures: Iterable[Failure]) -> None: ...
    def prepare(self, mail: Message) -> None: ...
    async def ready(self) -> dict[str, Failure]: ...
    def send_content(self) -> "asyncio.Future[dict[str, Reply]]": ...
    async def close(self) -> None: ...
    def abort(self) -> None: ...


class Transport(NamedTuple):
    """`servers` in the order in which they are tried, and `open`, of each: what gives a connection
    to it, or raises DeliveryFailure. `repeats`: what is sent once more arrives once all the same,
    so that nothing need be on disk before it is sent.
    """

    servers: Sequence[Server]
    open: Sequence[Callable[[], Awaitable[Connection]]]
    repeats: bool = False


def by_smtp(servers: Sequence[MailServer], context: ConnectionContext) -> Transport:
    """To the mail servers of a configuration."""

    def to(server: MailServer) -> Callable[[], Awaitable[Connection]]:
        return lambda: SmtpConnection.open(server, context)

    return Transport(servers, [to(server) for server in servers])
