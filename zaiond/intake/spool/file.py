"""What a file of the spool must be, its name, and its lines: how far they are taken, and what of
them can't be. Pure: what the file system says of it is an argument.
"""

import re
import stat
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from zaiond import wire
from zaiond.errors import EventError
from zaiond.intake import words
from zaiond.model import NewEvent
from zaiond.store.events import AcceptOutcome
from zaiond.text import Text

_LIMITS = {".json": wire.MAX_SPOOL_FILE_BYTES, ".mail": wire.MAX_MAIL_LINE_BYTES + 1}
_MAIL = ".mail"  # the one event in it carries a mail
NAME_MAX = 255  # bytes, on Linux
EXCERPT_BYTES = 2000  # of a refused line, to be told
LINES = 500  # that are parsed and committed together
PART_BYTES = 256 * 1024  # the same, but for the last line of them
_LINE = re.compile(rb"[^\n]+")
_CODE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


# -- names, which may be of any bytes


def another_name(name: str, number: int) -> str:
    """A name for the `number`-th file of this name."""
    kind = next((end for end in _LIMITS if name.endswith(end)), "")
    stem = name.removesuffix(kind)
    suffix = f".{number}" * (number > 0) + kind
    # By bytes, for a name may be no UTF-8.
    short = stem.encode("utf-8", "surrogateescape")[: NAME_MAX - len(suffix)]
    return short.decode("utf-8", "surrogateescape") + suffix


def shown(name: str) -> str:
    r"""A file's name, of whatever bytes, as it is shown and can be typed: `\x0a` for a newline,
    `\xff` for a byte that is no UTF-8, `\x5c` for a backslash. No two names look the same.
    """
    if name.isprintable() and "\\" not in name:
        return name
    return "".join(c if c.isprintable() and c != "\\" else _code(ord(c)) for c in name)


def typed(name: str) -> str:
    """The name that `shown` shows so."""
    return _CODE.sub(_meant, name)


def _code(point: int) -> str:
    if 0xDC80 <= point <= 0xDCFF:  # PEP 383: a byte
        point -= 0xDC00
    elif point >= 0x80:
        return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
    return f"\\x{point:02x}"


def _meant(found: re.Match[str]) -> str:
    byte, short, long = found.groups()
    if byte:
        point = int(byte, 16)
        return chr(point if point < 0x80 else 0xDC00 + point)
    point = int(short or long, 16)
    return chr(point) if point < 0x110000 else found[0]


# -- what it must be by inode(7), and the spool itself


def why_foreign(name: str, mode: int, links: int, size: int) -> Text | None:
    """Why a file is none that a producer should leave here, by its name and inode(7); or None."""
    if not stat.S_ISREG(mode) or links != 1:
        return words.NOT_REGULAR
    most = most_bytes(name)
    if not most:
        return words.NOT_JSON
    return words.over(most=f"{-(-most // (1024 * 1024))} MiB") if size > most else None


def most_bytes(name: str) -> int:
    """How many bytes a file of this name may have; 0 for one that is none of ours."""
    return next((most for end, most in _LIMITS.items() if name.endswith(end)), 0)


def why_kept_from_us(mode: int, group: int, spool_mode: int, spool_group: int) -> Text | None:
    """Why a file that we may not open is its owner's doing; None where it is none of his: a file as
    interface 4 wants it has mode 0640, and the spool's group by its setgid bit.
    """
    if not mode & stat.S_IRGRP:
        return words.not_for_group(mode=f"{mode & 0o777:04o}")
    if spool_mode & stat.S_ISGID and group != spool_group:
        return words.FOREIGN_GROUP
    return None


def why_unsafe(path: str, mode: int, owner: str | None, group: str, us: str) -> Text | None:
    """Who can do in the spool directory what nobody should, or None. `owner` is None where it is
    us; `us` is the daemon's user.
    """
    faults: list[Text] = []
    if owner is not None:
        faults.append(words.foreign_owner(owner=owner))
    by_all = bool(mode & stat.S_IWOTH)
    if by_all:
        faults.append(words.OPEN_TO_ALL)
    if by_all or mode & stat.S_IWGRP:
        who = words.EVERY_USER if by_all else words.every_member(group=group)
        if not mode & stat.S_ISVTX:
            faults.append(words.not_sticky(who=who))
        if mode & stat.S_IRGRP or (by_all and mode & stat.S_IROTH):
            faults.append(words.listable(who=who))
        if not mode & stat.S_ISGID:
            faults.append(words.NO_SETGID)
    if not faults:
        return None
    ja, en = zip(*faults, strict=True)
    return words.unsafe(
        path=path,
        mode=f"{mode & 0o7777:04o}",
        faults=Text("。".join(ja), "; ".join(en)),
        mend=f"chown {us}:zaiond-emit {path}; chmod 3730 {path}",
    )


# -- its lines


class FoundFile(NamedTuple):
    """A file as it was read: whose it is, which one (its inode), and its bytes; or `why` it is
    refused unread.
    """

    uid: int
    inode: int
    content: bytes
    why: Text | None = None


class SpoolFile:
    """A file that is being taken in: some lines at a time are parsed, and each is behind us when it
    was accepted or refused. `line` is the number of the last one behind us.

    `first_fault`: why not all of it can be taken, and `excerpt` the beginning of that line;
    `refused` has what can't be taken, by kind, with the last error and the count.
    """

    def __init__(self, name: str, found: FoundFile) -> None:
        self.name = name
        self.line = 0
        self.excerpt = ""
        self.refused: dict[tuple[str, str | None], tuple[EventError, int]] = {}
        self.first_fault = found.why
        if found.why is not None:
            self.refused["invalid", None] = (EventError("invalid", found.why), 1)
        self.read_again(found)

    def read_again(self, found: FoundFile) -> None:
        """It was read, perhaps once more: what is behind us is not taken again."""
        self.uid = found.uid
        self.inode = found.inode
        self._content = found.content
        self._at = 0
        self._number = 0  # of lines that were parsed
        # What is parsed and not behind us: number, line, and what it is.
        self._events: deque[tuple[int, bytes, NewEvent | EventError]] = deque()

    def forget_content(self) -> None:
        self.read_again(FoundFile(self.uid, self.inode, b""))

    @property
    def events(self) -> list[NewEvent]:
        return [one for _, _, one in self._events if not isinstance(one, EventError)]

    @property
    def is_through(self) -> bool:
        return not self._events and self._at >= len(self._content)

    @property
    def fault(self) -> Text | None:
        """The first fault, and how many lines more can't be taken; None where all can be."""
        more = sum(count for _, count in self.refused.values()) - 1
        if self.first_fault is None or not more:
            return self.first_fault
        return words.more_lines(first=self.first_fault, more=more, s="s" * (more > 1))

    def parse(self, lines: int, now: float) -> None:
        """Parses up to so many lines more, of PART_BYTES together; `now` is when they came."""
        size = 0
        while lines and size < PART_BYTES:
            found = _LINE.search(self._content, self._at)
            if found is None:
                self._at = len(self._content)
                return
            self._number += self._content.count(b"\n", self._at, found.start())
            self._at = found.end()
            number, line = self._number + 1, found[0]
            lines -= 1
            size += len(line)
            if number > self.line and not line.isspace():
                self._events.append((number, line, self._parsed(line, now)))

    def _parsed(self, line: bytes, now: float) -> NewEvent | EventError:
        try:
            return wire.new_event(
                line, self.uid, now, _no_id, may_be_mail=self.name.endswith(_MAIL)
            )
        except Exception as error:  # noqa: BLE001 - read at each start, it would end each daemon
            return EventError("invalid", words.internal_error(kind=type(error).__name__))

    def settle(self, outcomes: Iterable[AcceptOutcome] = ()) -> None:
        """The first events have these outcomes; with them the lines between and behind that can't
        be taken are behind us.
        """
        each = iter(outcomes)
        while self._events:
            number, line, one = self._events[0]
            if isinstance(one, EventError):
                self._refuse(one, number, line)
            else:
                outcome = next(each, None)
                if outcome is None:
                    return
                if outcome == "conflict":
                    self._refuse(wire.conflict(one[0]), number, one[4])
            self._events.popleft()
            self.line = number

    def _refuse(self, error: EventError, number: int, line: bytes) -> None:
        if self.first_fault is None:
            from zaiond import decode  # only for who needs it

            self.first_fault = words.at_line(number=number, why=error.text)
            self.excerpt = decode.text(line[:EXCERPT_BYTES]) + "…" * (len(line) > EXCERPT_BYTES)
        kind = (error.code, error.field)
        self.refused[kind] = (error, self.refused.get(kind, (error, 0))[1] + 1)


def _no_id() -> str:
    raise EventError("invalid", words.NO_ID, "id")
