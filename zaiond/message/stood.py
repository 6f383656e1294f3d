"""What a mail says of how long a problem lasted, and how often it was reported."""

from datetime import tzinfo
from typing import NamedTuple

from zaiond.message.mime import duration, shown_moment
from zaiond.message.words import Words
from zaiond.message.words import standing as said
from zaiond.model import Standing
from zaiond.text import times

_HOUR = 3600.0


class Stood(NamedTuple):
    """How a problem stood at `at`, in seconds since the epoch: when the mail about it was made."""

    standing: Standing
    at: float

    def told(self, advice: str, words: Words) -> str:
        """What there is to do, and how long the problem has lasted where the mail is not the first
        one. It is put before the summary's heading, if that is part of `advice`.
        """
        standing, language = self.standing, words.language
        if standing.until is None and (not standing.reminder or self.at < standing.since):
            return advice
        sentence = said.LASTS if standing.until is None else said.LASTED
        lasted = max(0.0, (self.at if standing.until is None else standing.until) - standing.since)
        # Nobody counts the seconds of hours.
        lasted = lasted // 60 * 60 if lasted >= _HOUR else round(lasted)
        count = said.REPORTED_ONCE if standing.count == 1 else said.REPORTED(count=standing.count)
        text = sentence(time=duration(lasted, words)).in_language(language)
        text += count.in_language(language)
        before, heading, after = advice.partition(f"\n\n{words.summary}")
        return f"{before}{words.between_sentences}{text}{heading}{after}"

    def facts(self, words: Words, tz: tzinfo | None) -> list[str]:
        """Lines of the summary; none where a problem was reported for the first time."""
        standing, language = self.standing, words.language
        if standing.until is None and standing.count == 1 and not standing.reminder:
            return []
        rows = [(said.OPENED, shown_moment(int(standing.since // 1), words, tz))]
        if standing.until is not None:
            rows.append((said.CLOSED, shown_moment(int(standing.until // 1), words, tz)))
        rows.append((said.COUNT, times(standing.count).in_language(language)))
        return [f"{label.in_language(language)}: {value}" for label, value in rows]
