"""A line on the terminals of who is logged in, where no mail can leave.

wall(1) is no use to a service: it is setgid tty, and ours gains no privileges. So the unit puts the
daemon into that group, and we write by ourselves: to every pseudo-terminal that takes messages
(mesg(1)). That is more than is in utmp(5), which newer systems don't have, and tmux doesn't fill.
The consoles of the machine itself are not there for the daemon (PrivateDevices=).
"""

import contextlib
import os
import stat
import time
from pathlib import Path

from zaiond.safe import one_line

TERMINALS = Path("/dev/pts")
LONGEST = 500  # characters


def wall(text: str, terminals: Path = TERMINALS) -> int:
    """Writes a line on every terminal that takes messages; says how many took it.

    It waits for none: one that was stopped (Ctrl-S) and whose buffer is full goes without.
    """
    shown = one_line(text)[:LONGEST]
    line = f"\r\n\a{time.strftime('%H:%M:%S')} zaiond: {shown}\r\n".encode()
    taken = 0
    for path in terminals.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            terminal = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                mode = os.fstat(terminal).st_mode
                if stat.S_ISCHR(mode) and mode & stat.S_IWGRP:
                    taken += os.write(terminal, line) == len(line)
            finally:
                os.close(terminal)
    return taken
