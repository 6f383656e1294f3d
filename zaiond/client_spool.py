"""The spool, as emitters write it (interface 4); `zaiond.client` imports it when it needs it."""

import os

MAX_FILE_BYTES = 1024 * 1024


def write(spool: str, name: str, content: bytes) -> None:
    """Leaves lines in the directory `spool` as `name`.json; on disk when it returns.

    Raises OSError; nothing is left behind then.
    """
    temporary = written = f"{spool}/.tmp-{name}"
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
    try:
        os.fchmod(file, 0o640)  # whatever the umask: the daemon reads it by its group
        unwritten = memoryview(content)
        while unwritten:
            unwritten = unwritten[os.write(file, unwritten) :]
        os.fsync(file)
        os.rename(temporary, f"{spool}/{name}.json")
        written = f"{spool}/{name}.json"
        os.fsync(file)  # commits the rename too: an emitter can't open the directory itself
    except BaseException:
        from contextlib import suppress

        with suppress(OSError):  # why it was not written is what counts
            os.unlink(written)
        raise
    finally:
        os.close(file)
