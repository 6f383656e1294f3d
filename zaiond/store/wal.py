"""A WAL of which something in the middle is damaged. Source: sqlite.org/fileformat2.html#walformat

SQLite takes all behind a damaged frame for what is left of an earlier use, and says nothing. But
each frame's checksum begins with that of the frame before, and each transaction is synced before
the next one is written: a frame that continues a commit proves that the commit was on disk. So a
crash or a loss of power tears at most the last transaction; more than that is damage.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_HEADER = struct.Struct(">LLLL8s8s")  # magic, format, bytes of a page, checkpoints, salts, checksum
# Page, pages of the database at a commit (else 0), salts, checksum.
_FRAME = struct.Struct(">LL8s8s")
_SEED = bytes(8)


class _Header(NamedTuple):
    page_bytes: int
    order: str  # of the bytes that are summed up
    salts: bytes
    checksum: bytes

    def sum_up(self, data: bytes, before: bytes) -> bytes:
        first, second = struct.unpack(">LL", before)
        for one, other in struct.iter_unpack(f"{self.order}LL", data):
            first = first + one + second & 0xFFFFFFFF
            second = second + other + first & 0xFFFFFFFF
        return struct.pack(">LL", first, second)

    def frame(self, frame: bytes, before: bytes) -> bytes:
        """What its checksum must be."""
        return self.sum_up(frame[:8] + frame[_FRAME.size :], before)


def is_damaged(path: str, valid: int) -> bool:
    """Whether the file has lost a commit: SQLite has found `valid` frames. Raises OSError."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:
        return False
    with file:
        if os.fstat(file.fileno()).st_size <= _HEADER.size:
            return False
        header = _read_header(file)
        return header is None or _damage(file, header, valid) is not None


def mend(path: str) -> None:
    """Makes SQLite read what lies behind the damage: that is summed up anew, and moves up to where
    there are but zeros. Raises OSError.
    """
    with open(path, "r+b") as file:
        header = _read_header(file)
        found = header and _damage(file, header, 0)
        if header is None or found is None:
            return
        start, end = found
        before = header.checksum
        if start:
            file.seek(_HEADER.size + (start - 1) * (_FRAME.size + header.page_bytes))
            before = _FRAME.unpack(file.read(_FRAME.size))[3]
        to = _HEADER.size + start * (_FRAME.size + header.page_bytes)
        for number, frame in _frames(file, header, start):
            if number == end:
                break
            page, *_ = _FRAME.unpack(frame[: _FRAME.size])
            if not page:  # there is none of this number: SQLite would read no further
                continue
            whole = frame[:8] + header.salts + _SEED + frame[_FRAME.size :]
            before = header.frame(whole, before)
            behind = file.tell()
            file.seek(to)
            to += file.write(whole[:16] + before + whole[_FRAME.size :])
            file.seek(behind)
        file.flush()
        os.fsync(file.fileno())


def put_into(path: str, database: BinaryIO) -> None:
    """Puts what is committed into the database, as a checkpoint does. Raises OSError."""
    with open(path, "rb") as file:
        header = _read_header(file)
        if header is None:
            return
        before = header.checksum
        pending: list[tuple[int, bytes]] = []
        for _, frame in _frames(file, header, 0):
            page, committed, salts, checksum = _FRAME.unpack(frame[: _FRAME.size])
            if salts != header.salts or header.frame(frame, before) != checksum or not page:
                break
            before = checksum
            pending.append((page, frame[_FRAME.size :]))
            if committed:
                for number, content in pending:
                    database.seek((number - 1) * header.page_bytes)
                    database.write(content)
                pending.clear()


def _read_header(file: BinaryIO) -> _Header | None:
    """None where it is damaged."""
    file.seek(0)
    said = file.read(_HEADER.size)
    if len(said) < _HEADER.size:
        return None
    magic, _, page_bytes, _, salts, checksum = _HEADER.unpack(said)
    header = _Header(page_bytes, ">" if magic & 1 else "<", salts, checksum)
    return header if header.sum_up(said[:24], _SEED) == checksum and page_bytes else None


def _frames(file: BinaryIO, header: _Header, start: int) -> Iterator[tuple[int, bytes]]:
    size = _FRAME.size + header.page_bytes
    file.seek(_HEADER.size + start * size)
    number = start
    while len(frame := file.read(size)) == size:
        yield number, frame
        number += 1


def _damage(file: BinaryIO, header: _Header, start: int) -> tuple[int, int] | None:
    """From the first frame that does not continue the one before to behind the last one that
    continues a lost commit, or what continues that.
    """
    before = b"" if start else header.checksum  # SQLite has looked at what is before `start`
    broken = end = None
    was_commit = proves = False
    for number, frame in _frames(file, header, start):
        _, committed, salts, checksum = _FRAME.unpack(frame[: _FRAME.size])
        is_of_now = salts == header.salts
        if is_of_now and before and header.frame(frame, before) == checksum:
            proves = proves or (was_commit and broken is not None)
            if proves:
                end = number + 1
        else:
            proves = False
            broken = number if broken is None else broken
        before = checksum if is_of_now else b""
        was_commit = is_of_now and bool(committed)
    return None if broken is None or end is None else (broken, end)
