"""What several commands take as an argument."""

import re

from zaiond.ctl import words
from zaiond.ctl.exit_status import Fault

_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST_DIGITS = 10  # of a uid


def seconds(word: str) -> int | None:
    """A duration as the configuration has it (30m, 2h, 7d); None: it is none."""
    found = _DURATION.fullmatch(word)
    return None if found is None else int(found[1]) * _SECONDS[found[2]]


def uid(user: str) -> int:
    """The uid of a user by his name, or as it is. Raises Fault."""
    import pwd

    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):  # a NUL
        if user.isascii() and user.isdigit() and len(user) <= _MOST_DIGITS:
            return int(user)
    raise Fault(words.no_user(user=user))
