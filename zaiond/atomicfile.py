"""Files replaced whole or not at all, with the owner and mode that they should have."""

import os
import stat
from typing import NamedTuple


class Owner(NamedTuple):
    """Whose a file is, and who may read it."""

    uid: int
    gid: int
    mode: int


def owner(status: os.stat_result) -> Owner:
    return Owner(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode) & 0o777)


class Replacement:
    """A file's new content, on disk under another name beside it until `take_place`.

    What can fail for want of room or permission has failed when this is made. Raises OSError.
    """

    def __init__(self, path: str, content: bytes, owned: Owner | None) -> None:
        self._path = path
        directory, name = os.path.split(path)
        # As tempfile.mkstemp, without the modules that it takes, half a MiB. For us alone: nobody
        # else reads it before owner and mode are right.
        self._temporary = os.path.join(directory, f".{name}.{os.urandom(8).hex()}")
        new = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._temporary, new, 0o600)
        try:
            with open(descriptor, "wb") as stream:
                if owned is not None:
                    if owned[:2] != owner(os.fstat(descriptor))[:2]:
                        os.fchown(descriptor, owned.uid, owned.gid)
                    os.fchmod(descriptor, owned.mode)
                stream.write(content)
                stream.flush()
                os.fsync(descriptor)
        except BaseException:
            self.discard()
            raise

    def take_place(self) -> None:
        """Puts it into the file's place, durably; raises OSError."""
        try:
            os.rename(self._temporary, self._path)
        except BaseException:
            self.discard()
            raise
        sync_directory(os.path.dirname(self._path))

    def discard(self) -> None:
        os.unlink(self._temporary)


def replace(path: str, content: bytes, owned: Owner | None) -> None:
    """Writes a file whole or not at all: beside it, fsync, rename, fsync of the directory.

    `owned` None: for its owner alone. Raises OSError.
    """
    Replacement(path, content, owned).take_place()


def free_name(path: str, mark: str) -> str:
    """`path` if nothing has that name, else with `mark` and the first number that is free."""
    free, number = path, 1
    while os.path.lexists(free):
        number += 1
        free = f"{path}{mark}{number}"
    return free


def sync_directory(directory: str) -> None:
    """Names in a directory are as durable as what they name."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
