"""Which events were refused in the last day: how many, of whom, and why. Pure: the clock is an
argument.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from zaiond.errors import EventError
from zaiond.intake import words
from zaiond.net.machine import rfc3339
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


class Refused:
    """Counts what is refused. Of more reasons than MOST the one heard of last is kept; the total
    has them all.
    """

    def __init__(self) -> None:
        self.by_code = Counter[str]()  # since the start
        self._total = Counter[int]()  # by the hour, for a day
        # The one heard of last is the last.
        self._of: dict[tuple[int, str, str | None], tuple[Counter[int], float, Text]] = {}

    def count(self, uid: int, error: EventError, now: float, number: int = 1) -> None:
        self.by_code[error.code] += number
        key = (uid, error.code, error.field)
        hours = self._of.pop(key)[0] if key in self._of else Counter[int]()
        for each in (self._total, hours):
            each[int(now) // _HOUR] += number
            if len(each) > _HOURS:
                del each[min(each)]
        self._of[key] = (hours, now, error.text)
        if len(self._of) > MOST:
            del self._of[next(iter(self._of))]

    def total(self, now: float) -> int:
        return _in_last_day(self._total, now)

    def last_day(self, now: float) -> list[Refusal]:
        """Those of the last day, the most frequent first."""
        refusals = [
            Refusal(*key, _in_last_day(hours, now), last, why)
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
                    "last": rfc3339(refusal.last),
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
        reasons = self.last_day(now)
        told = [
            words.of_one_reason(who=name_of(one.uid), number=one.events, why=one.why)
            for one in reasons[:_SHOWN]
        ]
        some = words.some(told, more=len(reasons) > _SHOWN)
        return words.refused_in_the_last_day(total=total, some=some)


class Refusals(Refused):
    """All that is refused; `unknown` is what no administrator has said of that he knows."""

    def __init__(self) -> None:
        super().__init__()
        self.unknown = Refused()

    def count(self, uid: int, error: EventError, now: float, number: int = 1) -> None:
        super().count(uid, error, now, number)
        self.unknown.count(uid, error, now, number)

    def acknowledge(self) -> None:
        """What was refused so far is known."""
        self.unknown = Refused()


def _in_last_day(hours: Counter[int], now: float) -> int:
    before = int(now) // _HOUR - _HOURS
    return sum(number for hour, number in hours.items() if hour > before)
