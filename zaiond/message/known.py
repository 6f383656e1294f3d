"""What events of our own types say in `data`: which fields stand in the summary, and how each of
them reads. Everything else of such an event is laid out as of any other.
"""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any, NamedTuple

from zaiond.message.mime import duration, moment
from zaiond.message.words import Words, known
from zaiond.text import Text

_MOST_SLOTS = 20

Form = Callable[[Any, Words, tzinfo | None], Any]


class Field(NamedTuple):
    """A field of `data` that has a label of its own; `form` makes of its value what is shown, of
    None or "" nothing.
    """

    name: str
    label: Text
    form: Form


def _as_sent(value: Any, _words: Words, _tz: tzinfo | None) -> Any:
    return value


def _time(value: Any, words: Words, _tz: tzinfo | None) -> Any:
    return duration(value, words)


def _command(value: Any, _words: Words, _tz: tzinfo | None) -> Any:
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(value)
    return value


def _slots(value: Any, words: Words, tz: tzinfo | None) -> Any:
    if not isinstance(value, list):
        return moment(value, words, tz)
    shown = [moment(each, words, tz) for each in value[:_MOST_SLOTS]]
    if not all(isinstance(each, str) for each in shown):
        return value
    if len(value) > _MOST_SLOTS:
        more = known.MORE_SLOTS(number=len(value) - _MOST_SLOTS)
        shown.append(more.in_language(words.language))
    return "\n".join(shown)


def _if_so(said: Text) -> Form:
    def form(value: Any, words: Words, _tz: tzinfo | None) -> Any:
        return said.in_language(words.language) if value is True else None

    return form


_JOB = (
    Field("command", known.COMMAND, _command),
    Field("exit_status", known.EXIT_STATUS, _as_sent),
    Field("signal", known.SIGNAL, _as_sent),
    Field("started_at", known.STARTED, moment),
    Field("finished_at", known.FINISHED, moment),
    Field("duration", known.TOOK, _time),
    Field("running", known.RUNNING, _time),
    Field("max_runtime", known.MAX_RUNTIME, _time),
    Field("slots", known.SLOTS, _slots),
    Field("count", known.MISSED, _as_sent),
    Field("grace", known.GRACE, _time),
    Field("schedule", known.SCHEDULE, _as_sent),
    Field("timezone", known.TIMEZONE, _as_sent),
    Field("every", known.EVERY, _time),
    Field("failures", known.FAILURES, _as_sent),
    Field("last_started", known.LAST_STARTED, moment),
    Field("last_success", known.LAST_SUCCESS, moment),
    Field("next_run", known.NEXT_RUN, moment),
    Field("daemon_down", known.NOTE, _if_so(known.DAEMON_DOWN)),
    Field("timed_out", known.NOTE, _if_so(known.TIMED_OUT)),
)
_UNIT = (
    Field("unit", known.UNIT, _as_sent),
    Field("result", known.UNIT_RESULT, _as_sent),
    Field("exit_status", known.EXIT_STATUS, _as_sent),
    Field("signal", known.SIGNAL, _as_sent),
    Field("invocation_id", known.INVOCATION, _as_sent),
)
_MAIL = (Field("from", known.FROM, _as_sent), Field("to", known.TO, _as_sent))
_SUPPRESSED = (
    Field("recipient", known.RECIPIENT, _as_sent),
    Field("held", known.HELD, _as_sent),
    Field("since", known.SINCE, moment),
)
_SILENCE = (
    Field("silence", known.SILENCE, _as_sent),
    Field("hidden", known.HIDDEN, _as_sent),
)
_FIELDS = {
    "job.failed": _JOB,
    "job.missed": _JOB,
    "job.overdue": _JOB,
    "job.started": _JOB,
    "job.succeeded": _JOB,
    "unit.failed": _UNIT,
    "mail.local": _MAIL,
    "zaiond.mails.suppressed": _SUPPRESSED,
    "zaiond.silence.hides": _SILENCE,
}
SUMMARY = "zaiond.summary"  # the notice whose message is the mail
OUTPUT = "output"  # the field of `data` that stands at the end, below a heading of its own


def fields_of(type: str) -> tuple[Field, ...]:
    """The fields that events of a type are known to have; none where the type is not ours."""
    return _FIELDS.get(type, ())


def advice(type: str, status: str | None, words: Words) -> str | None:
    """What there is to do about an event of our own types; None: what of any other."""
    if status == "ok":
        text = known.JOB_RECOVERED if type == "job.succeeded" else None
    else:
        text = known.ADVICE.get(type)
    return None if text is None else text.in_language(words.language)
