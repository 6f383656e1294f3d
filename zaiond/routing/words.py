"""The reasons that routing gives, in both languages: `history` and `zaiond-ctl route` show them.

The outcome stands before a reason wherever it is shown (dropped, silenced, held), so that a reason
doesn't say it again.
"""

from datetime import UTC, datetime

from zaiond.safe import one_line
from zaiond.text import Sentence, Text

_MOST_SHOWN = 60  # characters of an event's text

DEFAULT = Text("どのルートにも当てはまらないため、管理者に送信", "no route matches: to the admins")
BY_DEFAULTS = Text(
    "どのルートにも当てはまらないため、route_defaults の宛先に送信",
    "no route matches: to those of route_defaults",
)
BACKUP_AUTO_UPDATE_OFF = Text(
    "設定 notify.backup_auto_update が false のため",
    "the setting notify.backup_auto_update is false",
)
NAMED_BY_PROGRAM = Text(
    "プログラムが宛先を指定したため、ルートによらず送信",
    "the program named the recipients: no route counts",
)

# -- what becomes of it by a route; {route} is one of these two

_route = Sentence("ルート {name}", "route {name}")
_NO_ROUTE = Text("どのルートにも当てはまらない", "no route matches")
_told = Sentence("{route}: すぐに送信", "{route}: mailed at once")
_nobody = Sentence("{route}: 宛先なし（to: []）", "{route}: to nobody (to: [])")
_job_told = Sentence(
    "{route}: ジョブ {job} の宛先に送信", "{route}: to the recipients of job {job}"
)
_grouped = Sentence(
    "{route}: {labels}が同じものを 1 通にまとめて送信", "{route}: grouped with those of {labels}"
)
_grouped_all = Sentence("{route}: すべてを 1 通にまとめて送信", "{route}: all are one group")
_digest = Sentence("{route}: まとめ送信（digest {cron}）", "{route}: waits for the digest ({cron})")
_held = Sentence(
    "{route}: {until} まで保留（active_time {hours}）",
    "{route}: held until {until} (active_time {hours})",
)
_over = Sentence(
    "max_mails {rate} を超えたため、後で 1 通にまとめて送信",
    "over max_mails {rate}: told in one mail later",
)


def name_of(route: str) -> Text:
    """The route at the beginning of a reason."""
    return _route(name=one_line(route)) if route else _NO_ROUTE


def told(route: str) -> Text:
    return _told(route=name_of(route))


def job_told(route: str, job: str) -> Text:
    return _job_told(route=name_of(route), job=short(job))


def nobody(route: str) -> Text:
    return _nobody(route=name_of(route))


def grouped(route: str, labels: tuple[tuple[str, str], ...]) -> Text:
    if not labels:
        return _grouped_all(route=name_of(route))
    shown = ", ".join(f"{name}={short(value)}" for name, value in labels)
    return _grouped(route=name_of(route), labels=Text(f"{shown} ", f"the same {shown}"))


def digest(route: str, cron: str) -> Text:
    return _digest(route=name_of(route), cron=cron)


def held(route: str, until: float, hours: str) -> Text:
    return _held(route=name_of(route), until=moment(until), hours=one_line(hours))


def over(count: int, seconds: float) -> Text:
    unit = {86400.0: "d", 3600.0: "h", 60.0: "m"}.get(seconds, "s")
    return _over(rate=f"{count}/{unit}")


# -- problems

_counted = Sentence(
    "障害 {key} は {since} から継続中のため、件数に加算",
    "counted: problem {key} is open since {since}",
)
_reminder = Sentence(
    "{route}: 障害 {key} が {since} から継続中のため、再度送信",
    "{route}: reminds of problem {key}, which is open since {since}",
)
_closed = Sentence(
    "{route}: 障害 {key} が復旧したため送信", "{route}: tells that problem {key} is over"
)
_no_problem = Sentence(
    "記録のみ: 障害 {key} は発生していません", "recorded, not mailed: problem {key} is not open"
)
_not_told = Sentence(
    "記録のみ: 障害 {key} はだれにも送信していません",
    "recorded, not mailed: nobody was told of problem {key}",
)


def counted(key: str, since: float) -> Text:
    return _counted(key=short(key), since=moment(since))


def reminder(route: str, key: str, since: float) -> Text:
    return _reminder(route=name_of(route), key=short(key), since=moment(since))


def closed(route: str, key: str) -> Text:
    return _closed(route=name_of(route), key=short(key))


def no_problem(key: str) -> Text:
    return _no_problem(key=short(key))


def not_told(key: str) -> Text:
    return _not_told(key=short(key))


# -- jobs

_job_started = Sentence(
    "記録のみ: ジョブ {job} の開始", "recorded, not mailed: job {job} has started"
)
_job_succeeded = Sentence(
    "記録のみ: ジョブ {job} は成功", "recorded, not mailed: job {job} has succeeded"
)
_few_failures = Sentence(
    "記録のみ: ジョブ {job} の連続 {number} 回目の失敗（{needed} 回目から送信）",
    "recorded, not mailed: failure {number} in a row of job {job} (mailed from {needed} on)",
)


def job_started(job: str) -> Text:
    return _job_started(job=short(job))


def job_succeeded(job: str) -> Text:
    return _job_succeeded(job=short(job))


def few_failures(job: str, number: int, needed: int) -> Text:
    return _few_failures(job=short(job), number=number, needed=needed)


# -- silences

_silenced = Sentence(
    "{by} が {until} まで通知を一時停止: {comment}", "silenced until {until} by {by}: {comment}"
)
NO_MATCH = Text(
    "項目=パターン の形で指定してください（例: source=web*、severity=warning+、data.host=db1）",
    "write FIELD=PATTERN, as source=web*, severity=warning+ or data.host=db1",
)
no_field = Sentence(
    "項目 {field} はありません。type, source, severity, subject, key, status, job, uid, data.名前"
    " のどれかにしてください",
    "there is no field {field}: use one of type, source, severity, subject, key, status, job, uid,"
    " data.NAME",
)
no_severity = Sentence(
    "重大度 {word} はありません。{names} のどれか、または warning+ の形にしてください",
    "there is no severity {word}: use one of {names}, or the form warning+",
)
LONG_MATCH = Text(
    "条件は 20 個まで、それぞれ 255 文字までにしてください",
    "there may be 20 conditions, of at most 255 characters each",
)
too_many_silences = Sentence(
    "一時停止が {most} 件あります。不要なものを終了してください",
    "there are {most} silences: end those that are not needed",
)
NO_DURATION = Text(
    "通知の一時停止の期間は 1s 以上、30d 以下にしてください（例: 2h）",
    "a silence may last from 1s to 30d, as 2h",
)


def silenced(until: float, by: str, comment: str) -> Text:
    return _silenced(until=moment(until), by=short(by), comment=short(comment))


# -- words of all


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BEGIN, _END = -62135596800.0, 253402300799.0  # of the years 1 and 9999 in UTC


def moment(at: float) -> Text:
    """A time of the days around now, as a person says it; far from now it would take the year."""
    try:
        local = datetime.fromtimestamp(at).astimezone()
    except (ValueError, OverflowError, OSError):  # where the calendar ends, or begins
        local = datetime.fromtimestamp(max(_BEGIN, min(at, _END)), UTC)
    day = "月火水木金土日"[local.weekday()]
    english = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[local.weekday()]
    month = _MONTHS[local.month - 1]
    time = f"{local.hour:02}:{local.minute:02}"
    return Text(
        f"{local.month}/{local.day}（{day}）{time}", f"{english} {month} {local.day}, {time}"
    )


def short(text: str) -> str:
    """The beginning of a stranger's text, on one line."""
    line = one_line(text[: 4 * _MOST_SHOWN])
    return line if len(line) <= _MOST_SHOWN else f"{line[: _MOST_SHOWN - 1]}…"
