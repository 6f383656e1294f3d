"""A file of the spool: its lines, how far they are taken, and what of them can't be. Pure."""

import re
from collections import deque
from collections.abc import Iterable

from zaiond import wire
from zaiond.errors import EventError
from zaiond.model import URGENT, NewEvent
from zaiond.store.events import AcceptOutcome
from zaiond.text import Text

EXCERPT_BYTES = 2000  # of a refused line, to be told
LINES = 500  # that are parsed and committed together
PART_BYTES = 256 * 1024  # the same, but for the last line of them
_LINE = re.compile(rb"[^\n]+")


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
        return Text(f"{ja}（ほかに {more} 行）", f"{en} (and {more} more line{'s' * (more > 1)})")


class SpoolFile:
    """A file that is being taken in: some lines at a time are parsed, and each is behind us when it
    was accepted or refused.

    `line` is the number of the last one behind us, where it goes on when the file is read again.
    """

    __slots__ = ("_at", "_content", "_events", "_number", "faults", "inode", "line", "name", "uid")

    def __init__(
        self,
        name: str,
        uid: int,
        inode: int,
        content: bytes,
        faults: Faults | None = None,
        line: int = 0,
    ) -> None:
        self.name = name
        self.uid = uid
        self.inode = inode
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
            lines -= 1
            size += len(line)
            if number > self.line and line.strip():
                self._events.append((number, line, self._parsed(line, now)))

    def _parsed(self, line: bytes, now: float) -> NewEvent | EventError:
        try:
            if len(line) > wire.MAX_EVENT_BYTES:
                raise wire.too_large()
            sent = wire.parse(line)
            if sent.id is None:
                raise EventError("invalid", Text("id がありません", "it has no id"), "id")
        except EventError as error:
            return EventError(error.code, error.text, error.field)  # without its traceback
        except Exception as error:  # noqa: BLE001 - read at each start, it would end each daemon
            kind = type(error).__name__
            return EventError(
                "invalid", Text(f"内部エラー（{kind}）", f"an internal error ({kind})")
            )
        urgent, lane = sent.severity in URGENT, wire.lane(sent)
        return (sent.id, self.uid, sent.source or "", now, sent.line, urgent, lane)

    @property
    def first_fault(self) -> Text | None:
        """Why the first of the parsed lines that can't be taken can't be."""
        faults = Faults()
        for number, line, one in self._events:
            if isinstance(one, EventError):
                faults.add(one, number, line)
                break
        return faults.text

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


def _excerpt(line: bytes) -> str:
    """The beginning of a line, as text."""
    from zaiond import decode

    text = decode.text(line[:EXCERPT_BYTES])
    return text if len(line) <= EXCERPT_BYTES else f"{text}…"
