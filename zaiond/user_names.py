"""The names of the users that emit."""

import math
import pwd
import threading
from collections.abc import Callable

KEPT_FOR = 60.0  # seconds: a name may be given or changed while the daemon runs
MOST = 1000
PATIENCE = 0.5  # seconds that everybody waits for a name: most come from a file, at once


class UserNames:
    """`monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.asking: threading.Thread | None = None  # the name service, which may hang (LDAP)
        self._monotonic = monotonic
        self._known: dict[int, tuple[str, float]] = {}

    def __call__(self, uid: int) -> str:
        """The name of a user; '' where it has none, or none is known yet."""
        known = self._known.get(uid, _UNKNOWN)
        if self._monotonic() - known[1] < KEPT_FOR or (self.asking and self.asking.is_alive()):
            return known[0]
        self.asking = threading.Thread(target=self._look_up, args=(uid,), daemon=True)
        self.asking.start()
        self.asking.join(PATIENCE)
        return self._known.get(uid, known)[0]

    def shown(self, uid: int) -> str:
        """Who a user is, for a person."""
        return self(uid) or f"uid {uid}"

    def _look_up(self, uid: int) -> None:
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = ""
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[uid] = name, self._monotonic()


_UNKNOWN = "", -math.inf
