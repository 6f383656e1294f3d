"""What mails about events of one type, severity and status have in common, in the subject and in
the body: it is made once, and kept for those seen last.
"""

from functools import lru_cache
from typing import NamedTuple

from zaiond.message import known
from zaiond.message.known import Field
from zaiond.message.words import BackupWords, Words
from zaiond.message.words import standing as standing_words
from zaiond.model import SEVERITIES, Severity

BACKUP_AUTO_UPDATE = "backup.auto_update."
# The severity that an outcome has without a word.
_IMPLIED = {"failed": "err", "job.missed": "err", "job.overdue": "warning"}
_AT_ONCE = frozenset(SEVERITIES[:2])
_WARNING = frozenset(SEVERITIES[:5])
_NOTICE = frozenset(SEVERITIES[:6])


class Template(NamedTuple):
    """`mark` and `about` begin the subject: how it stands, and what it is about. The others are
    lines of the body: what there is to do, with the summary's heading; type, result and severity;
    the status, or ""; the end, to which the event's id is added.

    `backup`: the words of a phase of a backup's automatic update, which has a layout of its own.
    `names_target`: what is about such a backup, a recovery too, names its target in the subject.
    `known`: fields of data that stand in the summary.
    """

    mark: str
    about: str
    names_target: bool
    backup: BackupWords | None
    advice: str
    facts: str
    status: str
    closing: str
    known: tuple[Field, ...]


@lru_cache(maxsize=128)  # a type has at most 255 characters: 300 KB in all
def template(
    type: str, severity: Severity, status: str | None, words: Words, reminder: bool = False
) -> Template:
    """The template of events of this type, severity and status, in the language of `words`;
    `reminder`: the mail reminds of a problem that was told of before.
    """
    of_backup = type.startswith(BACKUP_AUTO_UPDATE)
    backup = _backup_words(type, severity, status, words) if of_backup else None
    about, outcome = _about_and_outcome(type, words)
    facts = [f"{words.type}: {type}"]
    if outcome is not None and outcome != "started":
        is_over = status == "ok" and type != "job.succeeded"
        result = words.recovered if is_over else words.outcome[outcome]
        facts.append(f"{words.result}: {result}")
    facts.append(f"{words.severity_label}: {words.severity[severity]}")
    problem = standing_words.CONTINUES.in_language(words.language) if reminder else words.problem
    standing = problem if status == "problem" else words.recovered
    marks = _marks(severity, status, outcome, words, problem)
    advice = known.advice(type, status, words) or _advice(severity, status, words)
    if reminder:
        advice = standing_words.ON_REMINDER.in_language(words.language)
    advice = f"{advice}\n\n{words.summary}"
    if backup is not None:
        marks, advice = (*marks[:reminder], backup.mark), backup.sentences
    names_target = backup is not None or type == f"{BACKUP_AUTO_UPDATE}failed"
    if names_target:
        about = words.subject_of["backup.auto_update"]
    # Outlook joins a line to one of 40 characters or more before it, so an empty one parts them;
    # but the mails of a backup's automatic update are to the letter (interface 6).
    stop = words.stop_backup if of_backup else ""
    return Template(
        mark=words.mark(marks) if marks else "",
        about=about,
        names_target=names_target,
        backup=backup,
        advice=advice,
        facts="\n".join(facts),
        status=f"{words.status}: {standing}" if status is not None else "",
        closing=f"\n{words.automatic}\n{stop}\n{words.event_id}: ",
        known=known.fields_of(type),
    )


def _backup_words(
    type: str, severity: Severity, status: str | None, words: Words
) -> BackupWords | None:
    phase = type[len(BACKUP_AUTO_UPDATE) :]
    if phase == "finished":
        if severity in _WARNING:
            return words.backup_finished_with_warning
        return words.backup_finished
    if phase == "failed" and status == "ok":
        return None  # a recovery, told as any other
    return {"started": words.backup_started, "failed": words.backup_failed}.get(phase)


def _about_and_outcome(type: str, words: Words) -> tuple[str, str | None]:
    """What events of a type are about, and how that ended, as a key of `words.outcome`."""
    if type.startswith("zaiond."):  # of `zaiond.delivery.failed`, most are held, not failed
        return type, None
    stem, _, end = type.rpartition(".")
    for outcome in (end, type):
        if stem and outcome in words.outcome:
            return words.subject_of.get(stem, stem), outcome
    return words.subject_of.get(type, type), None


def _marks(
    severity: Severity, status: str | None, outcome: str | None, words: Words, problem: str
) -> tuple[str, ...]:
    """How it stands; a severity that goes without saying is left out."""
    if status == "ok":
        return (words.recovered,)
    said = (words.severity[severity],) if severity in _NOTICE else ()
    if status == "problem":
        return (problem, *said)
    if outcome is None:
        return said
    mark = (words.outcome[outcome],)
    return mark if _IMPLIED.get(outcome) == severity else mark + said


def _advice(severity: Severity, status: str | None, words: Words) -> str:
    if status == "ok":
        return words.on_recovery
    if severity in _AT_ONCE:
        return words.at_once
    if status == "problem":
        return words.on_problem
    return words.on_warning if severity in _WARNING else words.to_know
