"""The spool directory: reading a file, and where what is refused goes. All of it may block: it is
called in a thread.

Emitters may put anything there, under any name. What has a name of ours and was not made by us is
renamed, out of the way, and never followed: everything goes by the directory's descriptor.
"""

import contextlib
import errno
import grp
import os
import pwd
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from zaiond.errors import StoreError
from zaiond.intake import words
from zaiond.intake.listener import give_to_emitters
from zaiond.intake.spool.file import (
    FoundFile,
    another_name,
    most_bytes,
    typed,
    why_foreign,
    why_kept_from_us,
    why_unsafe,
)  # fmt: skip
from zaiond.text import Text

REFUSED = ".refused"
REFUSED_FILES = 1000
REFUSED_BYTES = 64 * 1024 * 1024
FOREIGN = ".foreign-"  # what is out of the way
MODE = 0o3730  # who may emit can put files there, not list it, nor touch another's
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TRIES = 10  # to make a directory that others may make, too

State = Literal["refused", "foreign", "waiting"]


class Kept(NamedTuple):
    """A file that waits, or was put aside; `since` is in seconds since the epoch."""

    name: str
    state: State
    uid: int
    size: int
    since: float


class SpoolDirectory:
    """The directory `path`. Each method raises OSError."""

    def __init__(self, path: str) -> None:
        self.path = path
        # What had a name of ours, or can't be put aside, and is not told yet: its name before and
        # now, and whose it is.
        self.moved: list[tuple[str, str, int]] = []

    def prepare(self) -> None:
        """Makes the directory if there is none. Raises StoreError."""
        with self.or_store_error():
            if not os.path.exists(self.path):
                os.makedirs(self.path)
                give_to_emitters(self.path)
                os.chmod(self.path, MODE)
            with self._open_both():
                pass

    @contextlib.contextmanager
    def or_store_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(words.unusable(path=self.path, why=error)) from error

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        spool = os.open(self.path, DIRECTORY)
        try:
            yield spool
        finally:
            os.close(spool)

    @contextlib.contextmanager
    def _open_both(self) -> Iterator[tuple[int, int]]:
        """The spool, and the directory of refused files, which is ours."""
        with self._open() as spool:
            refused = self._refused(spool)
            try:
                yield spool, refused
            finally:
                os.close(refused)

    def _refused(self, spool: int) -> int:
        for _ in range(_TRIES):
            with contextlib.suppress(FileExistsError):
                os.mkdir(REFUSED, 0o700, dir_fd=spool)
            with contextlib.suppress(FileNotFoundError):
                if _is_ours(os.stat(REFUSED, dir_fd=spool, follow_symlinks=False)):
                    refused = os.open(REFUSED, DIRECTORY | os.O_NOFOLLOW, dir_fd=spool)
                    status = os.fstat(refused)
                    if _is_ours(status):
                        if stat.S_IMODE(status.st_mode) & 0o777 != 0o700:
                            os.chmod(refused, 0o700)
                        return refused
                    os.close(refused)
                else:
                    self._out_of_the_way(REFUSED, spool)
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), f"{self.path}/{REFUSED}")

    def _out_of_the_way(self, name: str, spool: int) -> str:
        status = os.stat(name, dir_fd=spool, follow_symlinks=False)
        new = FOREIGN + os.urandom(8).hex()
        os.rename(name, new, src_dir_fd=spool, dst_dir_fd=spool)
        self.moved.append((name, new, status.st_uid))
        return new

    def why_unsafe(self) -> Text | None:
        """Who may do there what nobody should, or None."""
        status, us = os.stat(self.path), os.geteuid()
        owner = None if status.st_uid == us else _name(pwd.getpwuid, status.st_uid)
        group = _name(grp.getgrgid, status.st_gid)
        return why_unsafe(self.path, status.st_mode, owner, group, _name(pwd.getpwuid, us))

    # -- a file that is taken in

    def read(self, name: str) -> FoundFile | None:
        """A file; None where it is gone."""
        with self._open() as spool:
            return _read(name, spool, spool)

    def reread(self, name: str) -> FoundFile | None:
        """The same of a refused file."""
        with self._open_both() as (spool, refused):
            return _read(name, refused, spool)

    def remove(self, name: str) -> None:
        """A file was taken in, and goes; it may be gone already."""
        with self._open() as spool, contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=spool)

    def put_aside(self, name: str) -> str | None:
        """Gives the file's path then; None where it is gone."""
        with self._open_both() as (spool, refused):
            try:
                new = _free(name, refused)
                os.rename(name, new, src_dir_fd=spool, dst_dir_fd=refused)
            except FileNotFoundError:
                return None
            except PermissionError:
                # rename(2): a directory of somebody else's can be renamed, but not moved.
                return f"{self.path}/{self._out_of_the_way(name, spool)}"
            return f"{self.path}/{REFUSED}/{new}"

    # -- what was put aside

    def refused(self) -> list[Kept]:
        """What is kept of the refused files, the oldest first."""
        with self._open_both() as (_, refused):
            return _all_refused(refused)

    def waiting(self, names: Iterable[str]) -> list[Kept]:
        """Those of these files that still wait."""
        with self._open() as spool:
            return _all_kept(names, "waiting", spool)

    def trim(self, user_of: Callable[[int], int]) -> list[Kept]:
        """Removes what there is no room for: the oldest of those who have the most. Gives it."""
        with self._open_both() as (_, refused):
            of_user: dict[int, list[Kept]] = {}
            sizes = Counter[int]()
            for one in reversed(_all_refused(refused)):  # the oldest of each last
                of_user.setdefault(user_of(one.uid), []).append(one)
                sizes[user_of(one.uid)] += one.size
            files = sum(map(len, of_user.values()))
            gone: list[Kept] = []
            while files > REFUSED_FILES or sizes.total() > REFUSED_BYTES:
                if files > REFUSED_FILES:
                    user = max(of_user, key=lambda user: len(of_user[user]))
                else:
                    ((user, _),) = sizes.most_common(1)
                one = of_user[user].pop()
                sizes[user] -= one.size
                files -= 1
                with contextlib.suppress(OSError):  # what can't be removed keeps its place
                    _remove(one.name, refused)
                    gone.append(one)
            return gone

    def put_back(self, name: str) -> str | None:
        """A refused file is to be taken in again: gives its name then; None if there is none. What
        waits is left as it is.
        """
        with self._open_both() as (spool, refused):
            for meant in _meant(name):
                if _is_there(meant, refused):
                    new = _free(meant, spool)
                    os.rename(meant, new, src_dir_fd=refused, dst_dir_fd=spool)
                    return new
                if not meant.startswith(".") and _is_there(meant, spool):
                    return meant
        return None

    def delete(self, name: str) -> str | None:
        """Deletes a file that was put aside, or waits: gives its name; None if there is none."""
        with self._open_both() as (spool, refused):
            for meant in _meant(name):
                for directory in (refused, spool):
                    if _is_there(meant, directory):
                        _remove(meant, directory)
                        return meant
        return None


def _read(name: str, directory: int, spool: int) -> FoundFile | None:
    with contextlib.suppress(FileNotFoundError):
        # Before it is opened: to open a device may do something.
        before = os.stat(name, dir_fd=directory, follow_symlinks=False)
        why = why_foreign(name, before.st_mode, before.st_nlink, before.st_size)
        if why is not None:
            return FoundFile(before.st_uid, before.st_ino, b"", why)
        try:
            file = os.open(name, _FILE, dir_fd=directory)
        except PermissionError:
            status = os.fstat(spool)
            why = why_kept_from_us(before.st_mode, before.st_gid, status.st_mode, status.st_gid)
            if why is None:
                raise
            return FoundFile(before.st_uid, before.st_ino, b"", why)
        try:
            now, content = os.fstat(file), b""
            why = why_foreign(name, now.st_mode, now.st_nlink, now.st_size)
            if why is None:
                with open(file, "rb", closefd=False) as opened:
                    content = opened.read(most_bytes(name))
            return FoundFile(now.st_uid, now.st_ino, content, why)
        finally:
            os.close(file)
    return None


def _is_ours(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _is_there(name: str, directory: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        os.stat(name, dir_fd=directory, follow_symlinks=False)
        return True
    return False


def _free(name: str, directory: int) -> str:
    number, new = 0, another_name(name, 0)
    while _is_there(new, directory):
        number += 1
        new = another_name(name, number)
    return new


def _meant(name: str) -> Iterator[str]:
    """The names in the spool that may be meant by what was typed."""
    for meant in dict.fromkeys((typed(name), name)):
        ours = meant.startswith(".") and not meant.startswith(FOREIGN)
        if meant and not ours and "/" not in meant and "\0" not in meant:
            yield meant


def kept(name: str, state: State, directory: int) -> Kept:
    """A file of a directory, as it is there."""
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    # ctime: when it was renamed.
    return Kept(name, state, status.st_uid, status.st_size, status.st_ctime)


def _all_kept(names: Iterable[str], state: State, directory: int) -> list[Kept]:
    files: list[Kept] = []
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            files.append(kept(name, state, directory))
    return files


def _all_refused(refused: int) -> list[Kept]:
    files = _all_kept(os.listdir(refused), "refused", refused)
    return sorted(files, key=lambda one: one.since)


def _remove(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except (IsADirectoryError, PermissionError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            raise
        import shutil  # only where somebody has put a directory here

        shutil.rmtree(name, dir_fd=directory)


def _name(find: Callable[[int], tuple[Any, ...]], number: int) -> str:
    with contextlib.suppress(KeyError):
        return str(find(number)[0])
    return str(number)
