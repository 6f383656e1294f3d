"""For every Python that has this directory in PYTHONPATH (as `tests.support.web.QUICK` says): a
password costs next to nothing, where what it costs is not what a test is about."""

import hashlib
from typing import Any

_scrypt = hashlib.scrypt


def _cheap(password: bytes, **how: Any) -> bytes:
    return _scrypt(password, **{**how, "n": 2, "p": 1})


hashlib.scrypt = _cheap  # type: ignore[assignment]
