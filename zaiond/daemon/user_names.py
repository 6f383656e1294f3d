"""The names of the users that emit."""

import pwd
from collections.abc import Callable

KEPT_FOR = 60.0  # seconds: a name may be given or changed while the daemon runs
MOST = 1000


class UserNames:
    """`monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[int, tuple[str, float]] = {}

    def __call__(self, uid: int) -> str:
        """The name of a user; '' where it has none."""
        now = self._monotonic()
        known = self._known.get(uid)
        if known is None or now - known[1] >= KEPT_FOR:
            if len(self._known) >= MOST:
                self._known.clear()
            known = self._known[uid] = _look_up(uid), now
        return known[0]

    def shown(self, uid: int) -> str:
        """Who a user is, for a person."""
        return self(uid) or f"uid {uid}"


def _look_up(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""
