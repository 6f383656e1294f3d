"""What a language must have words for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from zaiond.model import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupWords:
    """One phase of a backup's automatic update: how it stands, and what to do."""

    mark: str
    sentences: str
    result: str | None  # None while it has none
    ended_at: str
    message: str  # the heading above the event's message
    message_first: bool  # before the summary: it says what is wrong


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """The words of one language."""

    test_body: str
    greeting: str
    severity: Mapping[Severity, str]
    problem: str
    recovered: str
    outcome: Mapping[str, str]  # by the last word of an event's type, or by a whole type
    subject_of: Mapping[str, str]  # by a type of our own, without its outcome

    # forms
    moment: Callable[[datetime], str]
    duration: Callable[[float], str]
    mark: Callable[[tuple[str, ...]], str]  # of words that say how it stands
    subject: Callable[[str, str, tuple[str, ...]], str]  # mark, what, where
    left_out: Callable[[int, str], str]  # fields; the command that shows all

    # what to do about an event
    on_problem: str
    on_recovery: str
    at_once: str
    on_warning: str
    to_know: str
    no_notice: Callable[[str], str]  # of an event that could be taken for one, by its user

    # headings
    summary: str
    message: str
    details: str
    extensions: str

    # labels
    result: str
    server: str
    target: str
    started_at: str
    took: str
    history: str
    about: str
    type: str
    severity_label: str
    status: str
    key: str
    time: str
    accepted: str
    source: str
    user: str
    job: str

    # a backup's automatic update
    backup_started: BackupWords
    backup_finished: BackupWords
    backup_finished_with_warning: BackupWords
    backup_failed: BackupWords

    # below
    automatic: str
    stop_backup: str
    event_id: str
