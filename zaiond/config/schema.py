"""The settings: each field of these classes is the one declaration of a setting.

Its type is what the rest of the daemon sees; its metadata (`Declaration`) is what the parser, the
man page zaiond.yaml(5), etc/zaiond.yaml, `zaiond-ctl config show` and `zaiond-ctl setup` follow:
kind, default and help in both languages. Durations are seconds, sizes bytes, paths absolute.
Importing this module is cheap: the daemon's other parts use it for the types alone.
"""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass, replace

from zaiond.config import words
from zaiond.config.auth import Auth, OAuth2
from zaiond.config.declare import Declaration, Scope, Settings, declarations, setting
from zaiond.config.fleet import Fleet
from zaiond.config.forms import (
    Addresses,
    Prefix,
    Rate,
    Sender,
    fill_names,
    is_example,
)
from zaiond.config.jobs import Heartbeat, Job, Time
from zaiond.config.kinds import Choice, Group, Named, Secret, ServerList, Switch, name_key
from zaiond.config.mail_server import MailServer, PopBeforeSmtp
from zaiond.config.queue import Limits, Queue
from zaiond.config.routes import (
    Match,
    Route,
    RouteDefaults,
    check_time,
    completed_defaults,
    completed_routes,
    warn_of_unreachable,
)
from zaiond.config.times import CronTimes
from zaiond.config.web import Web
from zaiond.message import address
from zaiond.message.mime import Charset, as_jis, encode_jis
from zaiond.schedule import Cron, Hours
from zaiond.text import Language

__all__ = [
    "Auth", "Config", "Cron", "Fleet", "Heartbeat", "Hours", "Job", "Limits", "MailServer",
    "Match", "Notify", "OAuth2", "PopBeforeSmtp", "Queue", "Rate", "Route", "RouteDefaults",
    "Secret", "Web", "declaration", "declarations", "every_setting",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify(Settings):
    """Which of the built-in notifications are sent."""

    backup_auto_update: bool = setting(
        Switch(),
        "データバックアップの「自動アップデートで通知を送る」です。false にすると、"
        "backup.auto_update.* のメールを送りません。",
        "“Notify on automatic update” of the data backup. false sends no mail of "
        "backup.auto_update.*.",
        default="true",
    )
    wall: bool = setting(
        Switch(),
        "true にすると、どのメールサーバーからもメールを送れないときに、そのことをログイン中の"
        "全ユーザーの端末にも 1 行表示します。",
        "Where no mail can leave by any server: true also writes a line on the terminals of those "
        "who are logged in.",
        default="false",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Settings):
    """The whole configuration, valid. `sender` and `subject_prefix` still have their placeholders
    (`forms.fill_names`); `admins` are as written, one address each, a display name included."""

    mail_server: MailServer = setting(
        Group(MailServer),
        "メールサーバーの設定です（設定画面の ①②③④）。",
        "The mail server (①②③④ of the settings page).",
        required=True,
    )
    fallback_mail_servers: tuple[MailServer, ...] = setting(
        ServerList(MailServer),
        "予備のメールサーバーです。mail_server と同じ項目を並べ、上から順に試します。",
        "More servers, each a mapping like mail_server, tried in order.",
    )
    sender: str = setting(
        Sender(),
        "送信元メールアドレスです（⑤）。書いたとおりに送ります。メールサーバーによっては、@ 以下が"
        "必要だったり、実在するアドレスが必要だったりします。表示名も付けられます。{host} と "
        "{fqdn} は、このマシンの名前になります。",
        "The sender's address (⑤), sent as it stands. Some servers want a domain after an @, or an "
        "address that exists. A display name is allowed. {host} and {fqdn} stand for this "
        "machine's names.",
        default="zaionnex",
    )
    admins: tuple[str, ...] = setting(
        Addresses(),
        "管理通知用メールアドレスです（⑥）。必ず設定します。リスト、またはコンマ（,）区切りで複数を"
        "設定できます。",
        "The administrators' addresses (⑥). Required. A list, or one text with commas.",
        required=True,
    )
    subject_prefix: str = setting(
        Prefix(),
        "件名の先頭に付ける文字列です。{host} と {fqdn} も使えます。",
        "What every subject begins with. {host} and {fqdn} may be used.",
        default="[Zaionnex]",
    )
    language: Language = setting(
        Choice(Language),
        "メールと、zaiond-ctl の表示の言語です（ja または en）。",
        "The language of the mails, and of what zaiond-ctl says: ja or en.",
        default="ja",
    )
    charset: Charset = setting(
        Choice(Charset),
        "メールの文字コードです。iso-2022-jp は古いメールソフト向けで、半角カタカナは全角になり、"
        "JIS X 0208 にない文字（①、髙 など）を含むメールは utf-8 になります（history に"
        "表示されます）。",
        "The character set of the mails. iso-2022-jp is for old mail programs: half-width katakana "
        "become full-width, and a mail with a character that JIS X 0208 lacks (as ① or é) goes out "
        "in utf-8; history says so.",
        default="utf-8",
    )
    notify: Notify = setting(Group(Notify), "送る通知の設定です。", "Which notifications are sent.")
    queue: Queue = setting(
        Group(Queue), "再送の設定です。", "When a mail is tried again, and for how long."
    )
    limits: Limits = setting(
        Group(Limits),
        "イベントを送るユーザー 1 人あたりの上限です。",
        "What each user that emits may take up.",
    )
    route_defaults: RouteDefaults = setting(
        Group(RouteDefaults),
        "すべてのルートと、どのルートにも当てはまらないイベントの既定値です。",
        "What counts for all routes, and for events that no route matches.",
    )
    routes: dict[str, Route] = setting(
        Named(Route),
        "どのイベントを、だれに、いつ送るかです。名前ごとに 1 つのルートを書きます。order の順に"
        "試し、最初に当てはまったものに従います。"
        "ここにない項目は route_defaults のもので、route_defaults の項目もここに書けます。"
        "null は、route_defaults の値を使わないことを示します。",
        "Which events go to whom, and when: a route for each name. They are tried by their order, "
        "and the first that matches counts. "
        "Each may have any setting of route_defaults, and has that one's where it has none. "
        "null: what route_defaults says doesn't count here.",
    )
    times: dict[str, Hours] = setting(
        Named(Time),
        "ルートの active_time で使う時間帯です。名前ごとに 1 つ書きます。",
        "The times that active_time of a route names.",
    )
    jobs: dict[str, Job] = setting(
        Named(Job),
        "実行されたことを確かめるジョブです。名前ごとに 1 つ書きます。予定どおりに何も届かないか、"
        "失敗が届いたら、メールを送ります。",
        "Jobs that must be heard of, one for each name: silence is an alarm, as a failure is.",
    )
    summary: Cron | None = setting(
        CronTimes(),
        "この cron 式の日時に、定期レポート（ジョブ、件数、保留したもの、届いていないもの）を"
        '送ります（例: "0 8 * * 1" は毎週月曜 8 時）。既定値は、送らない、です。',
        "When the summary is mailed (jobs, counts, what was held, what is missing), a cron "
        'expression as "0 8 * * 1" for each Monday at 8. Default: never.',
    )
    heartbeat: Heartbeat | None = setting(
        Group(Heartbeat),
        "デーモンが正常なあいだ、URL を定期的に取得します（外部の監視サービス用）。",
        "A URL that is fetched while the daemon is healthy, for a watcher elsewhere.",
        default="null",
    )
    web: Web = setting(
        Group(Web), "ブラウザーで使うページ（zaiond-web）の設定です。", "zaiond-web."
    )

    fleet: Fleet | None = setting(
        Group(Fleet),
        "複数のマシンをまとめる（フリート）場合の設定です。1 台で使う場合は要りません"
        "（docs/fleet.ja.md）。",
        "Several machines as one fleet (docs/fleet.md); one machine needs none of this.",
        default="null",
    )

    @property
    def mail_servers(self) -> tuple[MailServer, ...]:
        """Every mail server, in the order in which they are tried."""
        return (self.mail_server, *self.fallback_mail_servers)

    def _every_route(self, scope: Scope) -> Iterator[tuple[Scope, RouteDefaults]]:
        yield scope.below("route_defaults"), self.route_defaults
        for name, route in self.routes.items():
            yield scope.below("routes").below(name_key(name)), route

    def check(self, scope: Scope) -> None:
        for within, route in self._every_route(scope):
            check_time(route, self.times, within)

    def completed(self, scope: Scope) -> "Config":
        times = {name: replace(hours, name=name) for name, hours in self.times.items()}
        of_routes = scope.below("routes")
        return replace(
            self,
            times=times,
            routes=completed_routes(self.routes, self.route_defaults, times, of_routes),
            route_defaults=completed_defaults(self.route_defaults, times),
        )

    def warn(self, scope: Scope) -> None:
        for number, server in enumerate(self.mail_servers):
            within = f"fallback_mail_servers[{number - 1}]" if number else "mail_server"
            server.warn(scope.below(within))
            if server.address in [other.address for other in self.mail_servers[:number]]:
                scope.warn(f"{within}.host", words.same_server(address=server.address))
        if self.charset == "iso-2022-jp":
            self._warn_beyond_jis(scope)
        if self.fleet is not None:
            self.fleet.warn(scope.below("fleet"))
            if self.fleet.role == "member" and self.jobs:
                scope.warn("jobs", words.JOBS_OF_MEMBER)
        warn_of_unreachable(self.routes, scope.below("routes"))
        mappings: list[tuple[Scope, RouteDefaults | Job]] = [*self._every_route(scope)]
        of_jobs = scope.below("jobs")
        mappings += [(of_jobs.below(name_key(name)), job) for name, job in self.jobs.items()]
        for below, mapping in mappings:
            mapping.warn(below)
            if below.written("to"):
                _warn_of_examples(below, "to", mapping.to or ())
        _warn_of_examples(scope, "admins", self.admins)
        sender = address.parse_sender(fill_names(self.sender, host="host", fqdn="host"))
        _warn_of_example(scope, "sender", sender.address)

    def _warn_beyond_jis(self, scope: Scope) -> None:
        """Of what stands in every mail and makes each go out as UTF-8."""
        written = [("sender", self.sender), ("subject_prefix", self.subject_prefix)]
        written += [("admins", each) for each in self.admins]
        for name, text in written:
            try:
                encode_jis(as_jis(text))
            except UnicodeEncodeError as error:
                lacking = address.shown(error.object[error.start])
                scope.warn(name, words.beyond_jis(lacking=lacking))


def _warn_of_examples(scope: Scope, name: str, recipients: tuple[str, ...]) -> None:
    for each in recipients:
        _warn_of_example(scope, name, address.parse_recipient(each).address)


def _warn_of_example(scope: Scope, name: str, spec: str) -> None:
    if "@" in spec and is_example(spec.rpartition("@")[2]):
        scope.warn(name, words.example_domain(spec=spec))


NAME = "NAME"


def every_setting(
    settings: type[Settings] = Config, within: str = ""
) -> Iterator[tuple[str, Declaration]]:
    """Each setting by its dotted key, a mapping before what is in it; NAME stands for a name of the
    user's own."""
    base = settings.__base__
    known = declarations(base) if base and is_dataclass(base) else {}
    for name, declared in declarations(settings).items():
        if name in known:  # those of a route are route_defaults'
            continue
        yield within + name, declared
        if isinstance(declared.kind, Group):
            yield from every_setting(declared.kind.settings, f"{within}{name}.")
        elif isinstance(declared.kind, Named):
            yield from every_setting(declared.kind.settings, f"{within}{name}.{NAME}.")


def declaration(key: str) -> Declaration:
    """The declaration of a setting by its dotted key; raises KeyError."""
    return dict(every_setting())[key]
