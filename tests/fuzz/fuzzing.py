"""Inputs by mutation of a kept corpus, each given to a target; findings are made small and kept.

A target takes bytes and raises what it must not: any exception that escapes it is a finding. What
takes more than `CPU_SECONDS` of processor time is one, too: that is a watchdog for what hangs or
grows beyond measure, no test of speed.
"""

import hashlib
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
CPU_SECONDS = 10.0
_MOST = 64 * 1024  # bytes of an input
_TRIES = 400  # to make a finding smaller
_WORDS = re.compile(rb"[A-Za-z0-9._@-]+|[^A-Za-z0-9._@-]")
_ANYTHING = [
    b"\r\n", b"\n", b"\r", b"\0", b"\x7f", b"\x80", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b" ",
    b"-", b"4294967296", b"-1", b"0", b"9" * 30, b"1e999", b"NaN", b"null", b'"', b"\\", b"\\u0000",
    b"\\ud800", b"[", b"]", b"{", b"}", b"<", b">", b"@", b":", b",", b"%", b"=", b"\x1b[2J",
    "\u202e".encode(), "\u3000".encode(), "：".encode(), "\U000e0041".encode(), b"\x1b$B",
]  # fmt: skip

Target = Callable[[bytes], Any]


class Finding(AssertionError):  # noqa: N818
    """An input for which a target raised what it must not; the smallest that was found."""

    def __init__(self, kind: str, data: bytes, error: BaseException) -> None:
        super().__init__(f"{kind}: {type(error).__name__}: {error}\n{data[:2000]!r}")
        self.kind = kind
        self.data = data

    def keep(self) -> Path:
        """Puts it into the corpus."""
        path = CORPUS / self.kind / f"found-{hashlib.sha256(self.data).hexdigest()[:8]}"
        path.write_bytes(self.data)
        return path


class TooLong(Exception):  # noqa: N818
    """It went on and on."""


def kept(kind: str) -> dict[str, bytes]:
    """The corpus of a kind, by name: what it began with, and what was found."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / kind).iterdir())}


def inputs(kind: str, seed: object) -> Iterator[bytes]:
    """Mutations of the corpus, without end; the same ones for the same seed."""
    chance = random.Random(f"{kind}:{seed}")
    corpus = list(kept(kind).values())
    words = sorted({word for data in corpus for word in _WORDS.findall(data)})
    while True:
        data = chance.choice(corpus)
        for _ in range(1 + int(chance.expovariate(0.4))):
            data = _mutated(data, chance, words, corpus)
        yield data[:_MOST]


def _mutated(data: bytes, chance: random.Random, words: list[bytes], corpus: list[bytes]) -> bytes:
    start = chance.randint(0, len(data))
    end = min(len(data), start + chance.choice((0, 1, 1, 2, 4, 16, 64, len(data))))
    piece = data[start:end]
    lines = data.splitlines(keepends=True)
    match chance.randrange(9):
        case 0:
            piece = b""
        case 1:
            piece = chance.choice(_ANYTHING)
        case 2 | 3:
            piece = chance.choice(words)
        case 4:
            piece = chance.randbytes(chance.randint(1, 8))
        case 5:
            piece = bytes(octet ^ 1 << chance.randrange(8) for octet in piece)
        case 6:
            piece *= chance.choice((2, 3, 10, 100, 5000))
        case 7:
            other = chance.choice(corpus)
            piece = other[chance.randint(0, len(other)) :]
        case _ if lines:
            at = chance.randrange(len(lines))
            lines.insert(chance.randrange(len(lines) + 1), lines[at])
            return b"".join(lines)
    return (data[:start] + piece + data[end:])[:_MOST]


def fuzz(
    kind: str,
    target: Target,
    *,
    count: int | None = None,
    seconds: float = 0.0,
    seed: object = 0,
    cpu_seconds: float = CPU_SECONDS,
) -> int:
    """Gives a target the corpus, and then `count` inputs, or as many as `seconds` have room for;
    how many there were. Raises Finding.
    """
    for data in kept(kind).values():
        try_one(kind, target, data, cpu_seconds)
    deadline = time.monotonic() + seconds
    done = 0
    for data in inputs(kind, seed):
        if done >= count if count is not None else time.monotonic() >= deadline:
            break
        try_one(kind, target, data, cpu_seconds)
        done += 1
    return done


def try_one(kind: str, target: Target, data: bytes, cpu_seconds: float = CPU_SECONDS) -> None:
    """Gives a target one input. Raises Finding."""
    error = _error(target, data, cpu_seconds)
    if error is not None:
        small = _smaller(target, data, error, cpu_seconds)
        raise Finding(kind, small, error) from error


def _error(target: Target, data: bytes, cpu_seconds: float) -> BaseException | None:
    try:
        with _at_most(cpu_seconds):
            target(data)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  (that is what is looked for)
        return error
    return None


def _smaller(target: Target, data: bytes, error: BaseException, cpu_seconds: float) -> bytes:
    """The same finding with less of it, by leaving out what can be left out."""
    if isinstance(error, TooLong):
        return data
    size, tries = len(data) // 2, 0
    while size and tries < _TRIES:
        at = 0
        while at < len(data) and tries < _TRIES:
            less = data[:at] + data[at + size :]
            tries += 1
            if type(_error(target, less, cpu_seconds)) is type(error):
                data = less
            else:
                at += size
        size //= 2
    return data


@contextmanager
def _at_most(cpu_seconds: float) -> Iterator[None]:
    """TooLong after so much processor time: the machine's load doesn't count."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TooLong(f"more than {cpu_seconds:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def calls(target: Target, data: bytes) -> int:
    """How many functions a target calls for it, Python's and C's."""
    counted = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal counted
        if event in ("call", "c_call"):
            counted += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        target(data)
    finally:
        sys.setprofile(before)
    return counted
