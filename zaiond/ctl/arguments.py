"""What several commands take as an argument."""

import re

from zaiond.ctl import words
from zaiond.ctl.exit_status import Fault

_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST_DIGITS = 16  # of a number; the largest is the uid of another machine's user


def number(text: str, least: int, most: int) -> int | None:
    """A whole number in this range; None: it is none, or outside."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        return None  # also for what int() refuses to read
    return found if least <= (found := int(text)) <= most else None


def seconds(word: str) -> int | None:
    """A duration as the configuration has it (30m, 2h, 7d); None: it is none."""
    found = _DURATION.fullmatch(word)
    return None if found is None else int(found[1]) * _SECONDS[found[2]]


def whose(user: str) -> dict[str, int | str]:
    """The argument that says which user is meant: his uid by his name, or as it is, or as the
    daemon calls a user of another machine, or a machine. Raises Fault.
    """
    import pwd

    try:
        return {"uid": pwd.getpwnam(user).pw_uid}
    except (KeyError, ValueError):  # a NUL
        uid = number(user, 0, 10**_MOST_DIGITS)
        if uid is not None:
            return {"uid": uid}
    if "@" in user or "." in user:
        return {"user": user}
    raise Fault(words.no_user(user=user))
