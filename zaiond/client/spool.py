"""The spool, as emitters write it (interface 4); `zaiond.client` imports it when it needs it."""

import os
from time import time_ns

from zaiond import event_rules
from zaiond.client.origin import base32

MAX_FILE_BYTES = 1024 * 1024
SUFFIX, MAIL_SUFFIX = ".json", ".mail"  # of files with events, with one that carries a mail


def leave(spool: str, lines: list[bytes]) -> list[str | event_rules.Unfit | OSError]:
    """Writes what is valid into the directory `spool`, in files of at most 1 MiB. Of each line its
    id, or why it is not there.
    """
    outcomes: list[str | event_rules.Unfit | OSError] = []
    files: list[list[int]] = []
    room = 0
    for place, line in enumerate(lines):
        try:  # in the spool there is nobody to tell of it
            event = event_rules.read(line)
            event_rules.check(event)
        except event_rules.Unfit as unfit:
            outcomes.append(unfit)
            continue
        outcomes.append(event["id"])
        if len(line) > room:
            files.append([])
            room = MAX_FILE_BYTES
        files[-1].append(place)
        room -= len(line)
    for places in files:
        # The name sorts by time, so that the daemon can take the files in as they were written.
        # In the order in which they are left, within a millisecond too: 20 bits are enough for it.
        millisecond, rest = divmod(time_ns(), 1_000_000)
        name = base32((millisecond << 80) + (rest << 60) + int.from_bytes(os.urandom(7), "big"))
        try:
            write(spool, name, b"".join(lines[place] for place in places))
        except OSError as obstacle:
            for place in places:
                outcomes[place] = obstacle
    return outcomes


def write(spool: str, name: str, content: bytes, suffix: str = SUFFIX) -> None:
    """Leaves lines in the directory `spool` as `name` and suffix; on disk when it returns.

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
        os.rename(temporary, f"{spool}/{name}{suffix}")
        written = f"{spool}/{name}{suffix}"
        os.fsync(file)  # commits the rename too: an emitter can't open the directory itself
    except BaseException:
        from contextlib import suppress

        with suppress(OSError):  # why it was not written is what counts
            os.unlink(written)
        raise
    finally:
        os.close(file)
