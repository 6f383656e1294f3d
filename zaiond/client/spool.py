"""The spool, as emitters write it (interface 4); `zaiond.client` imports it when it needs it."""

import os
from errno import EDQUOT, ENOSPC
from time import time_ns

from zaiond import event_rules
from zaiond.client.origin import base32
from zaiond.text import in_japanese

MAX_FILE_BYTES = 1024 * 1024
EMITTERS = "zaiond-emit"


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
        name = base32((time_ns() // 1_000_000 << 80) + int.from_bytes(os.urandom(10), "big"))
        try:
            write(spool, name, b"".join(lines[place] for place in places))
        except OSError as obstacle:
            for place in places:
                outcomes[place] = obstacle
    return outcomes


def not_permitted(path: str) -> tuple[str, str]:
    """Why this user may not write there, in both languages."""
    return (
        f"{path}: 権限がありません。グループ {EMITTERS} のメンバーだけがイベントを送れます"
        f"（追加するには: usermod -aG {EMITTERS} ユーザー名。次のログインから有効です）",
        f"{path}: permission denied. Only members of the group {EMITTERS} may emit events"
        f" (to add one: usermod -aG {EMITTERS} USER; it takes effect at the next login)",
    )


def unreachable(
    path: str, cause: OSError | None, spool: str, obstacle: OSError
) -> tuple[str, str, bool]:
    """Why neither the event socket `path` nor the spool takes an event, in both languages, and
    whether that may be over soon.
    """
    cause = cause or OSError("unavailable")
    why, why_not = cause.strerror or cause, obstacle.strerror or obstacle
    return (
        f"zaiond に接続できず（{path}: {in_japanese(cause)}）、スプールにも"
        f"書き込めません（{spool}: {in_japanese(obstacle)}）。イベントは受け付けられていません",
        f"zaiond can't be reached ({path}: {why}), and the spool can't be"
        f" written ({spool}: {why_not}): the event was not taken",
        obstacle.errno in (ENOSPC, EDQUOT),
    )


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
