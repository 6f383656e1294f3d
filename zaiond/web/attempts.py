"""Wrong passwords: ten of them for a name, or from an address, are a wait of a minute; each further
one doubles it, up to an hour. During a wait the right password is refused, too, and not looked at.
"""

import hashlib
import ipaddress

import msgspec

FREE = 10  # wrong ones without a wait
FIRST_WAIT = 60.0  # seconds
LONGEST_WAIT = 3600.0
FORGOTTEN_AFTER = 24 * 3600.0  # seconds after the last wrong one
MOST = 2000  # names and addresses


class Tried(msgspec.Struct):
    """How often, and when last, in seconds since the epoch."""

    wrong: int
    last: float


class Attempts(msgspec.Struct):
    """What is kept on disk: names only by a hash with this `key`, as people type passwords where
    the name belongs.
    """

    key: str
    tried: dict[str, Tried] = {}

    def wait(self, name: str, address: str, now: float) -> float:
        """Seconds for which no password is taken."""
        return max(self._wait(one, now) for one in self._keys(name, address))

    def failed(self, name: str, address: str, now: float) -> None:
        """One more wrong password."""
        for one in self._keys(name, address):
            tried = self._tried(one, now)
            self.tried[one] = Tried(tried.wrong + 1, now)
        if len(self.tried) > MOST:
            for one in sorted(self.tried, key=self._badness)[: len(self.tried) - MOST]:
                del self.tried[one]

    def succeeded(self, name: str, address: str) -> None:
        """A right one: what was wrong before counts no more."""
        for one in self._keys(name, address):
            self.tried.pop(one, None)

    def _badness(self, one: str) -> tuple[bool, float]:
        tried = self.tried[one]
        return tried.wrong >= FREE, tried.last

    def _wait(self, one: str, now: float) -> float:
        tried = self._tried(one, now)
        if tried.wrong < FREE:
            return 0.0
        # Doubled no more often than makes a difference: the number may be large.
        length = min(LONGEST_WAIT, FIRST_WAIT * (1 << min(tried.wrong - FREE, 16)))
        return max(0.0, min(length, tried.last + length - now))

    def _tried(self, one: str, now: float) -> Tried:
        tried = self.tried.get(one)
        if tried is None or now - tried.last > FORGOTTEN_AFTER:
            return Tried(0, now)
        return tried

    def _keys(self, name: str, address: str) -> tuple[str, str]:
        given = name.encode(errors="surrogatepass")
        hashed = hashlib.blake2b(given, digest_size=16, key=self.key.encode()).hexdigest()
        return f"name {hashed}", f"address {_network(address)}"


def _network(address: str) -> str:
    """What one may take all addresses of: with IPv6 a network of 64 bits (RFC 6177 2)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, ipaddress.IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), 64), strict=False))
