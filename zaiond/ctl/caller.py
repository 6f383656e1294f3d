"""Which program calls zaiond-ctl: the source of an event that names none."""

import os

# Programs that merely start another one: who called them is the one who emits.
_STARTERS = frozenset({"sudo", "doas", "su", "runuser", "timeout", "setpriv", "flock", "chronic"})
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "mksh", "fish", "busybox", "ash"})
_INTERPRETERS = ("python", "perl", "ruby", "node", "php", "lua", "tclsh")


def name() -> str:
    """The program that called zaiond-ctl: a script's own name rather than its interpreter's.

    From an interactive shell it is zaiond-ctl itself.
    """
    pid = os.getppid()
    for _ in range(8):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = os.fsdecode(file.read()).rstrip("\0").split("\0")
            with open(f"/proc/{pid}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        program = program_of(words)
        if program is not None:
            return program.encode(errors="surrogateescape").decode(errors="backslashreplace")
        if os.path.basename(words[0]) not in _STARTERS:
            break
        pid = parent
    return "zaiond-ctl"


def program_of(words: list[str]) -> str | None:
    """What a command line runs; None for a shell with no script, and for a mere starter."""
    name = os.path.basename(words[0])
    if name in _STARTERS or name.startswith("-"):  # a login shell
        return None
    if name in _SHELLS or name.startswith(_INTERPRETERS):
        for place, word in enumerate(words[1:], 1):
            if word in ("-c", "-e", "-E"):
                return None
            if word == "-m":
                return words[place + 1] if place + 1 < len(words) else None
            if word and not word.startswith(("-", "+")):
                piped = word.startswith(("/dev/", "/proc/"))
                return None if piped else os.path.basename(word) or None
        return None
    return name or None
