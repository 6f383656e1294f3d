"""What the client fills in: id, time and source of an event that has none, the language, and where
the sockets are. The source is the systemd unit, else a program: this one, or the one that called
zaiond-ctl.

A program is called by the name of its file, as the kernel knows it or as it is found on disk, and
never by text out of a command line: `bash -ec 'PGPASSWORD=… pg_dump || zaiond-ctl emit …'` holds a
secret.
"""

import os
import sys
from functools import partial
from time import gmtime, strftime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from zaiond.text import Language

_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's, as in a ULID: sorts as the number does
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


def base32(number: int) -> str:
    """A number of 128 bits, as a ULID has it."""
    return "".join(_BASE32[number >> shift & 31] for shift in range(125, -1, -5))


def rfc3339(moment: int) -> str:
    """A moment, in nanoseconds since the epoch, as an event has it."""
    seconds, rest = divmod(moment, 1_000_000_000)
    return f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(seconds))}.{rest // 1000:06}Z"


def language() -> "Language":
    """The language of the user, by the environment; Japanese where it says nothing."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name)
        if value:
            return "ja" if value.startswith("ja") else "en"
    return "ja"


def default_runtime_dir() -> str:
    """$ZAIOND_RUNTIME_DIR, else systemd's $RUNTIME_DIRECTORY, else /run/zaiond (interface 1).

    Systemd's may be that of another service, which emits: where that has no sockets of ours, and
    the default place has, it isn't meant.
    """
    chosen = os.environ.get("ZAIOND_RUNTIME_DIR")
    if chosen:
        return chosen
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    default = "/run/zaiond"
    if not given or (
        not os.path.exists(f"{given}/events.sock") and os.path.exists(f"{default}/events.sock")
    ):
        return default
    return given


def unit() -> str | None:
    """The systemd service that this process belongs to, as `backup.service`; None outside of one.

    A session, or what runs in user@UID.service without a service of its own, is none.
    """
    try:
        with open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    return _unit_of(lines)


def _unit_of(lines: "Iterable[str]") -> str | None:
    for line in lines:
        hierarchy, _, path = line.partition(":")[2].partition(":")
        if hierarchy in ("", "name=systemd"):  # cgroups 2, or systemd's own in cgroups 1
            for name in reversed(path.split("/")):
                if name.startswith("user@"):
                    break
                if name.endswith(".service"):
                    return name
    return None


def program() -> str:
    """The file name of this program."""
    path = sys.argv[0] if sys.argv else ""
    if path in ("", "-c", "-m", "-"):
        path = sys.executable or "python"
    folder, name = os.path.split(path)
    if name == "__main__.py":
        name = os.path.basename(folder)
    return _visible(name) or "python"


def caller(us: str = "zaiond-ctl") -> str:
    """The file name of the program or script that called `us`."""
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
        found = program_of(words, _executable(pid), comm, partial(_is_file, pid))
        if found is not None:
            return _visible(found)
        pid = parent
    return us


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


def _visible(text: str) -> str:
    """Text out of argv or a file name: bytes that are no UTF-8 become visible, as \\xff."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
