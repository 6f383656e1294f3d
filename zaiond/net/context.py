"""What the connections made by one configuration share, and what they have found out about each
mail server: it saves each connection from finding it out anew.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zaiond.net.machine import MachineNames, Names
from zaiond.net.tls import TlsContexts
from zaiond.smtp.failure import Failure
from zaiond.smtp.mask import Mask
from zaiond.sockets import Address

if TYPE_CHECKING:
    from zaiond.oauth.tokens import Tokens

_LATELY = 600.0  # for so many seconds an address that failed is the last to be tried
_JUST_NOW = 10.0  # for so many it isn't tried for the sake of one mail
# What a server refuses in spite of a new login by POP is refused for another reason, and so is what
# follows: for so many seconds no login is tried again on its account.
_IN_VAIN = 30.0
_MOST_MASKS = 64


@dataclass(slots=True)
class PopLogin:
    """The login by POP that a server wants first; sessions share it, and there is one at a time.

    `number` counts the tries, `at` is when the last one succeeded, `failure` what became of it if
    it didn't. Times are the loop's.
    """

    number: int = 0
    at: float = float("-inf")
    failure: Failure | None = None
    believed_until: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def expired(self, number: int, now: float) -> bool:
        """The server refuses us as if it had forgotten login `number`: whether a mail is worth
        another try after a new one, which the next session then brings.
        """
        if now < self.believed_until:
            return False
        if self.number == number:
            self.at = float("-inf")
        return True

    def retry_failed(self, now: float) -> None:
        """The new login that `expired` asked for didn't help."""
        self.believed_until = now + _IN_VAIN


class ServerMemory:
    """What is known of one server.

    `address`: the one over which a mail was begun last, unless it has failed since.
    `pipelining`: False if it offers PIPELINING, and doesn't answer what is sent so.
    `plain`: False if it refused AUTH PLAIN and took AUTH LOGIN. `pop`: the login that comes first.
    """

    def __init__(self) -> None:
        self.pop = PopLogin()
        self.pipelining = True
        self.plain = True
        self.address: Address | None = None
        self._failed: dict[Address, float] = {}

    def in_order(self, addresses: Iterable[Address], now: float) -> list[Address]:
        """The addresses that the resolver gave, as they are to be tried: first the one that worked
        last, at the end those that failed lately, of these first the one whose failure is oldest.
        """
        order = list(addresses)
        self._failed = {
            address: at
            for address, at in self._failed.items()
            if address in order and now - at < _LATELY
        }
        return sorted(
            order, key=lambda each: (self._failed.get(each, float("-inf")), each != self.address)
        )

    def failed_just_now(self, address: Address, now: float) -> bool:
        """Whether it was of no use to a mail of just now, and so needn't be tried for the next."""
        return now - self._failed.get(address, float("-inf")) < _JUST_NOW

    def worked(self, address: Address) -> None:
        self.address = address
        self._failed.pop(address, None)

    def failed(self, address: Address, now: float) -> None:
        self._failed[address] = now
        if self.address == address:
            self.address = None


class Masks:
    """What each server may have been told, and must not be quoted with: on whichever connection, by
    whichever configuration.
    """

    def __init__(self) -> None:
        self._masks: dict[str, Mask] = {}

    def of(self, server: str) -> Mask:
        mask = self._masks.pop(server, None) or Mask()
        self._masks[server] = mask
        if len(self._masks) > _MOST_MASKS:
            del self._masks[next(iter(self._masks))]
        return mask


@dataclass(slots=True)
class ConnectionContext:
    """With a new configuration comes a new one; `tokens`, `names` (this machine's, as they are now)
    and `masks` may be those of the whole process. `servers` is by `host:port`.
    """

    tokens: "Tokens"
    names: Callable[[], Awaitable[Names]] = field(default_factory=lambda: MachineNames().current)
    tls: TlsContexts = field(default_factory=TlsContexts)
    servers: defaultdict[str, ServerMemory] = field(
        default_factory=lambda: defaultdict(ServerMemory)
    )
    masks: Masks = field(default_factory=Masks)

    def renewed(self) -> "ConnectionContext":
        """That of another configuration in the same process."""
        tls = TlsContexts(self.tls.common_names)
        return ConnectionContext(self.tokens, self.names, tls, masks=self.masks)
