"""Sessions: who came in, by a token of 256 bits that only the browser's cookie holds. Here is its
hash. A session ends after 30 minutes without a request of its user, after 12 hours in any case, and
by the logout.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from zaiond.text import Text

IDLE = 30 * 60.0  # seconds
IN_ALL = 12 * 3600.0  # seconds
MOST = 1000
MOST_MESSAGES = 10  # results that no page has shown yet
_BYTES = 32


@dataclass(slots=True)
class Session:
    """One browser's; times in seconds since the epoch."""

    name: str
    began: float
    used: float
    messages: list[tuple[str, Text]] = field(default_factory=list)  # "ok" or "error", what to say

    def tell(self, kind: str, text: Text) -> None:
        """Keeps a result for the next page that is shown."""
        self.messages = [*self.messages, (kind, text)][-MOST_MESSAGES:]


class Sessions:
    """`clock` gives seconds since the epoch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_hash: dict[str, Session] = {}

    def begin(self, name: str) -> str:
        """A new session of this user; gives its token."""
        now = self._clock()
        self._end_those_that_are_over(now)
        if len(self._by_hash) >= MOST:
            oldest = min(self._by_hash, key=lambda one: self._by_hash[one].used)
            del self._by_hash[oldest]
        token = secrets.token_urlsafe(_BYTES)
        self._by_hash[_hash(token)] = Session(name, now, now)
        return token

    def find(self, token: str, *, counts: bool = True) -> Session | None:
        """The session of a token; it lasts on if this `counts` as use of it."""
        session, now = self._by_hash.get(_hash(token)), self._clock()
        if session is None or _is_over(session, now):
            return None
        if counts:
            session.used = now
        return session

    def end(self, token: str) -> None:
        """The token is of no use any more."""
        self._by_hash.pop(_hash(token), None)

    def _end_those_that_are_over(self, now: float) -> None:
        for one in [one for one, session in self._by_hash.items() if _is_over(session, now)]:
            del self._by_hash[one]


def _is_over(session: Session, now: float) -> bool:
    return not (0 <= now - session.used < IDLE and 0 <= now - session.began < IN_ALL)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
