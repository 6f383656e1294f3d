"""Who gets the mails of which events, in what form, and when."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar, Self, TypeVar

from zaiond.config import words
from zaiond.config.declare import Scope, Settings, declarations, setting
from zaiond.config.forms import DAY, Duration, Integer, MailLimit, Rate, Recipients
from zaiond.config.kinds import (
    Below,
    Choice,
    Group,
    Kind,
    Switch,
    choose,
    name_key,
)
from zaiond.config.patterns import (
    DataFields,
    Fields,
    Patterns,
    Severities,
    StatusPatterns,
    TypePatterns,
)
from zaiond.config.templates import TemplateName, read_template
from zaiond.config.times import CronTimes
from zaiond.message.custom import TemplateFiles
from zaiond.schedule import Cron, Hours
from zaiond.text import Language

_R = TypeVar("_R", bound="RouteDefaults")
_GROUPING = ("group_by", "group_wait", "group_interval")  # each makes that mails are grouped
_YEAR = 365 * DAY
_MOST_COMPARED = 200  # each with all before it
_A_DAY = 1704067200.0  # 2024-01-01, as good as any


@dataclass(frozen=True, slots=True, kw_only=True)
class Match(Settings):
    """What an event must have; empty where anything will do. Several patterns of a field mean any
    of them. `data` has the key (`data.host`) and its patterns."""

    sparse: ClassVar[bool] = True

    type: tuple[str, ...] = setting(
        TypePatterns(),
        "イベントの種類のパターンです。* は任意の文字列、? は任意の 1 文字です。",
        "Patterns of the event's type: * is any text, ? any character.",
        default="[]",
    )
    severity: frozenset[str] = setting(
        Severities(),
        "重大度です。warning+ は warning とそれより重いもの、[err, warning] はそのどれかです。",
        "The severity: warning+ is warning or worse, [err, warning] is one of these.",
        default="[]",
    )
    source: tuple[str, ...] = setting(
        Patterns(), "発行元のパターンです。", "Patterns of the event's source.", default="[]"
    )
    subject: tuple[str, ...] = setting(
        Patterns(), "件名のパターンです。", "Patterns of the event's subject.", default="[]"
    )
    key: tuple[str, ...] = setting(
        Patterns(), "key のパターンです。", "Patterns of the event's key.", default="[]"
    )
    status: tuple[str, ...] = setting(
        StatusPatterns(),
        "status です（problem は障害発生、ok は復旧）。",
        "The event's status.",
        default="[]",
    )
    job: tuple[str, ...] = setting(
        Patterns(), "ジョブ名のパターンです。", "Patterns of the event's job.", default="[]"
    )
    data: tuple[tuple[str, tuple[str, ...]], ...] = setting(
        Below(Patterns()),
        "data の中の項目のパターンです。data.host、data.disk.name のように、深さを問わず書けます。",
        "Patterns of a field of data, at any depth: data.host, data.disk.name.",
    )

    def covers(self, other: "Match") -> bool:
        """Whether it surely takes every event that the other takes."""
        if self.severity and not (other.severity and other.severity <= self.severity):
            return False
        had = dict(other.data)
        pairs = [
            (getattr(self, name), getattr(other, name))
            for name in _PATTERNS
            if name not in _ALWAYS_THERE or "*" not in getattr(self, name)
        ]
        pairs += [(patterns, had.get(path, ())) for path, patterns in self.data]
        return all(_cover(patterns, others) for patterns, others in pairs)


_PATTERNS = ("type", "source", "subject", "key", "status", "job")
_ALWAYS_THERE = ("type", "source")


def _cover(patterns: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether what matches one of the `others` surely matches one of the `patterns`; where there
    are none, everything does."""
    if not patterns:
        return True
    return bool(others) and all(any(_covers(p, other) for p in patterns) for other in others)


def _covers(pattern: str, other: str) -> bool:
    begin = pattern[:-1]
    is_beginning = pattern.endswith("*") and not set(begin) & set("*?[")
    return pattern == other or (is_beginning and other.startswith(begin))


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDefaults(Settings):
    """How an event becomes mail, where no route matches; and what a route has, too, unless it says
    otherwise. `to`: None for the admins, () for nobody. `hours` are those that `active_time` names.
    `group_wait` and `group_interval` are None where nothing is grouped. `max_mails`: None for no
    limit; `own_max_mails`: it is what this mapping itself says, and not a default. `template` is
    the path of its files without their ends, `template_files` their texts."""

    to: tuple[str, ...] | None = setting(
        Recipients(),
        "宛先です。既定値は admins で、[] はだれにも送りません（history に表示されます）。",
        "Who gets the mail. Default: the admins. [] is nobody, and history says so.",
    )
    language: Language | None = setting(
        Choice(Language),
        "メールの言語です（ja または en）。既定値は、最上位の language です。",
        "The language of the mail, ja or en. Default: the one at the top.",
    )
    template: str | None = setting(
        TemplateName(),
        "メールのテンプレートの名前です。設定ファイルと同じ場所の templates/ にある NAME.subject.j2"
        "、NAME.txt.j2 と、あれば NAME.html.j2 を使います。",
        "The name of the mail's template: NAME.subject.j2, NAME.txt.j2 and, if there, NAME.html.j2 "
        "in templates/ beside the configuration.",
    )
    attach: tuple[str, ...] = setting(
        DataFields(),
        "ファイルとしてメールに添付する、data の中の項目です（例: [data.log]）。",
        "Fields of data that go along as files, as [data.log].",
        default="[]",
    )
    group_by: tuple[str, ...] | None = setting(
        Fields(),
        "これらの項目が一致するイベントを 1 通にまとめます（例: [type, data.host]）。group_by、"
        "group_wait、group_interval のどれかを設定すると、まとめます。group_by がなければ、"
        "すべてをまとめます。",
        "Events that agree in these fields go into one mail, as [type, data.host]. Mails are "
        "grouped where one of group_by, group_wait and group_interval is set; without group_by all "
        "are one group.",
    )
    group_wait: float | None = setting(
        Duration(0, 30 * DAY),
        "まとめる場合に、最初のメールまで待つ時間です。既定値は 0s です。",
        "How long the first mail of a group waits for more. Default: 0s.",
    )
    group_interval: float | None = setting(
        Duration(1, 30 * DAY),
        "まとめる場合の、次のメールまでの間隔です。既定値は 5m です。",
        "How long after a mail of a group the next one follows. Default: 5m.",
    )
    repeat_interval: float | None = setting(
        Duration(1, _YEAR),
        "障害が続いているあいだ、この間隔で再度知らせます。既定値は、知らせない、です。",
        "Reminds of a problem, at this interval, while it stays. Default: never.",
    )
    active_time: str | None = setting(
        Kind(),
        "メールを送る時間帯で、times の名前です。時間外のものは保留し、時間になったら 1 通に"
        "まとめて送ります。emerg から crit までは、いつでも送ります。",
        "A name of times: what comes outside of these hours is held, and released in one mail when "
        "they begin. emerg to crit always pass.",
    )
    digest: Cron | None = setting(
        CronTimes(),
        "まとめ送信の日時です（cron 式。group_* の代わりに設定します）。その日時に、すべてを 1 通で"
        '送ります。例: "0 8 * * *" は毎日 8 時です。',
        'All goes into one mail at the times of this cron expression, as "0 8 * * *" for each day '
        "at 8; in place of group_*.",
    )
    max_mails: Rate | None = setting(
        MailLimit(),
        "宛先 1 つあたりのメールの数の上限です。超えた分は保留し、件数と一覧を 1 通で知らせます。"
        "null は上限なしです。",
        "The most mails for each recipient. What goes beyond is held, and told in one mail, with "
        "how many they are. null: no limit.",
        default="60/h",
    )
    hours: Hours | None = None
    own_max_mails: bool = False
    template_files: TemplateFiles | None = None

    def completed(self, scope: Scope) -> Self:
        if self.template is None:
            return self
        return replace(self, template_files=read_template(self.template, scope))

    @property
    def is_grouping(self) -> bool:
        """Whether events of it are grouped."""
        return self.group_interval is not None

    def warn(self, scope: Scope) -> None:
        if self.digest is not None and scope.written("digest"):
            for name in scope.written(*_GROUPING):
                scope.warn(name, words.digest_and_group(name=name))
        if self.digest is None or self.hours is None or not scope.written("digest", "active_time"):
            return
        if _is_never_within(self.digest, self.hours):
            scope.warn(
                "digest" if scope.written("digest") else "active_time",
                words.digest_outside(name=self.hours.name),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(RouteDefaults):
    """What becomes of the events that match, complete: with what it has of the defaults."""

    sparse: ClassVar[bool] = True

    order: int = setting(
        Integer(-1_000_000, 1_000_000),
        "ルートを試す順番です。小さいほうから試し、同じなら書いた順です。",
        "Routes are tried by this number, the lowest first; those of the same as they are written.",
        default="50",
    )
    match: Match = setting(
        Group(Match),
        "イベントの条件です。すべてに当てはまるものが対象です（リストは、そのどれか）。なければ"
        "すべてのイベントです。",
        "Which events it is for: all of these must hold, a list meaning any of its elements. "
        "Without it, every event.",
    )
    continue_: bool = setting(
        Switch(),
        "true にすると、このルートに当てはまったイベントで、次のルートも試します。",
        "true: the next route that matches counts, too.",
        default="false",
    )


INHERITED = tuple(declarations(RouteDefaults))
"""The keys that a route has of route_defaults, unless it says otherwise."""


# -- what follows from several of them


def _is_never_within(digest: Cron, hours: Hours) -> bool:
    """Whether there are times of a digest in a year, and none of them is within the hours."""
    end = _A_DAY + _YEAR
    first = at = digest.next(_A_DAY)
    while at <= end:
        begin = hours.next_start(at)
        if begin == at:
            return False
        at = digest.next(begin - 1)
    return first <= end


def check_time(route: RouteDefaults, times: dict[str, Hours], scope: Scope) -> None:
    """Tells the route's `scope` of a time that nobody has written; `times` are the valid ones."""
    name = route.active_time
    if name is not None and f"times.{name_key(name)}" not in scope.places:
        meant = choose(name, list(times))
        scope.error("active_time", words.no_time_but(meant=meant) if meant else words.NO_TIME)


def completed_defaults(defaults: RouteDefaults, times: dict[str, Hours]) -> RouteDefaults:
    """The defaults as the rest of zaiond has them."""
    own = defaults.max_mails != RouteDefaults().max_mails
    return _completed(replace(defaults, own_max_mails=own), times)


def completed_routes(
    routes: dict[str, Route], defaults: RouteDefaults, times: dict[str, Hours], scope: Scope
) -> dict[str, Route]:
    """The routes in the order in which they are tried, each with what it has of the `defaults` (as
    they are written); `scope` is that of all of them."""
    found = {}
    for name, route in sorted(routes.items(), key=lambda item: item[1].order):
        within = scope.below(name_key(name))
        written = set(within.written(*INHERITED))
        # Groups are in place of a digest of the defaults.
        is_grouping = any(getattr(route, key) is not None for key in _GROUPING)
        own = written | {"digest"} if is_grouping else written
        inherited = {key: getattr(defaults, key) for key in INHERITED if key not in own}
        complete = replace(route, **inherited, own_max_mails="max_mails" in written)
        if "template" in inherited:
            complete = replace(complete, template_files=defaults.template_files)
        found[name] = _completed(complete, times)
    return found


def warn_of_unreachable(routes: dict[str, Route], scope: Scope) -> None:
    """Tells of each route whose events another one takes before it; `scope` is that of all."""
    ends: dict[str, Match] = {}
    for name, route in islice(routes.items(), _MOST_COMPARED):
        taker = next((each for each, match in ends.items() if match.covers(route.match)), None)
        if taker is not None:
            scope.warn(name_key(name), words.unreachable(taker=taker))
        if not route.continue_:
            ends[name] = route.match


def _completed(route: _R, times: dict[str, Hours]) -> _R:
    if route.digest is not None:
        route = replace(route, group_by=None, group_wait=None, group_interval=None)
    elif any(getattr(route, key) is not None for key in _GROUPING):
        route = replace(
            route,
            group_wait=0.0 if route.group_wait is None else route.group_wait,
            group_interval=300.0 if route.group_interval is None else route.group_interval,
        )
    return replace(route, hours=times.get(route.active_time or ""))
