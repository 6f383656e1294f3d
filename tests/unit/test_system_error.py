"""Why the system could not: no English in a Japanese line."""

import errno
import os

import pytest

from zaiond.system_error import words

SEEN = (
    errno.ENOENT, errno.EACCES, errno.ECONNREFUSED, errno.ENOSPC, errno.EDQUOT, errno.EROFS,
    errno.EISDIR, errno.ENOTDIR, errno.EMFILE, errno.EIO, errno.ELOOP, errno.EPIPE,
)  # fmt: skip


@pytest.mark.parametrize("number", SEEN)
def test_what_an_administrator_meets_is_said_in_japanese(number: int) -> None:
    ja, en = words(OSError(number, os.strerror(number), "/a/path"))
    assert en == os.strerror(number)
    assert not any("a" <= sign <= "z" for sign in ja)


def test_what_is_not_the_systems_own_stays_as_it_was_said() -> None:
    assert words(OSError("closed")) == ("closed", "closed")
    assert words(OSError(errno.EPERM, "of a library")) == ("of a library", "of a library")
    assert words(OSError(errno.ENOTNAM, os.strerror(errno.ENOTNAM))).ja
