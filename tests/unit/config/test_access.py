"""Who may read what, by the table of POSIX and by the kernel itself."""

import os
from itertools import product
from pathlib import Path

import pytest

from zaiond.atomicfile import Owner
from zaiond.config.access import READ, SEARCH, Identity, may

DAEMON = Identity("zaiond", 900, 901, frozenset({901, 902}))
ROOT, OTHER = 0, 55


@pytest.mark.parametrize(
    ("uid", "gid", "mode", "readable"),
    [
        (ROOT, 901, 0o640, True),
        (ROOT, 902, 0o640, True),  # zaiond-emit, by the unit
        (ROOT, ROOT, 0o640, False),
        (ROOT, ROOT, 0o600, False),
        (ROOT, ROOT, 0o644, True),
        (ROOT, 901, 0o604, False),  # the group's bits count, and no others
        (900, ROOT, 0o600, True),
        (900, 901, 0o044, False),  # the owner's bits count, and no others
        (900, 901, 0o244, False),
        (OTHER, OTHER, 0o004, True),
        (OTHER, OTHER, 0o770, False),
        (OTHER, 902, 0o007, False),
    ],
)
def test_the_first_class_that_one_belongs_to_decides(
    uid: int, gid: int, mode: int, readable: bool
) -> None:
    assert may(DAEMON, READ, Owner(uid, gid, mode)) is readable


def test_entering_and_listing_a_directory_are_two_things() -> None:
    for mode, enter, both in ((0o710, True, False), (0o740, False, False), (0o750, True, True)):
        inode = Owner(ROOT, 901, mode)
        assert may(DAEMON, SEARCH, inode) is enter
        assert may(DAEMON, READ | SEARCH, inode) is both


def test_root_may_everything() -> None:
    root = Identity("root", 0, 0, frozenset({0}))
    assert may(root, READ | SEARCH, Owner(OTHER, OTHER, 0))


def test_the_kernel_agrees(tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents):
        if not directory.stat().st_mode & 0o001:
            directory.chmod(0o755)
    cases = list(product((ROOT, 900, OTHER), (ROOT, 901, 902, OTHER), range(0, 0o1000, 3)))
    owners = {(uid, gid): tmp_path / f"{uid}-{gid}" for uid, gid, _ in cases}
    for (uid, gid), path in owners.items():
        path.touch()
        os.chown(path, uid, gid)
    expected = bytes(may(DAEMON, READ, Owner(*case)) for case in cases)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # the real ids are those that access(2) asks about; root stays to change modes
        os.setgroups([901, 902])
        os.setresgid(901, 0, 0)
        os.setresuid(900, 0, 0)
        found = bytearray()
        for uid, gid, mode in cases:
            owners[uid, gid].chmod(mode)
            found.append(os.access(owners[uid, gid], os.R_OK))
        os.write(writing, found)
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as stream:
        assert stream.read() == expected
    os.waitpid(child, 0)
