"""The mails in English (interface 6)."""

from datetime import datetime

from zaiond.message.locale.words import BackupWords, Words
from zaiond.message.value import offset, units

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _moment(moment: datetime) -> str:
    weekday = _WEEKDAYS[moment.weekday()]
    return f"{weekday} {moment.year:04d}-{moment:%m-%d} {moment:%H:%M:%S} {offset(moment)}"


def _subject(mark: str, what: str, where: tuple[str, ...]) -> str:
    return f"{mark}{what} ({': '.join(where)})"


WORDS = Words(
    test_body="This is a test mail from Zaionnex.",
    greeting="Dear administrator,",
    severity={
        "emerg": "emergency",
        "alert": "alert",
        "crit": "critical",
        "err": "error",
        "warning": "warning",
        "notice": "notice",
        "info": "information",
        "debug": "debug",
    },
    problem="problem",
    recovered="recovered",
    outcome={
        "started": "started",
        "finished": "finished",
        "completed": "completed",
        "succeeded": "succeeded",
        "failed": "failed",
        "job.missed": "missed",
        "job.overdue": "overdue",
    },
    subject_of={
        "backup.auto_update": "Automatic update of the data backup",
        "job": "Job",
        "mail.local": "Local mail",
        "unit": "Unit",
    },
    moment=_moment,
    duration=lambda seconds: units(seconds, (" d", " h", " min", " s"), " "),
    mark=lambda marks: f"{', '.join(marks).capitalize()}: ",
    subject=_subject,
    left_out=lambda number, command: f"({number:,} more not shown here; to see all: {command})",
    on_problem="A problem has occurred. Please check, and take action if necessary.",
    on_recovery="The problem has been resolved. No action is needed.",
    at_once="A problem that needs immediate action was reported. Please look at it now.",
    on_warning="A problem has been reported. Please check, and take action if necessary.",
    to_know="This is for your information.",
    no_notice=lambda user: f"Note: this is no notice of zaiond itself. User {user} sent the event.",
    summary="== Summary ==",
    message="== Message ==",
    details="== Details ==",
    extensions="== Other attributes ==",
    result="Result",
    server="Server",
    target="Target",
    started_at="Started",
    took="Duration",
    history="History",
    about="Subject",
    type="Type",
    severity_label="Severity",
    status="Status",
    key="Key",
    time="Time",
    accepted="Received",
    source="Source",
    user="User",
    job="Job",
    backup_started=BackupWords(
        mark="started",
        sentences="The automatic update of the data backup has started. No action is needed.",
        result=None,
        ended_at="Finished",
        message="== Message ==",
        message_first=False,
    ),
    backup_finished=BackupWords(
        mark="finished",
        sentences="The automatic update of the data backup has finished. No action is needed.",
        result="success",
        ended_at="Finished",
        message="== Message ==",
        message_first=False,
    ),
    backup_finished_with_warning=BackupWords(
        mark="finished with warnings",
        sentences="The automatic update of the data backup has finished with warnings.\n\n"
        "Please check the warnings.",
        result="finished with warnings",
        ended_at="Finished",
        message="== Warnings ==",
        message_first=True,
    ),
    backup_failed=BackupWords(
        mark="failed",
        sentences="The automatic update of the data backup has failed.\n\n"
        "Please check the error, and run the update again if necessary.",
        result="failed",
        ended_at="Failed",
        message="== Error ==",
        message_first=True,
    ),
    automatic="This mail was sent automatically by Zaionnex. Replies to it are not read.",
    stop_backup="To stop these notifications, set notify.backup_auto_update to false.",
    event_id="Event ID",
)
