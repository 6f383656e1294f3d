"""Silences: for a time, events that match are told to nobody."""

from collections.abc import Callable
from functools import lru_cache

from msgspec import structs

from zaiond.errors import MendableError
from zaiond.event_rules import SEVERITY_OF_WORD
from zaiond.model import SEVERITIES, Event
from zaiond.routing import words
from zaiond.routing.fields import field_test
from zaiond.routing.records import Problem, Silence
from zaiond.routing.state import MOST_SILENCES, State, cut

_FIELDS = ("type", "source", "severity", "subject", "key", "status", "job", "uid")
_OF_ITSELF = "zaiond."
LONGEST = 30 * 86400.0  # what is to be so for longer is a route
MOST_FIELDS = 20
Match = tuple[tuple[str, str], ...]


def parse_match(text: str) -> tuple[str, str]:
    """The field and the pattern of `K=V`; MendableError: it is none."""
    field, sign, pattern = text.partition("=")
    field, pattern = field.strip(), pattern.strip()
    if not sign or not field or not pattern:
        raise MendableError(words.NO_MATCH)
    if field == "severity":
        _severities(pattern)
    elif field not in _FIELDS and not (field.startswith("data.") and all(field.split("."))):
        raise MendableError(words.no_field(field=words.short(field)))
    return field, pattern


class NoRoomError(MendableError):
    """There is no room for another silence."""


def add(
    state: State,
    *,
    id: str,
    match: Match,
    seconds: float,
    comment: str,
    by: str,
    now: float,
) -> Silence:
    """Silences what matches from now on. MendableError: there are too many, or it would not end."""
    if not 1 <= seconds <= LONGEST:
        raise MendableError(words.NO_DURATION)
    if len(state.silences) >= MOST_SILENCES:
        raise NoRoomError(words.too_many_silences(most=MOST_SILENCES))
    if len(match) > MOST_FIELDS or any(len(text) > 255 for pair in match for text in pair):
        raise MendableError(words.LONG_MATCH)
    silence = Silence(
        due=now + seconds, id=id, match=match, comment=cut(comment), by=cut(by), created=now
    )
    state.put_silence(silence)
    return silence


def expire(state: State, id: str, now: float) -> Silence | None:
    """Ends a silence now; the next `due` says what it hid. None: there is no such silence."""
    silence = state.silences.get(id)
    if silence is not None:
        silence = structs.replace(silence, due=min(silence.due, now))
        state.put_silence(silence)
    return silence


def silence_of(state: State, event: Event, now: float) -> Silence | None:
    """The silence that an event runs into, if there is one: that which lasts longest. Of what the
    daemon has to tell of itself nothing is silenced; of jobs it tells as a producer.
    """
    if event.notice and event.type.startswith(_OF_ITSELF):
        return None
    found = None
    for silence in state.silences.values():
        is_longest = silence.due > now and (found is None or silence.due > found.due)
        if is_longest and _matches(silence.match)(event):
            found = silence
    return found


def count(state: State, silence: Silence) -> None:
    """It has hidden one more event."""
    state.put_silence(structs.replace(silence, hidden=silence.hidden + 1))


def silence_of_problem(state: State, problem: Problem, now: float) -> Silence | None:
    """The silence that a reminder of a problem runs into: by the event that opened it, of which
    `data` is not known any more, or as its last report did.
    """
    if not state.silences:
        return None
    hidden = state.silences.get(problem.hidden or "")
    if hidden is not None and hidden.due > now:
        return hidden
    opened = Event(
        id=problem.id,
        uid=problem.uid,
        type=problem.type,
        source=problem.source,
        time=problem.since,
        accepted=problem.since,
        severity=problem.worst,
        subject=problem.subject,
        key=problem.key or None,
        status="problem",
        job=problem.job,
    )
    return silence_of(state, opened, now)


def set_back(state: State, now: float) -> None:
    """The clock was set back to `now`: none lasts longer than it was made for."""
    for silence in list(state.silences.values()):
        with state.guarded("silence", silence.id):
            if silence.created > now:
                due = min(silence.due, now + (silence.due - silence.created))
                state.put_silence(structs.replace(silence, created=now, due=due))


@lru_cache(MOST_SILENCES)
def _matches(match: Match) -> Callable[[Event], bool]:
    """Whether an event has all the fields, each with one of the values that are given for it."""
    fields: dict[str, list[str]] = {}
    for field, pattern in match:
        fields.setdefault(field, []).append(pattern)
    tests = []
    for field, patterns in fields.items():
        if field == "severity":
            patterns = [severity for pattern in patterns for severity in _severities(pattern)]
        tests.append(field_test(field, patterns))
    return lambda event: all(test(event) for test in tests)


def _severities(pattern: str) -> tuple[str, ...]:
    word = pattern.lower().removesuffix("+")
    name = SEVERITY_OF_WORD.get(word)
    if name is None:
        raise MendableError(words.no_severity(word=words.short(word), names=", ".join(SEVERITIES)))
    at = [str(each) for each in SEVERITIES].index(name)
    return tuple(SEVERITIES[: at + 1]) if pattern.endswith("+") else (name,)
