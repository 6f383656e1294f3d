"""A file of the spool: what it may be, its lines, what of them can't be taken, and its name as it is
shown. Pure: what the file system says of it is an argument.
"""

import re
import stat
from collections import deque
from collections.abc import Iterable

from zaiond import wire
from zaiond.errors import EventError
from zaiond.model import URGENT
from zaiond.store.events import AcceptOutcome, NewEvent
from zaiond.text import Text

SUFFIX = ".json"
EXCERPT_BYTES = 2000  # of a refused line, to be told
LINES = 500  # that are parsed and committed together
PART_BYTES = 256 * 1024  # the same, but for the last line of them
_LINE = re.compile(rb"[^\n]+")
_CODE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


class Faults:
    """What of a file can't be taken: why the first time, and each kind with its count."""

    __slots__ = ("_first", "excerpt", "of_kind")

    def __init__(self, whole: Text | None = None) -> None:
        """`whole`: why the file is refused unread."""
        self._first = whole
        self.excerpt = ""
        self.of_kind: dict[tuple[str, str | None], tuple[EventError, int]] = {}
        if whole is not None:
            self.of_kind["invalid", None] = (EventError("invalid", whole), 1)

    def add(self, error: EventError, number: int, line: bytes) -> None:
        """The line with this number can't be taken."""
        if self._first is None:
            self._first = Text(f"{number} 行目: {error.text.ja}", f"line {number}: {error.text.en}")
            self.excerpt = _excerpt(line)
        kind = (error.code, error.field)
        self.of_kind[kind] = (error, self.of_kind.get(kind, (error, 0))[1] + 1)

    @property
    def text(self) -> Text | None:
        """Why, and in how many lines more there is something; None where there is nothing."""
        more = sum(count for _, count in self.of_kind.values()) - 1
        if self._first is None or not more:
            return self._first
        ja, en = self._first
        return Text(
            f"{ja}（ほかに {more} 行）", f"{en} (and {more} more line{'s' * (more > 1)})"
        )


class SpoolFile:
    """A file that is being taken in: its lines are parsed some at a time, and each is behind us when
    it was accepted or refused.

    `line` is how many lines are behind us, from the start of the file, which goes on from there when
    it is read again.
    """

    __slots__ = ("_at", "_content", "_events", "_number", "faults", "line", "name", "uid")

    def __init__(
        self, name: str, uid: int, content: bytes, faults: Faults | None = None, line: int = 0
    ) -> None:
        self.name = name
        self.uid = uid
        self.faults = faults or Faults()
        self.line = line
        self._content = content
        self._at = 0
        self._number = 0  # of lines that were parsed
        # What is parsed and not behind us: number, line, and what it is.
        self._events: deque[tuple[int, bytes, NewEvent | EventError]] = deque()

    @property
    def events(self) -> list[NewEvent]:
        """What is to be accepted next, in order."""
        return [one for _, _, one in self._events if not isinstance(one, EventError)]

    @property
    def is_through(self) -> bool:
        """Whether all of it is behind us."""
        return not self._events and self._at >= len(self._content)

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
            if number <= self.line or not line.strip():
                continue
            self._events.append((number, line, self._parsed(line, now)))
            lines -= 1
            size += len(line)

    def _parsed(self, line: bytes, now: float) -> NewEvent | EventError:
        try:
            if len(line) > wire.MAX_EVENT_BYTES:
                raise wire.too_large()
            sent = wire.parse(line)
            if sent.id is None:
                raise EventError("invalid", Text("id がありません", "it has no id"), "id")
        except EventError as error:
            return EventError(error.code, error.text, error.field)  # without its traceback
        urgent, lane = sent.severity in URGENT, wire.lane(sent)
        return (sent.id, self.uid, sent.source or "", now, sent.line, urgent, lane)

    def settle(self, outcomes: Iterable[AcceptOutcome] = ()) -> None:
        """The first events have these outcomes; with them the lines between and behind that can't
        be taken are behind us.
        """
        each = iter(outcomes)
        while self._events:
            number, line, one = self._events[0]
            if isinstance(one, EventError):
                self.faults.add(one, number, line)
            else:
                outcome = next(each, None)
                if outcome is None:
                    return
                if outcome == "conflict":
                    self.faults.add(wire.conflict(one[0]), number, one[4])
            self._events.popleft()
            self.line = number


def why_foreign(name: str, mode: int, links: int, size: int) -> Text | None:
    """Why a file is none that a producer should leave here, by its name and inode(7); or None."""
    if not stat.S_ISREG(mode) or links != 1:
        return Text("通常のファイルではありません", "not a regular file of its own")
    if not name.endswith(SUFFIX):
        return Text("名前が .json で終わっていません", "its name does not end in .json")
    if size > wire.MAX_SPOOL_FILE_BYTES:
        return Text("1 MiB を超えています", "it is over 1 MiB")
    return None


def why_kept_from_us(mode: int, group: int, spool_mode: int, spool_group: int) -> Text | None:
    """Why a file that we may not open is its owner's doing; None where it is none of his: a file as
    interface 4 wants it has mode 0640, and the spool's group by its setgid bit.
    """
    if not mode & stat.S_IRGRP:
        return Text(
            f"グループに読み取り権限がありません（モード {mode & 0o777:04o}）。0640 にしてください",
            f"its group may not read it (mode {mode & 0o777:04o}): it must be 0640",
        )
    if spool_mode & stat.S_ISGID and group != spool_group:
        return Text(
            "グループがスプールのグループと異なります", "its group is not the spool's group"
        )
    return None


def why_unsafe(path: str, mode: int, owner: str | None, group: str, us: str) -> Text | None:
    """What is wrong with the spool directory, by its inode(7), or None: who can do there what nobody
    should. `owner` is None where it is us; `us` is the daemon's user.
    """
    ja: list[str] = []
    en: list[str] = []
    if owner is not None:
        ja.append(f"所有者の {owner} が、中のファイルを自由に削除、置き換えできます")
        en.append(f"it belongs to {owner}, who can delete and replace what is there")
    by_all, by_group = bool(mode & stat.S_IWOTH), bool(mode & stat.S_IWGRP)
    who_ja = "すべてのユーザー" if by_all else f"グループ {group} の全員"
    who_en = "every user" if by_all else f"every member of the group {group}"
    if by_all:
        ja.append("すべてのユーザーがイベントを置けます")
        en.append("every user can leave events there")
    if by_all or by_group:
        if not mode & stat.S_ISVTX:
            ja.append(f"{who_ja}が、ほかのユーザーのイベントを削除、置き換えできます")
            en.append(f"{who_en} can delete and replace the events of others")
        if mode & stat.S_IRGRP or (by_all and mode & stat.S_IROTH):
            ja.append(f"{who_ja}が一覧を見て、ほかのユーザーのイベントを読めます")
            en.append(f"{who_en} can list it, and so read the events of others")
        if not mode & stat.S_ISGID:
            ja.append("zaiond が読めないファイルができます（setgid がありません）")
            en.append("the daemon can't read what is left there (it has no setgid bit)")
    if not ja:
        return None
    mend = f"chown {us}:zaiond-emit {path}; chmod 3730 {path}"
    return Text(
        f"スプール {path} の所有者かモードが正しくありません（モード {mode & 0o7777:04o}）:"
        f" {'。'.join(ja)}。修正するには: {mend}",
        f"the owner or mode of the spool {path} is not right (mode {mode & 0o7777:04o}):"
        f" {'; '.join(en)}. To mend it: {mend}",
    )


def another_name(name: str, number: int) -> str:
    """A name for the `number`-th file of this name, of 255 bytes at most (NAME_MAX)."""
    stem = name.removesuffix(SUFFIX)
    suffix = f".{number}" * (number > 0) + SUFFIX * name.endswith(SUFFIX)
    # By bytes, for a name may be no UTF-8.
    short = stem.encode("utf-8", "surrogateescape")[: 255 - len(suffix)]
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
        return f"\\x{point - 0xDC00:02x}"
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _meant(found: re.Match[str]) -> str:
    byte, short, long = found.groups()
    if byte:
        point = int(byte, 16)
        return chr(point if point < 0x80 else 0xDC00 + point)
    point = int(short or long, 16)
    return chr(point) if point < 0x110000 else found[0]


def _excerpt(line: bytes) -> str:
    """The beginning of a line, as text."""
    from zaiond import decode

    text = decode.text(line[:EXCERPT_BYTES])
    return text if len(line) <= EXCERPT_BYTES else f"{text}…"
