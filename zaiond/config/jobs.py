"""What must be heard of, and when: times, jobs, the heartbeat."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass, replace

from zaiond.config import words
from zaiond.config.declare import Scope, Settings, bring, setting
from zaiond.config.forms import DAY, Duration, Integer, Recipients
from zaiond.config.kinds import File, Secret
from zaiond.config.times import CronTimes, Days, HoursOfDay, TimeZone
from zaiond.schedule import Cron, Hours

_YEAR = 365 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Time(Settings):
    """Hours of some days of the week."""

    days: frozenset[int] = setting(
        Days(),
        "曜日です（例: mon-fri、[mon, wed, fri]、sat-mon）。既定値は毎日です。",
        "The days on which the hours begin, as mon-fri, [mon, wed, fri] or sat-mon.",
        default="mon-sun",
    )
    hours: tuple[int, int] = setting(
        HoursOfDay(),
        '時間帯です（例: "08:30-18:00"）。"22:00-06:00" のように翌日にまたがってもかまいません。',
        'From when to when, as "08:30-18:00"; "22:00-06:00" ends on the next day.',
        default="00:00-24:00",
    )
    timezone: str | None = setting(
        TimeZone(),
        "タイムゾーンです（例: Asia/Tokyo）。既定値は、このマシンのものです。",
        "The time zone, as Asia/Tokyo. Default: this machine's.",
    )

    def completed(self, scope: Scope) -> Hours:  # noqa: ARG002
        return Hours(self.days, *self.hours, self.timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Settings):
    """A job that must be heard of: `schedule`, which has its time zone, or `every` so long. `to`:
    None where its events are told of as routed."""

    schedule: Cron | None = setting(
        CronTimes(),
        'ジョブの日時の cron 式です（例: "0 2 * * *" は毎日 2 時）。これか every のどちらか 1 つを'
        "設定します。",
        'When the job runs, a cron expression as "0 2 * * *"; either this or every.',
    )
    every: float | None = setting(
        Duration(1, _YEAR),
        "ジョブの間隔です（例: 24h）。これか schedule のどちらか 1 つを設定します。",
        "How often the job runs, as 24h; either this or schedule.",
    )
    timezone: str | None = setting(
        TimeZone(),
        "schedule のタイムゾーンです（例: Asia/Tokyo）。既定値は、このマシンのものです。",
        "The time zone of schedule, as Asia/Tokyo. Default: this machine's.",
    )
    grace: float = setting(
        Duration(0, 30 * DAY),
        "猶予時間です。予定の日時からこの時間を過ぎても何も届かなければ、未実行（job.missed）として"
        "知らせます。",
        "How long after it is due it is told of as missed, where nothing was heard of it "
        "(job.missed).",
        default="1h",
    )
    max_runtime: float | None = setting(
        Duration(1, _YEAR),
        "実行時間の上限です。超えると、実行時間超過（job.overdue）として知らせます。既定値は上限なし"
        "です。",
        "How long it may run before it is told of as overdue (job.overdue). Default: any time.",
    )
    failures: int = setting(
        Integer(1, 1_000_000),
        "続けて何回目の失敗からメールを送るかです。",
        "From which failure in a row on mail is sent.",
        default="1",
    )
    to: tuple[str, ...] | None = setting(
        Recipients(),
        "宛先です。既定値（[] も同じ）では、ほかのイベントと同じようにルートで決まります。",
        "Who gets the mail about it. Default, and with []: as routed.",
    )

    def check(self, scope: Scope) -> None:
        both = scope.written("schedule", "every")
        if len(both) > 1:
            scope.error("every", words.SCHEDULE_AND_EVERY)
        elif not both:
            scope.error("schedule", words.NO_SCHEDULE)

    def completed(self, scope: Scope) -> "Job":  # noqa: ARG002
        job = replace(self, to=self.to or None)
        if self.schedule is None:
            return job
        return replace(job, schedule=Cron(self.schedule.expression, self.timezone))

    def warn(self, scope: Scope) -> None:
        if self.schedule is None and scope.written("timezone"):
            scope.warn("timezone", words.TIMEZONE_UNUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(Settings):
    """A URL that is fetched while the daemon is healthy; `url` is filled in from its file."""

    url_file: str = setting(
        File(),
        "URL だけを書いたファイルです（http または https）。決まりは password_file と同じです。",
        "A file that holds nothing but the URL, by http or https; the rules are password_file's.",
        required=True,
    )
    every: float = setting(
        Duration(1, DAY), "取得する間隔です。", "How often it is fetched.", default="5m"
    )
    url: Secret | None = None

    def completed(self, scope: Scope) -> "Heartbeat":
        found = bring(self, scope, ("url_file",), needed=True)
        if found.url is not None and not _is_url(found.url.reveal()):
            scope.error("url_file", words.no_url_in_file(path=self.url_file))
        return found


def _is_url(text: str) -> bool:
    from urllib.parse import urlsplit  # only for a user who has one

    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and port != 0
        and text.isascii()
        and text.isprintable()
        and " " not in text
    )
