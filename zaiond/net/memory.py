"""What is remembered of each mail server, as long as a configuration is in force: it saves each
connection from finding it out anew.
"""

import socket
from collections.abc import Iterable
from typing import Any

from zaiond.smtp.mask import Mask

Address = tuple[socket.AddressFamily, tuple[Any, ...]]

_LATELY = 600.0  # for so many seconds an address that failed is the last to be tried
_MOST_MASKS = 64
_JUST_NOW = 10.0  # for so many it isn't tried for the sake of one mail


class ServerMemory:
    """What is known of one server.

    `pipelining`: False if it offers PIPELINING, and doesn't answer what is sent so.
    `plain`: False if it refused AUTH PLAIN and took AUTH LOGIN.
    """

    def __init__(self) -> None:
        self.pipelining = True
        self.plain = True
        self._worked: Address | None = None
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
            order,
            key=lambda each: (self._failed.get(each, float("-inf")), each != self._worked),
        )

    def failed_just_now(self, address: Address, now: float) -> bool:
        """Whether it was of no use to a mail of just now, and so needn't be tried for the next."""
        return now - self._failed.get(address, float("-inf")) < _JUST_NOW

    def worked(self, address: Address) -> None:
        """A mail was begun over this address."""
        self._worked = address
        self._failed.pop(address, None)

    def failed(self, address: Address, now: float) -> None:
        """This address was of no use."""
        self._failed[address] = now
        if self._worked == address:
            self._worked = None


class ServerMemories:
    """Those of all servers; there are as many as the configuration has."""

    def __init__(self) -> None:
        self._memories: dict[str, ServerMemory] = {}

    def of(self, server: str) -> ServerMemory:
        """The one of `server` (host:port)."""
        return self._memories.setdefault(server, ServerMemory())


class Masks:
    """What each server may have been told, and must not be quoted with: on whichever connection, by
    whichever configuration.
    """

    def __init__(self) -> None:
        self._masks: dict[str, Mask] = {}

    def of(self, server: str) -> Mask:
        """The one of `server` (host:port)."""
        mask = self._masks.pop(server, None) or Mask()
        self._masks[server] = mask
        if len(self._masks) > _MOST_MASKS:
            del self._masks[next(iter(self._masks))]
        return mask
