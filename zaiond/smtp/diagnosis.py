"""What a failure means, by name, and what follows from each meaning: no other file decides it; and
the row of a table by which a meaning is recognised.

`diagnose` has the tables; `verdict.judge` applies a ruling; the self-test has its advice.
"""

import re
import unicodedata
from enum import Enum
from functools import cache
from typing import NamedTuple, Self

from zaiond.smtp.failure import Failure, Outcome, Scope
from zaiond.smtp.syntax import Reply, printable
from zaiond.text import Text

_MOST_READ = 1000
_ENHANCED = re.compile(r"(?:^|#)[245]\.(\d{1,3}\.\d{1,3})(?![\d.])")
_REPEATED = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}[ -]+")
_ADDRESS = re.compile(r"<[^<>\s]*>|[^\s<>]+@[^\s<>]+")
_JAPANESE = ("utf-8", "euc_jp", "cp932", "iso2022_jp")


class Ruling(NamedTuple):
    """What follows from a diagnosis. `scope` None: as narrow as the stage allows.

    `meanwhile`: the scope of a hold that is only for now. `lasting`: somebody must mend something
    even where the server says 4yz, or says it in its greeting. `of_connection`: on a kept
    connection it says nothing about the server. `wait` and `again` are the verdict's.
    """

    outcome: Outcome
    scope: Scope | None = None
    meanwhile: Scope | None = None
    lasting: bool = False
    of_connection: bool = False
    wait: bool = False
    again: bool = False


# A certificate or a name is tried again later, not held: it is mended at the server, and then the
# mail must flow although nobody touched our configuration. A login is different: each further try
# brings the account nearer to being locked.
LATER = Ruling("deferred", Scope.SERVER)  # the server is of no use now; the next one is asked
LOST = Ruling("deferred", Scope.SERVER, of_connection=True)
BUSY = Ruling("deferred", Scope.SERVER, wait=True)
RETRY = Ruling("deferred")
AGAIN = Ruling("deferred", again=True)
QUEUE = Ruling("held", Scope.SERVER)  # all mail, until somebody mends something; 4yz: it may pass
MEND = Ruling("held", Scope.SERVER, lasting=True)
REFUSED = Ruling("held")  # this recipient, or this mail


class Diagnosis(Enum):
    """One meaning each: its ruling, and its label for `queue list`, `history` and the journal."""

    ruling: Ruling
    label: Text

    def __new__(cls, ruling: Ruling, ja: str, en: str) -> Self:
        """A member: what follows, and the label in both languages."""
        self = object.__new__(cls)
        self._value_ = len(cls.__members__)  # or members of one ruling and label would be one
        self.ruling = ruling
        self.label = Text(ja, en)
        return self

    # The way to the server
    NO_SUCH_SERVER = LATER, "サーバーの名前が見つかりません", "no such server name"
    NO_DNS = LATER, "DNS から応答がありません", "no answer from DNS"
    PORT_CLOSED = LATER, "接続を拒否されました", "connection refused"
    PORT_25_SILENT = LATER, "ポート 25 に接続できません", "no answer on port 25"
    SERVER_SILENT = LATER, "サーバーから応答がありません", "no answer from the server"
    NO_ROUTE = LATER, "サーバーに到達できません", "server unreachable"
    CANT_CONNECT = LATER, "サーバーに接続できません", "can't connect"

    # TLS
    TLS_NOT_OFFERED = LATER, "サーバーが TLS に対応していません", "TLS not offered"
    TLS_REFUSED = LATER, "TLS の開始が拒否されました", "TLS refused"
    TLS_TAMPERED = LATER, "通信に割り込まれたおそれがあります", "tampered with"
    TLS_NOT_SPOKEN = LATER, "ポートと TLS の設定が合いません", "no TLS on this port"
    TLS_TOO_OLD = LATER, "サーバーの TLS が古すぎます", "TLS too old"
    TLS_FAILED = LATER, "TLS を開始できません", "TLS failed"
    CERTIFICATE_EXPIRED = LATER, "証明書の期限切れです", "certificate expired"
    CERTIFICATE_TOO_NEW = LATER, "証明書が期間前です", "certificate not yet valid"
    CERTIFICATE_NAME = LATER, "証明書の名前が違います", "certificate of another name"
    CA_FILE_UNREADABLE = LATER, "ca_file を読み込めません", "ca_file unreadable"
    CERTIFICATE_UNKNOWN = LATER, "証明書を検証できません", "certificate unverified"

    # The login, before and in it
    LOGIN_NOT_OFFERED = MEND, "SMTP 認証に対応していません", "no login offered"
    OTHER_LOGIN_OFFERED = MEND, "別の認証方式が必要です", "other login offered"
    NO_COMMON_LOGIN = MEND, "使える認証方式がありません", "no common login"
    PASSWORD_UNPROTECTED = MEND, "パスワードが保護されません", "the password would be unprotected"
    LOGIN_WANTED = MEND, "SMTP 認証が必要です", "login wanted"
    POP_LOGIN_WANTED = MEND, "POP ログインが必要です", "login by POP wanted"
    ENCRYPTION_WANTED = MEND, "暗号化が必要です", "encryption wanted"
    OAUTH_WANTED = QUEUE, "OAuth 2.0 が必要です", "OAuth 2.0 wanted"
    APP_PASSWORD_WANTED = QUEUE, "アプリ パスワードが必要です", "app password"
    BROWSER_WANTED = QUEUE, "ブラウザーでの確認が必要です", "login by browser wanted"
    SMTP_AUTH_DISABLED = QUEUE, "SMTP 認証が無効です", "SMTP AUTH turned off"
    MECHANISM_REFUSED = QUEUE, "認証方式が拒否されました", "mechanism refused"
    PASSWORD_EXPIRED = MEND, "パスワードの期限切れです", "password expired"  # RFC 4954 6: 432
    ACCOUNT_DISABLED = QUEUE, "アカウントが停止されています", "account disabled"
    TOO_MANY_LOGINS = (
        Ruling("held", Scope.SERVER, wait=True), "ログインが多すぎます", "too many logins",
    )  # fmt: skip
    LOGIN_REFUSED = QUEUE, "ログインが拒否されました", "login refused"
    TOKEN_LOGIN_REFUSED = QUEUE, "ログインが拒否されました", "login refused"
    NTLM_REFUSED = QUEUE, "ログインが拒否されました", "login refused"
    CRAM_MD5_REFUSED = QUEUE, "ログインが拒否されました", "login refused"
    GOOGLE_REFUSED = QUEUE, "ログインが拒否されました", "login refused"
    YAHOO_REFUSED = QUEUE, "ログインが拒否されました", "login refused"
    ICLOUD_REFUSED = QUEUE, "ログインが拒否されました", "login refused"
    MICROSOFT_REFUSED = QUEUE, "ログインが拒否されました", "login refused"
    LOGIN_NOT_CHECKED = LATER, "今は認証できません", "login not possible for now"
    LOGIN_BROKEN_OFF = LATER, "認証の途中で切断されました", "login broken off"

    # The token for a login
    REFRESH_TOKEN_REFUSED = MEND, "リフレッシュ トークンが使えません", "refresh token refused"
    CLIENT_SECRET_REFUSED = MEND, "クライアント シークレットが使えません", "client secret refused"
    TOKEN_REFUSED = MEND, "トークンの発行が拒否されました", "token refused"
    TOKEN_COMMAND_FAILED = LATER, "コマンドが失敗しました", "token_command failed"
    TOKEN_COMMAND_UNFIT = MEND, "コマンドを使えません", "token_command unusable"
    TOKEN_UNKEPT = LATER, "トークンを保存できません", "no place to keep a token"
    NO_TOKEN = LATER, "トークンを取得できません", "no token could be got"

    # POP before SMTP
    POP_LOGIN_REFUSED = MEND, "POP ログインが拒否されました", "login by POP refused"
    POP_NOT_NOW = LATER, "今は POP でログインできません", "no login by POP for now"
    POP_UNPROTECTED = MEND, "パスワードが保護されません", "POP password unprotected"
    NO_SUCH_POP_SERVER = LATER, "POP サーバーが見つかりません", "no such POP server"
    POP_TLS_NOT_OFFERED = LATER, "POP サーバーが TLS に対応していません", "TLS not offered for POP"
    POP_TLS_FAILED = LATER, "POP の TLS を開始できません", "TLS failed for POP"
    NO_POP_SERVER = LATER, "POP サーバーではありません", "no POP server"
    POP_UNREACHABLE = LATER, "POP サーバーと通信できません", "POP server unreachable"

    # The session
    POP_SERVER = LATER, "SMTP ではなく POP サーバーです", "a POP server"
    IMAP_SERVER = LATER, "SMTP ではなく IMAP サーバーです", "an IMAP server"
    SSH_SERVER = LATER, "SMTP ではなく SSH サーバーです", "an SSH server"
    WEB_SERVER = LATER, "SMTP ではなく Web サーバーです", "a web server"
    NO_SMTP_SERVER = LATER, "SMTP サーバーではありません", "no SMTP server"
    TLS_EXPECTED = LATER, "ポートと TLS の設定が合いません", "TLS expected on this port"
    CLOSED_AT_ONCE = LATER, "接続直後に切断されました", "connection closed at once"
    NO_GREETING = LATER, "SMTP の応答がありません", "no greeting"
    SERVER_BUSY = LATER, "サーバーが一時的に利用できません", "server busy"
    TOO_MANY_CONNECTIONS = BUSY, "同時接続が多すぎます", "too many connections"
    BROKEN_OFF = LOST, "通信が途中で切断されました", "connection lost"
    TIMED_OUT = LOST, "応答が時間内にありません", "timed out"
    NOT_UNDERSTOOD = LOST, "サーバーの応答を理解できません", "reply not understood"
    OUT_OF_STEP = (
        Ruling("held", of_connection=True), "通信の手順が合いません",
        "bad sequence of commands",
    )  # fmt: skip
    MAY_HAVE_ARRIVED = (
        Ruling("ambiguous", Scope.MESSAGE), "届いた可能性があります", "may have arrived",
    )  # fmt: skip

    # Where mail comes from: the sender, this machine
    NOT_ALLOWED_AS_SENDER = (
        QUEUE, "この送信元での送信が許可されていません",
        "not allowed to send as this sender",
    )  # fmt: skip
    SENDER_UNVERIFIED = QUEUE, "送信元が登録されていません", "sender not registered"
    SENDER_WITHOUT_DOMAIN = QUEUE, "送信元にドメインが必要です", "sender without a domain"
    SENDER_DOMAIN_UNKNOWN = QUEUE, "送信元のドメインが見つかりません", "sender's domain not found"
    SENDER_UNKNOWN = QUEUE, "送信元が実在しません", "no such sender"
    SENDER_DOMAIN_POLICY = QUEUE, "送信ドメイン認証に失敗しました", "SPF, DKIM or DMARC failed"
    SENDER_MAILBOX_FULL = QUEUE, "送信元の容量超過です", "sender's mailbox full"
    SENDER_NEEDS_SMTPUTF8 = MEND, "SMTPUTF8 に未対応です", "SMTPUTF8 not offered"
    SENDER_UNFIT = MEND, "送信元が正しくありません", "sender not an address"
    SENDER_REFUSED = QUEUE, "送信元が拒否されました", "sender refused"
    MACHINE_BLOCKED = QUEUE, "ブロックリストで拒否されました", "on a block list"
    HELO_REFUSED = QUEUE, "マシン名が拒否されました", "EHLO name refused"
    NO_REVERSE_DNS = QUEUE, "逆引きの設定がありません", "no reverse DNS"
    MACHINE_REFUSED = QUEUE, "このマシンが拒否されました", "this machine is refused"
    RELAYING_REFUSED = MEND, "中継が拒否されました", "relaying refused"

    # How much
    # Other servers are asked first; of more than one mail a connection another one is opened.
    SENDING_LIMIT = LATER, "送信数の制限を超えました", "sending limit exceeded"
    TOO_MANY_MAILS = LOST, "1 回の接続のメールが多すぎます", "too many mails"
    TOO_MANY_RECIPIENTS = AGAIN, "宛先が多すぎます", "too many recipients"
    TOO_BIG = Ruling("held", Scope.MESSAGE), "メールが大きすぎます", "mail too big"

    # From a member of a fleet to its hubs. A repeat is harmless, so none is feared or held.
    NOT_HANDED_ON = (
        LATER,
        "フリートのハブに引き継げません",
        "can't be handed on to the fleet's hubs",
    )
    TOO_BIG_TO_HAND_ON = (
        Ruling("deferred", Scope.MESSAGE), "引き継ぐには大きすぎます", "too big to be handed on",
    )  # fmt: skip

    # Where it goes, and what is in it
    GREYLISTED = RETRY, "グレーリストで待機中です", "greylisted"
    RECIPIENT_BUSY = REFUSED, "宛先が混雑しています", "recipient busy"
    MAILBOX_FULL = REFUSED, "宛先のメールボックスが満杯です", "mailbox full"
    RECIPIENT_UNKNOWN = REFUSED, "宛先が存在しません", "no such recipient"
    RECIPIENT_DOMAIN_UNKNOWN = (
        REFUSED, "宛先のドメインが見つかりません", "recipient's domain not found",
    )  # fmt: skip
    RECIPIENT_DISABLED = REFUSED, "宛先が停止されています", "recipient disabled"
    RECIPIENT_NEEDS_SMTPUTF8 = REFUSED, "宛先に SMTPUTF8 が必要です", "recipient needs SMTPUTF8"
    RECIPIENT_UNFIT = REFUSED, "宛先が正しくありません", "recipient not an address"
    RECIPIENT_REFUSED = REFUSED, "宛先が拒否されました", "recipient refused"
    CONTENT_REFUSED = REFUSED, "迷惑メールと判定されました", "taken for spam or a virus"
    MESSAGE_REFUSED = REFUSED, "メールが拒否されました", "mail refused"
    DISK_FULL = (
        Ruling("held", meanwhile=Scope.SERVER), "サーバーのディスクが満杯です",
        "the server's disk is full",
    )  # fmt: skip
    SERVER_TROUBLE = LATER, "サーバーに障害があります", "trouble at the server"
    NOT_NOW = RETRY, "サーバーが一時的に拒否しました", "refused for now"


class Words(NamedTuple):
    """What was said. `code` is the reply's, 0 without one; `detail` the last two numbers of the
    enhanced code (RFC 3463): its class is the reply's first digit, whatever the server says.
    """

    code: int
    detail: str
    text: str


class Sign(NamedTuple):
    """By what a diagnosis is recognised: one of `codes`, or `words`; with neither, by all the rest.

    `words` is a regular expression, whatever the letters' case. `codes` are those of replies, and
    enhanced ones without their class (`7.30`). A row is about replies whose first digit is one of
    `digits`; or, with `causes`, about failures of these causes (`any`: whichever) without a reply.
    `server` is searched for in host:port. Codes and causes are parted by blanks.
    """

    diagnosis: Diagnosis
    words: str = ""
    codes: str = ""
    digits: str = "45"
    causes: str = ""
    server: str = ""
    mechanism: str = ""

    def fits(self, said: Words, failure: Failure) -> bool:
        if said.code:
            if self.causes or str(said.code)[0] not in self.digits:
                return False
        elif self.causes != "any" and failure.cause not in self.causes.split():
            return False
        if self.mechanism and self.mechanism != failure.mechanism:
            return False
        if self.server and not _regex(self.server).search(failure.server):
            return False
        if not self.words and not self.codes:
            return True
        if not {str(said.code), said.detail}.isdisjoint(self.codes.split()):
            return True
        return bool(self.words) and _regex(self.words).search(said.text) is not None


def said_of(failure: Failure) -> Words:
    """What is read of a failure: the server's words, or those of its `detail`."""
    reply = failure.reply
    if reply is None:
        return Words(0, "", failure.detail)
    if failure.cause == "reply":
        return heard(reply)
    return Words(0, "", f"{failure.detail}: {printable(b' '.join(reply.lines))}")


def heard(reply: Reply) -> Words:
    """A reply as the signs read it: without addresses, since `relay@x.jp` says nothing of relaying;
    its lines as one sentence, which Google cuts anywhere and begins each with the code.
    """
    lines = [line[:_MOST_READ] for line in reply.lines]
    ascii_only = all(line.isascii() and b"\x1b" not in line for line in lines)
    # Which encoding it is need not be known: what it isn't in makes no words that a sign has.
    said = [_sentence(lines, each) for each in (("ascii",) if ascii_only else _JAPANESE)]
    found = _ENHANCED.search(said[0])
    return Words(reply.code, found[1] if found else "", _ADDRESS.sub("<>", " ".join(said)))


def _sentence(lines: list[bytes], encoding: str) -> str:
    text = [line.decode(encoding, "replace").strip() for line in lines]
    sentence = " ".join(text[:1] + [_REPEATED.sub("", line) for line in text[1:]])[:_MOST_READ]
    # Full-width letters are letters, too.
    return sentence if encoding == "ascii" else unicodedata.normalize("NFKC", sentence)[:_MOST_READ]


@cache
def _regex(words: str) -> re.Pattern[str]:
    # Compiled when a reply asks for it: most daemons hear few refusals, and all have to start.
    return re.compile(words, re.IGNORECASE | re.DOTALL)
