"""Which program calls zaiond-ctl: the source of an event that names none.

It is the name of a file, as the kernel knows it or as it is found on disk, and never text out of a
command line: `bash -ec 'PGPASSWORD=… pg_dump || zaiond-ctl emit …'` holds a secret.
"""

import os
from functools import partial

from zaiond.ctl.commandline import exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Programs that merely start another one: who called them is the one who emits.
_STARTERS = frozenset((
    "chroot", "chronic", "chrt", "doas", "env", "flock", "ionice", "nice", "nohup", "nsenter",
    "runuser", "setpriv", "setsid", "stdbuf", "su", "sudo", "taskset", "time", "timeout",
    "unshare", "xargs",
))  # fmt: skip
# What runs scripts: the letters of options with which it runs no file, of those that take a value
# (the rest of the word, or else the next word), and of those that take only the rest of the word.
_SHELL = ("cs", "", "")
_SHELLS = (
    "sh", "ash", "bash", "rbash", "dash", "hush", "ksh", "mksh", "yash", "zsh", "fish", "csh",
    "tcsh",
)  # fmt: skip
_INTERPRETERS = {
    **dict.fromkeys(_SHELLS, _SHELL),
    **dict.fromkeys(("python", "pypy"), ("cm", "WX", "")),
    "perl": ("eE", "I", "0CDFMdilmx"),
    "ruby": ("e", "CEIr", "0FKTWilx"),
    **dict.fromkeys(("node", "nodejs"), ("ep", "Cr", "")),
    "php": ("BERfr", "cdz", ""),
    "lua": ("e", "l", ""),
    **dict.fromkeys(("tclsh", "wish"), ("", "", "")),
}
_VALUED = frozenset(("--rcfile", "--init-file", "--require", "--import", "--check-hash-based-pycs"))
_CODE = frozenset(("--eval", "--print", "--command"))
_COMM = 15  # bytes of a name that the kernel keeps: proc_pid_comm(5)
_CMDLINE = 65536  # bytes, of which the script's name is among the first


def name() -> str:
    """The file name of the program or script that called zaiond-ctl."""
    pid = os.getppid()
    for _ in range(8):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = os.fsdecode(file.read(_CMDLINE)).rstrip("\0").split("\0")
            with open(f"/proc/{pid}/stat", "rb") as file:
                before, _, behind = file.read().rpartition(b") ")
            comm, parent = os.fsdecode(before.partition(b" (")[2]), int(behind.split()[1])
        except (OSError, ValueError, IndexError):
            break
        program = program_of(words, _executable(pid), comm, partial(_is_file, pid))
        if program is not None:
            return exact(program)
        pid = parent
    return "zaiond-ctl"


def program_of(
    words: "Sequence[str]",
    executable: str | None,
    comm: str,
    is_file: "Callable[[str], bool]",
) -> str | None:
    """What a process runs, None for one that merely starts another.

    `executable` is the name of its file, None where that can't be seen; `comm` is the kernel's name
    for it, which is that of the file that was called.
    """
    called = os.path.basename(words[0]).removeprefix("-")  # a login shell
    if executable == "busybox":
        if called == "busybox":
            words = words[1:] or words
            called = os.path.basename(words[0])
        kind = called if _is_known(called) else executable
    elif executable is not None:
        kind = executable
    else:
        # Of the command line only a word that is known here.
        kind = called if _is_known(called) and not _is_known(comm) else comm
    if kind in _STARTERS:
        return None
    options = _options(kind)
    if options is None:
        return kind
    script = _script(words, options)
    if script is not None and not script.startswith(("/dev/", "/proc/")):  # what is piped
        file = os.path.basename(script)
        if file and (os.fsencode(file)[:_COMM] == os.fsencode(comm) or is_file(script)):
            return file
    return comm if _is_known(comm) else kind


def _is_known(name: str) -> bool:
    return name in _STARTERS or _options(name) is not None


def _options(name: str) -> tuple[str, str, str] | None:
    """Those of an interpreter, without the version in its name: python3.11."""
    return _INTERPRETERS.get(name.rstrip("0123456789."))


def _script(words: "Sequence[str]", options: tuple[str, str, str]) -> str | None:
    """The word that names the script, if the command line has one."""
    rest = iter(words[1:])
    for word in rest:
        if word == "--":
            return next(rest, None)
        if word in ("", "-"):
            return None
        if not word.startswith(("-", "+")):
            return word
        if word.startswith("--"):
            option, _, value = word.partition("=")
            if option in _CODE:
                return None
            if option in _VALUED and not value:
                next(rest, None)
        elif not _skips(word[1:], options, rest):
            return None
    return None


def _skips(letters: str, options: tuple[str, str, str], rest: "Iterator[str]") -> bool:
    """Goes past a word of options, and their values; False if they say that no file is run."""
    code, valued, attached = options
    for place, letter in enumerate(letters, 1):
        if letter in code:
            return False
        if options is _SHELL and letter in "oO":  # -euo pipefail
            next(rest, None)
        elif letter in valued:
            if place == len(letters):
                next(rest, None)
            break
        elif letter in attached:
            break
    return True


def _executable(pid: int) -> str | None:
    try:
        path = os.readlink(f"/proc/{pid}/exe")
    except OSError:  # of another user
        return None
    return os.path.basename(path.removesuffix(" (deleted)"))


def _is_file(pid: int, word: str) -> bool:
    """Whether it names a file, seen from where the process is, or was when it began."""
    if os.path.isfile(word if word.startswith("/") else f"/proc/{pid}/cwd/{word}"):
        return True
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:
        return False
    began = next((v[4:] for v in variables if v.startswith(b"PWD=")), None)
    return began is not None and os.path.isfile(os.path.join(os.fsdecode(began), word))
