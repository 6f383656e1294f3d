"""The settings: each field of these classes is the one declaration of a setting.

Its type is what the rest of the daemon sees; its metadata (`Declaration`) is what the parser, the
man page zaiond.yaml(5), etc/zaiond.yaml and `zaiond-ctl config show` follow: how it is written, its
default, its bounds, and its help in both languages. Durations are seconds, sizes are bytes, paths
are absolute. Importing this module is cheap: the daemon's other parts use it for the types alone.
"""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass, field

from zaiond.config.declare import DAY, Declaration, declarations, mapping, setting
from zaiond.config.mail_server import (
    Auth,
    MailServer,
    Mechanism,
    Security,
    default_security,
)
from zaiond.config.oauth2 import OAuth2
from zaiond.config.pop_before_smtp import PopBeforeSmtp
from zaiond.config.values import Rate, Secret
from zaiond.message.charset import Charset
from zaiond.text import Language, Text

__all__ = [
    "LATER_KEYS", "Auth", "Charset", "Config", "Declaration", "Limits", "MailServer", "Mechanism",
    "Notify", "OAuth2", "PopBeforeSmtp", "Queue", "Rate", "Secret", "Security", "declarations",
    "default_security",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Which of the built-in notifications are sent."""

    backup_auto_update: bool = setting(
        "switch",
        "true",
        Text(
            ja="データバックアップの「自動アップデートで通知を送る」です。false にすると、"
            "backup.auto_update.* のメールを送りません。",
            en="“Notify on automatic update” of the data backup. false sends no mail of "
            "backup.auto_update.*.",
        ),
    )
    wall: bool = setting(
        "switch",
        "false",
        Text(
            ja="true にすると、どのメールサーバーからもメールを送れないときに、そのことをログイン中"
            "の全ユーザーの端末にも 1 行表示します。",
            en="Where no mail can leave by any server: true also writes a line on the terminals of "
            "those who are logged in.",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """When a mail is tried again, for how long, and what is remembered afterwards. Seconds."""

    retry_first: float = setting(
        "duration",
        "1m",
        Text(
            ja="最初の再送までの時間です。そのあとは再送のたびに 2 倍になります"
            "（多少前後します）。",
            en="How long until the first retry; then it doubles each time, with some jitter.",
        ),
        minimum=1,
        maximum=DAY,
    )
    retry_max: float = setting(
        "duration",
        "1h",
        Text(
            ja="再送の間隔の上限です。retry_first 以上にします。",
            en="The longest time between two retries; not less than retry_first.",
        ),
        minimum=1,
        maximum=7 * DAY,
    )
    expire: float = setting(
        "duration",
        "5d",
        Text(
            ja="メールの送信を試みる期間です。過ぎると期限切れになります。数えるのは送信を試みる"
            "ことのできた時間で、デーモンの停止中やキューの保留中は数えません。保留中のメールの"
            "期限は keep です。",
            en="How long a mail is tried before it expires. Only time in which it could be tried "
            "counts: not while the daemon is stopped or the queue is held. What is held has keep.",
        ),
        minimum=1,
        maximum=365 * DAY,
    )
    keep: float = setting(
        "duration",
        "30d",
        Text(
            ja="送信が終わったあとに、履歴とイベント ID を残す時間です。保留中のメールの期限でも"
            "あります。expire 以上にします。履歴が多すぎるか、ディスクの空きが少ないときは、"
            "それより前に履歴を削除します（zaiond(8) を参照）。",
            en="How long history and event ids are kept after the end, and how long what is held "
            "waits; not less than expire. Where there is too much history, or too little room on "
            "the disk, some goes earlier: see zaiond(8).",
        ),
        minimum=1,
        maximum=3650 * DAY,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What each user that emits may take up."""

    connections: int = setting(
        "integer",
        "64",
        Text(
            ja="同時に開ける接続の数です。",
            en="How many connections may be open at the same time.",
        ),
        minimum=1,
        maximum=10_000,
    )
    events_waiting: int = setting(
        "integer",
        "100000",
        Text(
            ja="受け付けたあと、まだメールになっていないイベントの数の上限です。",
            en="How many events may be accepted and not yet mailed.",
        ),
        minimum=1,
        maximum=100_000_000,
    )
    bytes_waiting: int = setting(
        "size",
        "256M",
        Text(
            ja="受け付けたあと、まだメールになっていないイベントの大きさの合計の上限です。",
            en="How many bytes they may have altogether that are accepted and not yet mailed.",
        ),
        minimum=256 * 1024,
        maximum=1024**4,
    )
    frame_deadline: float = setting(
        "duration",
        "10s",
        Text(
            ja="書き始めた 1 行を、書き終えるまでの時間です。",
            en="How soon a line once begun must end.",
        ),
        minimum=0.1,
        maximum=3600,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, valid. `sender` and `subject_prefix` still have their placeholders
    (`values.fill_names`); `admins` are as written, one address each, a display name included."""

    mail_server: MailServer = field(
        metadata={
            "setting": Declaration(
                "mapping",
                "{}",
                Text(
                    ja="メールサーバーの設定です（設定画面の ①②③④）。",
                    en="The mail server (①②③④ of the settings page).",
                ),
                required=True,
                mapping=MailServer,
            )
        }
    )
    fallback_mail_servers: tuple[MailServer, ...] = field(
        default=(),
        metadata={
            "setting": Declaration(
                "servers",
                "[]",
                Text(
                    ja="予備のメールサーバーです。mail_server と同じ項目を並べ、上から順に"
                    "試します。",
                    en="More servers, each a mapping like mail_server, tried in order.",
                ),
                mapping=MailServer,
            )
        },
    )
    sender: str = setting(
        "sender",
        "zaionnex",
        Text(
            ja="送信元メールアドレスです（⑤）。書いたとおりに送ります。メールサーバーによっては、"
            "@ 以下が必要だったり、実在するアドレスが必要だったりします。表示名も付けられます。"
            "{host} と {fqdn} は、このマシンの名前になります。",
            en="The sender's address (⑤), sent as it stands. Some servers want a domain after "
            "an @, or an address that exists. A display name is allowed. {host} and {fqdn} stand "
            "for this machine's names.",
        ),
    )
    admins: tuple[str, ...] = setting(
        "addresses",
        None,
        Text(
            ja="管理通知用メールアドレスです（⑥）。必ず設定します。リスト、またはコンマ（,）区切りで"
            "複数を設定できます。",
            en="The administrators' addresses (⑥). Required. A list, or one text with commas.",
        ),
    )
    subject_prefix: str = setting(
        "prefix",
        "[Zaionnex]",
        Text(
            ja="件名の先頭に付ける文字列です。{host} と {fqdn} も使えます。",
            en="What every subject begins with. {host} and {fqdn} may be used.",
        ),
    )
    language: Language = setting(
        "choice",
        "ja",
        Text(
            ja="メールと、zaiond-ctl の表示の言語です（ja または en）。",
            en="The language of the mails, and of what zaiond-ctl says: ja or en.",
        ),
        choices=("ja", "en"),
    )
    charset: Charset = setting(
        "choice",
        "utf-8",
        Text(
            ja="メールの文字コードです。iso-2022-jp は古いメールソフト向けで、半角カタカナは全角に"
            "なり、JIS X 0208 にない文字（①、髙 など）を含むメールは utf-8 になります（history に"
            "表示されます）。",
            en="The character set of the mails. iso-2022-jp is for old mail programs: half-width "
            "katakana become full-width, and a mail with a character that JIS X 0208 lacks (as ① "
            "or é) goes out in utf-8; history says so.",
        ),
        choices=("utf-8", "iso-2022-jp"),
    )
    notify: Notify = mapping(
        Notify,
        Text(ja="どの通知を送るかの設定です。", en="Which notifications are sent."),
    )
    queue: Queue = mapping(
        Queue,
        Text(
            ja="再送の設定です。",
            en="When a mail is tried again, and for how long.",
        ),
    )
    limits: Limits = mapping(
        Limits,
        Text(
            ja="イベントを送るユーザー 1 人あたりの上限です。",
            en="What each user that emits may take up.",
        ),
    )

    @property
    def mail_servers(self) -> tuple[MailServer, ...]:
        """Every mail server, in the order in which they are tried."""
        return (self.mail_server, *self.fallback_mail_servers)


LATER_KEYS = (
    "route_defaults", "routes", "times", "jobs", "summary", "heartbeat", "web", "fleet",
)  # fmt: skip
"""Top-level keys of later versions; only `null`, `{}` or `[]`, which say nothing, are taken."""
