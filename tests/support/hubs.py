"""The hubs of a fleet without an engine: a transport that takes letters, or doesn't, as a test has
it.
"""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.support.delivery import Post
from zaiond.config.schema import Config
from zaiond.delivery.servers import ServerState
from zaiond.delivery.transport import Transport
from zaiond.model import Message, StoredEvent
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.way import HUBS

ADDRESS = "nats.example:4222"


class _Server(NamedTuple):
    address: str = ADDRESS
    max_connections: int = 8
    rate: None = None
    keep_idle: float = 0.05


class Fleet:
    """What the mails of a machine of this fleet need to know of it."""

    def letter(self, stored: StoredEvent) -> bytes:
        return json.dumps([stored.id, stored.uid]).encode() + b"\n" + stored.body

    def message_id(self, machine: str, stored: StoredEvent, *of: str) -> str:
        return f"<{stored.uid}.{stored.id}.{'.'.join(of)}@{machine}>"


class Hubs:
    """`taken` are the ids of what arrived, `reachable` whether a connection is given; `refuses`
    says why what is sent is not taken; while `holds_back`, nothing is answered.
    """

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.asked = 0  # how often something was sent
        self.reachable = True
        self.refuses: Cause | None = None
        self.answering = asyncio.Event()
        self.answering.set()
        self.changes: list[str] = []
        self.lost: list[_Connection] = []
        self.transport = Transport((_Server(),), (self._open,), repeats=True)

    async def _open(self) -> "_Connection":
        if not self.reachable:
            raise DeliveryFailure(self.failure("fleet"))
        return _Connection(self)

    @staticmethod
    def failure(cause: Cause) -> Failure:
        return Failure.of(Stage.HAND_OVER, ADDRESS, cause, detail="says the test")

    def changed(self, state: ServerState, works: bool) -> None:
        self.changes.append(state.state)

    def join(self, post: Post, config: Config, *, hands_on: bool = True) -> None:
        """The daemon is a member from this configuration on."""
        post.outbound.membership.join(Fleet(), self.transport, self.changed, hands_on=hands_on)
        post.configure(config)


class _Connection:
    reusable = True
    fresh_for = 3600.0

    def __init__(self, hubs: Hubs) -> None:
        self._hubs = hubs
        self.lost = False

    def login_expired(self, failures: Iterable[Failure]) -> bool:
        return False

    def refused_all_the_same(self, failures: Iterable[Failure]) -> None: ...

    def prepare(self, mail: Message) -> None:
        assert mail.recipients == (HUBS,)
        self._mail = mail

    async def ready(self) -> dict[str, Failure]:
        return {}

    def send_content(self) -> "asyncio.Future[dict[str, Reply]]":
        return asyncio.ensure_future(self._send(self._mail.content))

    async def _send(self, letter: bytes) -> dict[str, Reply]:
        hubs = self._hubs
        hubs.asked += 1
        await hubs.answering.wait()
        if not hubs.reachable:
            self.lost = True
            raise DeliveryFailure(hubs.failure("fleet"))
        if hubs.refuses is not None:
            raise DeliveryFailure(hubs.failure(hubs.refuses))
        named: Any = json.loads(letter.partition(b"\n")[0])
        hubs.taken.append(named[0])
        return {HUBS: Reply(0, (b"ZAIOND 1",))}

    async def close(self) -> None: ...

    def abort(self) -> None: ...
