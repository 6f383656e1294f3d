"""What a daemon asked of the kernel: a program under strace(1), and its calls out of the trace."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.waiting import until

CALLS = (
    "openat,close,write,pwrite64,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,"
    "unlink,unlinkat,mkdir,mkdirat,rmdir,fstatfs,sendto,dup,dup2,dup3,"
    # None of these is expected: what they would do to a file, an image would lack.
    "pwritev,pwritev2,writev,truncate,link,linkat,symlink,symlinkat,"
    "sendfile,copy_file_range,splice,msync,sync_file_range"
)
_TOO_LONG = 1 << 24  # bytes of one argument


class Call(NamedTuple):
    """A call that did not fail. `begun` and `ended` are places in the trace: another call that has
    `ended` before this one has `begun` was done before it.
    """

    name: str
    begun: int
    ended: int
    file: int  # the descriptor that is its first argument; -1: it has none
    strings: tuple[bytes, ...]  # its arguments that are strings; of `openat` and the like, paths
    numbers: tuple[int, ...]  # the last ones, as far as they are plain numbers
    flags: str
    result: int


def needs_strace() -> None:
    """Fails a test where there is no strace: one that were skipped would say nothing."""
    needs(shutil.which("strace") is not None, "strace")


def needs(is_there: bool, what: str) -> None:
    """Fails a test that can't run here."""
    if not is_there:
        pytest.fail(f"there is no {what} here: .ci/install-for-crash installs what is needed")


def traced(file: Path, *more: str) -> Sequence[str]:
    """The command under which a program writes its trace to `file`. The program itself is what is
    started; strace is a grandchild of it.
    """
    how = ("-y", "-xx", "-s", str(_TOO_LONG), "-e", f"trace={CALLS}", "-o", str(file))
    # With seccomp it is faster, and injects no signals.
    return ("strace", "-D", "-f", *([] if more else ["--seccomp-bpf"]), *how, *more)


def injected(*faults: str, only: Sequence[Path | str] = ()) -> Sequence[str]:
    """The command under which calls of a program fail: `faults` are strace's, as
    `fsync:error=EIO:when=3`. `only` are the files that the calls must be about; all by default.
    """
    paths = [part for path in only for part in ("-P", str(path))]
    wanted = [part for fault in faults for part in ("-e", f"inject={fault}")]
    names = sorted({name for fault in faults for name in fault.partition(":")[0].split(",")})
    quiet = ("-qqq", "-o", "/dev/null", "-e", f"trace={','.join(names)}")
    return ("strace", "-D", "-f", *([] if paths else ["--seccomp-bpf"]), *quiet, *paths, *wanted)


_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+|\?)")
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+|\?)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(?!\.\.\.)')
_PATH = re.compile(r"<[^>]*>")
_IN_DIRECTORY = re.compile(r'(?:AT_FDCWD|\d+)<([^>]*)>, "([^"]*)"')  # what strace says of both


def calls(file: Path, first: int = 0) -> Iterator[Call]:
    """The calls in a trace that did not fail, in the order in which they ended; the places count
    from `first`.
    """
    begun: dict[str, tuple[int, str]] = {}
    with file.open() as lines:
        for place, line in enumerate(lines, first):
            if whole := _LINE.match(line):
                _, name, said, result = whole.groups()
                at = place
            elif part := _BEGUN.match(line):
                begun[part[1]] = place, part[3]
                continue
            elif rest := _RESUMED.match(line):
                thread, name, more, result = rest.groups()
                at, said = begun.pop(thread)
                said += more
            else:  # a signal, or the end of a thread
                continue
            if result != "?" and int(result) >= 0:
                yield _call(name, at, place, said, int(result))


_OF_DIRECTORIES = ("openat", "mkdirat", "renameat", "renameat2", "unlinkat")


def _bytes(said: str) -> bytes:
    return bytes.fromhex(said.replace("\\x", ""))


def _call(name: str, begun: int, ended: int, said: str, result: int) -> Call:
    if name in _OF_DIRECTORIES:
        found = _IN_DIRECTORY.findall(said)
        strings = tuple(os.path.join(_bytes(where), _bytes(one)) for where, one in found)
    else:
        strings = tuple(map(_bytes, _STRING.findall(said)))
    rest = [one.strip() for one in _PATH.sub("", _STRING.sub("", said)).split(",")]
    numbers = tuple(int(one) for one in rest[1:] if one.lstrip("-").isdigit())
    file = int(rest[0]) if rest[0].isdigit() else -1
    flags = next((one for one in rest if one.startswith("O_")), "")
    return Call(name, begun, ended, file, strings, numbers, flags, result)


def numbered(file: Path) -> list[tuple[str, int]]:
    """The calls in a trace, failed ones too, in the order in which they began: the name of each,
    and the how-manieth of its name in its thread it is, as strace counts.
    """
    counts: Counter[tuple[str, str]] = Counter()
    found: list[tuple[str, int]] = []
    with file.open() as lines:
        for line in lines:
            if begun := _LINE.match(line) or _BEGUN.match(line):
                thread, name = begun[1], begun[2]
                counts[thread, name] += 1
                found.append((name, counts[thread, name]))
    return found


def wait_for(file: Path, pid: int) -> None:
    """Until the trace of a process that has ended is whole."""
    done = re.compile(rf"^{pid} +\+\+\+ (exited|killed)", re.MULTILINE)

    def is_whole() -> bool:
        with file.open("rb") as trace:
            trace.seek(max(0, file.stat().st_size - 10_000))
            return done.search(trace.read().decode(errors="replace")) is not None

    until(is_whole, lambda: f"{file} has no end of {pid}")
