"""What the system says is told in Japanese, and never as nothing."""

import errno
import os

import pytest

from zaiond.text import in_japanese

MET = (
    errno.EACCES, errno.EADDRINUSE, errno.ECONNREFUSED, errno.EIO, errno.EISDIR, errno.ELOOP,
    errno.EMFILE, errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
)  # fmt: skip


@pytest.mark.parametrize("number", MET, ids=errno.errorcode.get)
def test_what_users_meet_has_no_english_word(number: int) -> None:
    assert not any(sign.isascii() for sign in in_japanese(OSError(number, os.strerror(number))))


def test_what_is_rare_is_in_the_systems_words() -> None:
    assert in_japanese(OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))) == "No locks available"
    assert in_japanese(OSError("broken")) == "broken"
