"""Which events were refused in the last day: how many, of whom, and why. Pure: the clock is an
argument.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from zaiond.errors import EventError
from zaiond.text import Language, Text

MOST = 100  # users and reasons that are told apart
_SHOWN = 3  # of them in a sentence
_HOUR = 3600
_HOURS = 24


class Refusal(NamedTuple):
    """What was refused of one user for one reason; `why` is what was said the last time."""

    uid: int
    code: str
    field: str | None
    events: int
    last: float  # seconds since the epoch
    why: Text


class _Hours:
    """Counts by the hour, for a day."""

    __slots__ = ("_of_hour",)

    def __init__(self) -> None:
        self._of_hour: dict[int, int] = {}

    def add(self, number: int, now: float) -> None:
        hour = int(now) // _HOUR
        self._of_hour[hour] = self._of_hour.get(hour, 0) + number
        if len(self._of_hour) > _HOURS:
            del self._of_hour[min(self._of_hour)]

    def last_day(self, now: float) -> int:
        before = int(now) // _HOUR - _HOURS
        return sum(number for hour, number in self._of_hour.items() if hour > before)


class Refusals:
    """Counts what is refused. Of more reasons than MOST the one heard of last is kept; the total
    has them all.
    """

    def __init__(self) -> None:
        self._total = _Hours()
        # The one heard of last is the last.
        self._of: dict[tuple[int, str, str | None], tuple[_Hours, float, Text]] = {}

    def count(self, uid: int, error: EventError, now: float, number: int = 1) -> None:
        """So many events of a user were refused."""
        self._total.add(number, now)
        key = (uid, error.code, error.field)
        hours = self._of.pop(key)[0] if key in self._of else _Hours()
        hours.add(number, now)
        self._of[key] = (hours, now, error.text)
        if len(self._of) > MOST:
            del self._of[next(iter(self._of))]

    def total(self, now: float) -> int:
        """How many there were in the last day."""
        return self._total.last_day(now)

    def last_day(self, now: float) -> list[Refusal]:
        """Those of the last day, the most frequent first."""
        refusals = [
            Refusal(*key, hours.last_day(now), last, why)
            for key, (hours, last, why) in self._of.items()
        ]
        return sorted(
            (refusal for refusal in refusals if refusal.events),
            key=lambda refusal: (-refusal.events, -refusal.last),
        )

    def document(self, now: float, language: Language) -> dict[str, Any]:
        """As `status --json` has it."""
        return {
            "count": self.total(now),
            "reasons": [
                {
                    "uid": refusal.uid,
                    "code": refusal.code,
                    "field": refusal.field,
                    "count": refusal.events,
                    "last": datetime.fromtimestamp(refusal.last, UTC).isoformat(),
                    "message": refusal.why.in_language(language),
                }
                for refusal in self.last_day(now)
            ],
        }

    def problem(self, now: float, name_of: Callable[[int], str]) -> Text | None:
        """What an administrator should know, with names of users; None where all was taken."""
        total = self.total(now)
        if not total:
            return None
        all_of_them = self.last_day(now)
        shown = all_of_them[:_SHOWN]
        more = len(all_of_them) > len(shown)
        ja = "、".join(f"{name_of(one.uid)} {one.events} 件「{one.why.ja}」" for one in shown)
        en = "; ".join(f"{one.events} of {name_of(one.uid)}: {one.why.en}" for one in shown)
        return Text(
            f"過去 24 時間に受け付けなかったイベントが {total} 件あります（{ja}"
            f"{' など' if more else ''}）",
            f"events refused in the last day: {total} ({en}{'; …' if more else ''})",
        )
