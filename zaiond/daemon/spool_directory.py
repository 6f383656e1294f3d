"""The spool directory, as the file system has it: walking through it, reading a file, and where what
is refused goes. All of it may block: it is called in a thread.

Emitters may put anything there, under any name. What has a name of ours and was not made by us is
renamed, out of the way, and never followed: everything goes by the directory's descriptor.
"""

import contextlib
import errno
import grp
import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Literal, NamedTuple

from zaiond import wire
from zaiond.daemon import sockets
from zaiond.daemon.spool_file import another_name, typed, why_foreign, why_kept_from_us, why_unsafe
from zaiond.daemon.spool_turns import Turns
from zaiond.errors import StoreError
from zaiond.os_error import in_japanese
from zaiond.text import Text

REFUSED = ".refused"
REFUSED_FILES = 1000
REFUSED_BYTES = 64 * 1024 * 1024
TEMPORARY = ".tmp-"  # what a client is still writing, or has given up
FOREIGN = ".foreign-"  # what is out of the way
MOST_FOREIGN = 100  # that are told one by one
CHUNK = 1000  # names of the directory that are looked at in one go
MODE = 0o3730  # who may emit can put files there, not list it, nor touch another's
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TRIES = 10  # to make a directory that others may make, too

State = Literal["refused", "foreign", "waiting"]


class Content(NamedTuple):
    """A file that was read: whose it is, and which one (its inode). `why`: it is refused, unread."""

    uid: int
    inode: int
    content: bytes
    why: Text | None = None


class Kept(NamedTuple):
    """A file that waits, or was put aside; `since` is in seconds since the epoch."""

    name: str
    state: State
    uid: int
    size: int
    since: float


class Moved(NamedTuple):
    """Something that had a name of ours, or can't be put aside: it is called `name` now."""

    before: str
    name: str
    uid: int


class SpoolDirectory:
    """The directory `path`. Each method raises OSError."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.moved: list[Moved] = []  # and not told yet

    def prepare(self) -> None:
        """Makes the directory if there is none. Raises StoreError."""
        try:
            if not os.path.exists(self.path):
                os.makedirs(self.path)
                sockets.give_to_emitters(self.path)
                os.chmod(self.path, MODE)
            with self._open() as spool:
                os.close(self._refused(spool))
        except OSError as error:
            raise StoreError(
                Text(
                    f"スプール {self.path} を使えません: {in_japanese(error)}",
                    f"the spool {self.path} can't be used: {error.strerror}",
                )
            ) from error

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        spool = os.open(self.path, _DIRECTORY)
        try:
            yield spool
        finally:
            os.close(spool)

    def why_unsafe(self) -> Text | None:
        """Who may do there what nobody should, or None."""
        status = os.stat(self.path)
        owner = None
        if status.st_uid != os.geteuid():
            owner = _user(status.st_uid)
        return why_unsafe(
            self.path, status.st_mode, owner, _group(status.st_gid), _user(os.geteuid())
        )

    def walk(self, user_of: Callable[[int], int], clean_before: float | None = None) -> "Walk":
        """A walk through it, to be gone on with in chunks; it must be closed."""
        return Walk(self.path, user_of, clean_before)

    def read(self, name: str) -> Content | None:
        """A file; None where it is gone. Raises OSError where it can't be read now."""
        with contextlib.suppress(FileNotFoundError), self._open() as spool:
            # Before it is opened: to open a device may do something.
            before = os.stat(name, dir_fd=spool, follow_symlinks=False)
            why = why_foreign(name, before.st_mode, before.st_nlink, before.st_size)
            if why is not None:
                return Content(before.st_uid, before.st_ino, b"", why)
            try:
                file = os.open(name, _FILE, dir_fd=spool)
            except PermissionError:
                of_spool = os.fstat(spool)
                why = why_kept_from_us(
                    before.st_mode, before.st_gid, of_spool.st_mode, of_spool.st_gid
                )
                if why is None:
                    raise
                return Content(before.st_uid, before.st_ino, b"", why)
            try:
                return self._content(name, file)
            finally:
                os.close(file)
        return None

    def _content(self, name: str, file: int) -> Content:
        status = os.fstat(file)
        why = why_foreign(name, status.st_mode, status.st_nlink, status.st_size)
        content = b""
        if why is None:
            with open(file, "rb", closefd=False) as opened:
                content = opened.read(wire.MAX_SPOOL_FILE_BYTES)
        return Content(status.st_uid, status.st_ino, content, why)

    def remove(self, name: str) -> None:
        """A file was taken in, and goes; it may be gone already."""
        with self._open() as spool, contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=spool)

    def put_aside(self, name: str) -> str | None:
        """Gives the file's path then; None where it is gone."""
        with self._open() as spool:
            refused = self._refused(spool)
            try:
                new = _free(name, refused)
                os.rename(name, new, src_dir_fd=spool, dst_dir_fd=refused)
            except FileNotFoundError:
                return None
            except PermissionError:
                # rename(2): a directory of somebody else's can be renamed, but not moved.
                return f"{self.path}/{self._out_of_the_way(name, spool)}"
            finally:
                os.close(refused)
            return f"{self.path}/{REFUSED}/{new}"

    def _refused(self, spool: int) -> int:
        """The descriptor of the directory of refused files, which is ours."""
        for _ in range(_TRIES):
            with contextlib.suppress(FileExistsError):
                os.mkdir(REFUSED, 0o700, dir_fd=spool)
            with contextlib.suppress(FileNotFoundError):
                if _is_ours(os.stat(REFUSED, dir_fd=spool, follow_symlinks=False)):
                    refused = os.open(REFUSED, _DIRECTORY | os.O_NOFOLLOW, dir_fd=spool)
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
        new = FOREIGN + secrets.token_hex(8)
        os.rename(name, new, src_dir_fd=spool, dst_dir_fd=spool)
        self.moved.append(Moved(name, new, status.st_uid))
        return new

    # -- what was refused

    def refused(self) -> list[Kept]:
        """What is kept of the refused files, the oldest first."""
        with self._open() as spool:
            refused = self._refused(spool)
            try:
                return _kept(refused)
            finally:
                os.close(refused)

    def trim(self, user_of: Callable[[int], int]) -> list[Kept]:
        """Removes what there is no room for: the oldest of those who have the most. Gives it."""
        with self._open() as spool:
            refused = self._refused(spool)
            try:
                return _trim(refused, user_of)
            finally:
                os.close(refused)

    def put_back(self, name: str) -> str | None:
        """A refused file is to be taken in again: gives its name then; None if there is none. A file
        that waits is left as it is.
        """
        with self._open() as spool:
            refused = self._refused(spool)
            try:
                for meant in _meant(name):
                    with contextlib.suppress(FileNotFoundError):
                        os.stat(meant, dir_fd=refused, follow_symlinks=False)
                        new = _free(meant, spool)
                        os.rename(meant, new, src_dir_fd=refused, dst_dir_fd=spool)
                        return new
                    if _is_there(meant, spool):
                        return meant
            finally:
                os.close(refused)
        return None

    def delete(self, name: str) -> bool:
        """Deletes a file that was refused, is out of the way, or waits; False if there is none."""
        with self._open() as spool:
            refused = self._refused(spool)
            try:
                for meant in _meant(name):
                    for directory in (refused, spool):
                        if _is_there(meant, directory):
                            _remove(meant, directory)
                            return True
            finally:
                os.close(refused)
        return False


class Walk:
    """One walk through the spool: what was met so far."""

    def __init__(
        self, path: str, user_of: Callable[[int], int], clean_before: float | None
    ) -> None:
        self.turns = Turns()
        self.foreign: list[Kept] = []  # out of the way
        self.foreign_more = 0
        self.given_up = 0  # of what clients were writing: removed
        self.obstacles: dict[str, OSError] = {}  # what can't be looked at
        self._user_of = user_of
        self._clean_before = clean_before
        self._spool = os.open(path, _DIRECTORY)
        try:
            self._entries = os.scandir(self._spool)
        except OSError:
            os.close(self._spool)
            raise

    def go_on(self) -> bool:
        """Looks at a chunk more; says whether there may be another."""
        seen = 0
        for entry in islice(self._entries, CHUNK):
            seen += 1
            try:
                self._meet(entry)
            except FileNotFoundError:
                continue  # gone again
            except OSError as error:
                self.obstacles[entry.name] = error
        return seen == CHUNK

    def close(self) -> None:
        """Ends it."""
        self._entries.close()
        os.close(self._spool)

    def _meet(self, entry: "os.DirEntry[str]") -> None:
        name = entry.name
        if not name.startswith("."):  # else it is still being written, or has a name of ours
            status = entry.stat(follow_symlinks=False)
            self.turns.add(status.st_mtime_ns, name, self._user_of(status.st_uid))
        elif name.startswith(FOREIGN):
            if len(self.foreign) < MOST_FOREIGN:
                self.foreign.append(_kept_as(name, "foreign", self._spool))
            else:
                self.foreign_more += 1
        elif self._clean_before is not None and name.startswith(TEMPORARY):
            # ctime: nobody can set it.
            if entry.stat(follow_symlinks=False).st_ctime < self._clean_before:
                with contextlib.suppress(OSError):  # a directory, for one: it is nobody's event
                    os.unlink(name, dir_fd=self._spool)
                    self.given_up += 1


def _is_ours(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _is_there(name: str, directory: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        os.stat(name, dir_fd=directory, follow_symlinks=False)
        return True
    return False


def _free(name: str, directory: int) -> str:
    """The name, or one like it that there isn't."""
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


def _kept(directory: int) -> list[Kept]:
    kept: list[Kept] = []
    for name in os.listdir(directory):
        with contextlib.suppress(FileNotFoundError):
            kept.append(_kept_as(name, "refused", directory))
    return sorted(kept, key=lambda one: one.since)


def _kept_as(name: str, state: State, directory: int) -> Kept:
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    # ctime: when it was renamed.
    return Kept(name, state, status.st_uid, status.st_size, status.st_ctime)


def _trim(directory: int, user_of: Callable[[int], int]) -> list[Kept]:
    of_user: dict[int, list[Kept]] = {}
    sizes: dict[int, int] = {}
    files = 0
    for one in reversed(_kept(directory)):  # the oldest of each last
        user = user_of(one.uid)
        of_user.setdefault(user, []).append(one)
        sizes[user] = sizes.get(user, 0) + one.size
        files += 1
    gone: list[Kept] = []
    while files > REFUSED_FILES or sum(sizes.values()) > REFUSED_BYTES:
        if files > REFUSED_FILES:
            user = max(of_user, key=lambda user: len(of_user[user]))
        else:
            user = max(sizes, key=lambda user: sizes[user])
        one = of_user[user].pop()
        sizes[user] -= one.size
        files -= 1
        with contextlib.suppress(OSError):  # what can't be removed keeps its place
            _remove(one.name, directory)
            gone.append(one)
    return gone


def _remove(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except (IsADirectoryError, PermissionError) as error:
        if not stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            raise
        try:
            shutil.rmtree(name, dir_fd=directory)
        except OSError:
            raise error from None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
