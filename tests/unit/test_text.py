"""What the system says is told in Japanese, and never as nothing."""

import errno
import os
import socket

import pytest

from zaiond.text import reason

MET = (
    errno.EACCES, errno.EADDRINUSE, errno.ECONNREFUSED, errno.EIO, errno.EISDIR, errno.ELOOP,
    errno.EMFILE, errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
)  # fmt: skip


@pytest.mark.parametrize("number", MET, ids=errno.errorcode.get)
def test_what_users_meet_has_no_english_word(number: int) -> None:
    assert not any(sign.isascii() for sign in reason(OSError(number, os.strerror(number))).ja)


def test_what_is_rare_is_in_the_systems_words() -> None:
    assert reason(OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))).ja == "No locks available"
    assert reason(OSError("broken")).ja == "broken"


def test_a_socket_whose_path_is_too_long_is_told_of_in_both_languages() -> None:
    with socket.socket(socket.AF_UNIX) as one, pytest.raises(OSError, match="too long") as caught:
        one.connect("/" + "x" * 200)
    assert reason(caught.value) == (
        "ソケットのパスが長すぎます（107 バイトまで）",
        "the path of a socket has 107 bytes at most",
    )
