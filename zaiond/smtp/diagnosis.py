"""What a failure means, by name. `diagnose` (diagnose.py) recognises it; from the name follow the
verdict (rulings.py) and the advice (hint/).
"""

from enum import StrEnum
from typing import Self

from zaiond.text import Text


class Diagnosis(StrEnum):
    """One meaning each; `label` is its short name for `queue list`, `history` and the journal."""

    label: Text

    def __new__(cls, value: str, ja: str, en: str) -> Self:
        """A member: the name that programs see, and the label in both languages."""
        self = str.__new__(cls, value)
        self._value_ = value
        self.label = Text(ja, en)
        return self

    # The way to the server
    NO_SUCH_SERVER = "no_such_server", "サーバーの名前が見つかりません", "no such server name"
    NO_DNS = "no_dns", "DNS から応答がありません", "no answer from DNS"
    PORT_CLOSED = "port_closed", "接続を拒否されました", "connection refused"
    PORT_25_SILENT = "port_25_silent", "ポート 25 に接続できません", "no answer on port 25"
    SERVER_SILENT = "server_silent", "サーバーから応答がありません", "no answer from the server"
    NO_ROUTE = "no_route", "サーバーに到達できません", "server unreachable"
    CANT_CONNECT = "cant_connect", "サーバーに接続できません", "can't connect"

    # TLS
    TLS_NOT_OFFERED = "tls_not_offered", "サーバーが TLS に対応していません", "TLS not offered"
    TLS_REFUSED = "tls_refused", "TLS の開始が拒否されました", "TLS refused"
    TLS_TAMPERED = "tls_tampered", "通信に割り込まれたおそれがあります", "tampered with"
    TLS_NOT_SPOKEN = "tls_not_spoken", "ポートと TLS の設定が合いません", "no TLS on this port"
    TLS_TOO_OLD = "tls_too_old", "サーバーの TLS が古すぎます", "TLS too old"
    TLS_FAILED = "tls_failed", "TLS を開始できません", "TLS failed"
    CERTIFICATE_EXPIRED = "certificate_expired", "証明書の期限切れです", "certificate expired"
    CERTIFICATE_TOO_NEW = "certificate_too_new", "証明書が期間前です", "certificate not yet valid"
    CERTIFICATE_NAME = "certificate_name", "証明書の名前が違います", "certificate of another name"
    CA_FILE_UNREADABLE = "ca_file_unreadable", "ca_file を読み込めません", "ca_file unreadable"
    CERTIFICATE_UNKNOWN = "certificate_unknown", "証明書を検証できません", "certificate unverified"

    # The login, before and in it
    LOGIN_NOT_OFFERED = "login_not_offered", "SMTP 認証に対応していません", "no login offered"
    OTHER_LOGIN_OFFERED = "other_login_offered", "別の認証方式が必要です", "other login offered"
    NO_COMMON_LOGIN = "no_common_login", "使える認証方式がありません", "no common login"
    PASSWORD_UNPROTECTED = (
        "password_unprotected", "パスワードが保護されません", "the password would be unprotected",
    )  # fmt: skip
    LOGIN_WANTED = "login_wanted", "SMTP 認証が必要です", "login wanted"
    POP_LOGIN_WANTED = "pop_login_wanted", "POP ログインが必要です", "login by POP wanted"
    ENCRYPTION_WANTED = "encryption_wanted", "暗号化が必要です", "encryption wanted"
    OAUTH_WANTED = "oauth_wanted", "OAuth 2.0 が必要です", "OAuth 2.0 wanted"
    APP_PASSWORD_WANTED = "app_password_wanted", "アプリ パスワードが必要です", "app password"
    BROWSER_WANTED = "browser_wanted", "ブラウザーでの確認が必要です", "login by browser wanted"
    SMTP_AUTH_DISABLED = "smtp_auth_disabled", "SMTP 認証が無効です", "SMTP AUTH turned off"
    MECHANISM_REFUSED = "mechanism_refused", "認証方式が拒否されました", "mechanism refused"
    PASSWORD_EXPIRED = "password_expired", "パスワードの期限切れです", "password expired"
    ACCOUNT_DISABLED = "account_disabled", "アカウントが停止されています", "account disabled"
    TOO_MANY_LOGINS = "too_many_logins", "ログインが多すぎます", "too many logins"
    LOGIN_REFUSED = "login_refused", "ログインが拒否されました", "login refused"
    TOKEN_LOGIN_REFUSED = "token_login_refused", "ログインが拒否されました", "login refused"
    NTLM_REFUSED = "ntlm_refused", "ログインが拒否されました", "login refused"
    CRAM_MD5_REFUSED = "cram_md5_refused", "ログインが拒否されました", "login refused"
    GOOGLE_REFUSED = "google_refused", "ログインが拒否されました", "login refused"
    YAHOO_REFUSED = "yahoo_refused", "ログインが拒否されました", "login refused"
    ICLOUD_REFUSED = "icloud_refused", "ログインが拒否されました", "login refused"
    MICROSOFT_REFUSED = "microsoft_refused", "ログインが拒否されました", "login refused"
    LOGIN_NOT_CHECKED = "login_not_checked", "今は認証できません", "login not possible for now"
    LOGIN_BROKEN_OFF = "login_broken_off", "認証の途中で切断されました", "login broken off"

    # The token for a login
    REFRESH_TOKEN_REFUSED = (
        "refresh_token_refused", "リフレッシュ トークンが使えません", "refresh token refused",
    )  # fmt: skip
    CLIENT_SECRET_REFUSED = (
        "client_secret_refused", "クライアント シークレットが使えません", "client secret refused",
    )  # fmt: skip
    TOKEN_REFUSED = "token_refused", "トークンの発行が拒否されました", "token refused"
    TOKEN_COMMAND_FAILED = "token_command_failed", "コマンドが失敗しました", "token_command failed"
    TOKEN_COMMAND_UNFIT = "token_command_unfit", "コマンドを使えません", "token_command unusable"
    TOKEN_UNKEPT = "token_unkept", "トークンを保存できません", "no place to keep a token"
    NO_TOKEN = "no_token", "トークンを取得できません", "no token could be got"

    # POP before SMTP
    POP_LOGIN_REFUSED = "pop_login_refused", "POP ログインが拒否されました", "login by POP refused"
    POP_NOT_NOW = "pop_not_now", "今は POP でログインできません", "no login by POP for now"
    POP_UNPROTECTED = "pop_unprotected", "パスワードが保護されません", "POP password unprotected"
    NO_SUCH_POP_SERVER = "no_such_pop_server", "POP サーバーが見つかりません", "no such POP server"
    POP_TLS_NOT_OFFERED = (
        "pop_tls_not_offered", "POP サーバーが TLS に対応していません", "TLS not offered for POP",
    )  # fmt: skip
    POP_TLS_FAILED = "pop_tls_failed", "POP の TLS を開始できません", "TLS failed for POP"
    NO_POP_SERVER = "no_pop_server", "POP サーバーではありません", "no POP server"
    POP_UNREACHABLE = "pop_unreachable", "POP サーバーと通信できません", "POP server unreachable"

    # The session
    POP_SERVER = "pop_server", "SMTP ではなく POP サーバーです", "a POP server"
    IMAP_SERVER = "imap_server", "SMTP ではなく IMAP サーバーです", "an IMAP server"
    SSH_SERVER = "ssh_server", "SMTP ではなく SSH サーバーです", "an SSH server"
    WEB_SERVER = "web_server", "SMTP ではなく Web サーバーです", "a web server"
    NO_SMTP_SERVER = "no_smtp_server", "SMTP サーバーではありません", "no SMTP server"
    TLS_EXPECTED = "tls_expected", "ポートと TLS の設定が合いません", "TLS expected on this port"
    CLOSED_AT_ONCE = "closed_at_once", "接続直後に切断されました", "connection closed at once"
    NO_GREETING = "no_greeting", "SMTP の応答がありません", "no greeting"
    SERVER_BUSY = "server_busy", "サーバーが一時的に利用できません", "server busy"
    TOO_MANY_CONNECTIONS = "too_many_connections", "同時接続が多すぎます", "too many connections"
    BROKEN_OFF = "broken_off", "通信が途中で切断されました", "connection lost"
    TIMED_OUT = "timed_out", "応答が時間内にありません", "timed out"
    NOT_UNDERSTOOD = "not_understood", "サーバーの応答を理解できません", "reply not understood"
    OUT_OF_STEP = "out_of_step", "通信の手順が合いません", "bad sequence of commands"
    MAY_HAVE_ARRIVED = "may_have_arrived", "届いた可能性があります", "may have arrived"

    # Where mail comes from: the sender, this machine
    NOT_ALLOWED_AS_SENDER = (
        "not_allowed_as_sender", "この送信元での送信が許可されていません",
        "not allowed to send as this sender",
    )  # fmt: skip
    SENDER_UNVERIFIED = "sender_unverified", "送信元が登録されていません", "sender not registered"
    SENDER_WITHOUT_DOMAIN = (
        "sender_without_domain", "送信元にドメインが必要です", "sender without a domain",
    )  # fmt: skip
    SENDER_DOMAIN_UNKNOWN = (
        "sender_domain_unknown", "送信元のドメインが見つかりません", "sender's domain not found",
    )  # fmt: skip
    SENDER_UNKNOWN = "sender_unknown", "送信元が実在しません", "no such sender"
    SENDER_DOMAIN_POLICY = (
        "sender_domain_policy", "送信ドメイン認証に失敗しました", "SPF, DKIM or DMARC failed",
    )  # fmt: skip
    SENDER_MAILBOX_FULL = "sender_mailbox_full", "送信元の容量超過です", "sender's mailbox full"
    SENDER_NEEDS_SMTPUTF8 = "sender_needs_smtputf8", "SMTPUTF8 に未対応です", "SMTPUTF8 not offered"
    SENDER_UNFIT = "sender_unfit", "送信元が正しくありません", "sender not an address"
    SENDER_REFUSED = "sender_refused", "送信元が拒否されました", "sender refused"
    MACHINE_BLOCKED = "machine_blocked", "ブロックリストで拒否されました", "on a block list"
    HELO_REFUSED = "helo_refused", "マシン名が拒否されました", "EHLO name refused"
    NO_REVERSE_DNS = "no_reverse_dns", "逆引きの設定がありません", "no reverse DNS"
    MACHINE_REFUSED = "machine_refused", "このマシンが拒否されました", "this machine is refused"
    RELAYING_REFUSED = "relaying_refused", "中継が拒否されました", "relaying refused"

    # How much
    SENDING_LIMIT = "sending_limit", "送信数の制限を超えました", "sending limit exceeded"
    TOO_MANY_MAILS = "too_many_mails", "1 回の接続のメールが多すぎます", "too many mails"
    TOO_MANY_RECIPIENTS = "too_many_recipients", "宛先が多すぎます", "too many recipients"
    TOO_BIG = "too_big", "メールが大きすぎます", "mail too big"

    # Where it goes, and what is in it
    GREYLISTED = "greylisted", "グレーリストで待機中です", "greylisted"
    RECIPIENT_BUSY = "recipient_busy", "宛先が混雑しています", "recipient busy"
    MAILBOX_FULL = "mailbox_full", "宛先のメールボックスが満杯です", "mailbox full"
    RECIPIENT_UNKNOWN = "recipient_unknown", "宛先が存在しません", "no such recipient"
    RECIPIENT_DOMAIN_UNKNOWN = (
        "recipient_domain_unknown", "宛先のドメインが見つかりません",
        "recipient's domain not found",
    )  # fmt: skip
    RECIPIENT_DISABLED = "recipient_disabled", "宛先が停止されています", "recipient disabled"
    RECIPIENT_NEEDS_SMTPUTF8 = (
        "recipient_needs_smtputf8", "宛先に SMTPUTF8 が必要です", "recipient needs SMTPUTF8",
    )  # fmt: skip
    RECIPIENT_UNFIT = "recipient_unfit", "宛先が正しくありません", "recipient not an address"
    RECIPIENT_REFUSED = "recipient_refused", "宛先が拒否されました", "recipient refused"
    CONTENT_REFUSED = "content_refused", "迷惑メールと判定されました", "taken for spam or a virus"
    MESSAGE_REFUSED = "message_refused", "メールが拒否されました", "mail refused"
    DISK_FULL = "disk_full", "サーバーのディスクが満杯です", "the server's disk is full"
    SERVER_TROUBLE = "server_trouble", "サーバーに障害があります", "trouble at the server"
    NOT_NOW = "not_now", "サーバーが一時的に拒否しました", "refused for now"
