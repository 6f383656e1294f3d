"""Sessions: who came in, by a token of 256 bits that only the browser's cookie holds. Here is its
hash. A session ends after 30 minutes without a request of its user, after 12 hours in any case, by
the logout, and when its name gets another password or none.

zaiond-web ends when nobody uses it, and sessions outlive that: in `sessions.json`, of its user
alone. Its user sees them, and ends what is not his any more.
"""

import contextlib
import hashlib
import secrets
from collections.abc import Callable, Collection

import msgspec

from zaiond import atomicfile
from zaiond.places import Advice
from zaiond.text import Text

IDLE = 30 * 60.0  # seconds
IN_ALL = 12 * 3600.0  # seconds
MOST = 1000
MOST_MESSAGES = 10  # results that no page has shown yet
SAVE_INTERVAL = 60.0  # seconds between two writes only because sessions are used
_BYTES = 32
_MOST_BYTES = 1024 * 1024  # of the file
_NAME_LENGTH = 16  # characters of the hash, by which a session is named
# The first that a browser names; most name others, too.
_BROWSERS = {
    "Edg": "Edge", "OPR/": "Opera", "FxiOS/": "Firefox", "Firefox/": "Firefox",
    "CriOS/": "Chrome", "Chrome/": "Chrome", "Safari/": "Safari",
}  # fmt: skip
_SYSTEMS = {
    "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows",
    "Mac OS X": "macOS", "CrOS": "ChromeOS", "Linux": "Linux",
}  # fmt: skip


class Session(msgspec.Struct, dict=True):
    """One browser's; times in seconds since the epoch. `since`: when the password was set by which
    it began; None: it began by a link. `address` and `browser`: from where.
    """

    name: str
    began: float
    used: float
    since: float | None = None
    address: str = ""
    browser: str = ""

    def __post_init__(self) -> None:
        self.messages: list[tuple[str, Text | Advice]] = []

    def tell(self, kind: str, text: Text | Advice) -> None:
        """Keeps a result for the next page that is shown; `kind` is "ok", "warning" or
        "error".
        """
        self.messages = [*self.messages, (kind, text)][-MOST_MESSAGES:]


class Sessions:
    """`clock` gives seconds since the epoch; `is_known` says whether the name and the password of a
    session still count. `path` None: they are kept in memory only.
    """

    def __init__(
        self, clock: Callable[[], float], is_known: Callable[[Session], bool], path: str | None
    ) -> None:
        self._clock = clock
        self._is_known = is_known
        self._path = path
        self._saved = clock()
        self._by_hash: dict[str, Session] = {} if path is None else _read(path)

    def begin(
        self, name: str, since: float | None = None, address: str = "", browser: str = ""
    ) -> str:
        """A new session of this user; gives its token."""
        now = self._clock()
        self._end_those_that_are_over(now)
        if len(self._by_hash) >= MOST:
            oldest = min(self._by_hash, key=lambda one: self._by_hash[one].used)
            del self._by_hash[oldest]
        token = secrets.token_urlsafe(_BYTES)
        self._by_hash[_hash(token)] = Session(name, now, now, since, address, browser)
        self.save()
        return token

    def find(self, token: str, *, counts: bool = True) -> Session | None:
        """The session of a token; it lasts on if this `counts` as use of it."""
        session, now = self._by_hash.get(_hash(token)), self._clock()
        if session is None or not self._lasts(session, now):
            return None
        if counts:
            session.used = now
            if not 0 <= now - self._saved < SAVE_INTERVAL:
                self.save()
        return session

    def end(self, token: str) -> None:
        """The token is of no use any more."""
        if self._by_hash.pop(_hash(token), None) is not None:
            self.save()

    def of(self, name: str) -> dict[str, Session]:
        """Those of this user that last, the one used last first, by what names them on a page."""
        now = self._clock()
        own = {
            one[:_NAME_LENGTH]: session
            for one, session in self._by_hash.items()
            if session.name == name and self._lasts(session, now)
        }
        return dict(sorted(own.items(), key=lambda one: one[1].used, reverse=True))

    def end_of(self, name: str, named: Collection[str]) -> int:
        """Ends those of this user that are so named on his page; gives how many."""
        ended = self.of(name).keys() & named
        self._by_hash = {
            one: session
            for one, session in self._by_hash.items()
            if session.name != name or one[:_NAME_LENGTH] not in ended
        }
        self.save()
        return len(ended)

    def save(self) -> None:
        """Puts them on disk. Where that can't be, they end with the process."""
        self._saved = self._clock()
        if self._path is not None:
            with contextlib.suppress(OSError):
                atomicfile.replace(self._path, msgspec.json.encode(self._by_hash), None)

    def _end_those_that_are_over(self, now: float) -> None:
        for one, session in [*self._by_hash.items()]:
            if not self._lasts(session, now):
                del self._by_hash[one]

    def _lasts(self, session: Session, now: float) -> bool:
        return not _is_over(session, now) and self._is_known(session)


def name_of(token: str) -> str:
    """What names the session of a token on a page."""
    return _hash(token)[:_NAME_LENGTH]


def browser_of(agent: str) -> str:
    """A browser and its system in a few words of ours, whatever its User-Agent is."""
    kinds = _BROWSERS, _SYSTEMS
    found = (next((own for sign, own in kind.items() if sign in agent), "") for kind in kinds)
    return ", ".join(filter(None, found))


def _read(path: str) -> dict[str, Session]:
    """What is there; nothing where it can't be read: everybody logs in again."""
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES)
        return msgspec.json.decode(content, type=dict[str, Session])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def _is_over(session: Session, now: float) -> bool:
    # A clock that was set back ends them, too.
    return not (0 <= now - session.used < IDLE and 0 <= now - session.began < IN_ALL)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
