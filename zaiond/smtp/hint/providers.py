"""Hints for refused logins at the large providers, each of which wants something of its own."""

from zaiond.smtp.hint.pair import Pair, words
from zaiond.text import Text


def _provider(name: str, ja: str, en: str) -> Pair:
    return (
        Text(f"{name} がログインを断りました。", f"{name} refuses the login."),
        Text(
            "設定 mail_server.auth の username は @ 以下までのメールアドレスにしてください。" + ja,
            "Set username of mail_server.auth to the whole mail address, with its domain. " + en,
        ),
    )


# By the host's name, or by what only they say.
PROVIDERS = (
    words(
        r"^\S*(?:gmail|google|googlemail)\.com |gsmtp|support\.google",
        _provider(
            "Google",
            "パスワードには、通常のものではなく、二段階認証を有効にして作った「アプリ パスワード」"
            "（16 文字）を設定します。アプリ パスワードが使えない組織では "
            "mail_server.auth.mechanism を xoauth2 にします。",
            "The password is not the account's own but an app password of 16 letters, made with "
            "two-step verification turned on. Where there are none, set mail_server.auth.mechanism "
            "to xoauth2.",
        ),
    ),
    words(
        r"^\S*yahoo\.(?:com|co\.jp) |#mbr\d|#auth\d",
        _provider(
            "Yahoo!",
            "パスワードには、アカウント管理画面で作った「アプリ パスワード」を設定します。Yahoo! "
            "JAPAN では、メールの設定で IMAP/POP/SMTP アクセスを有効にします。",
            "The password is an app password made on the account's security page. With Yahoo! "
            "JAPAN, turn on access by IMAP/POP/SMTP in the mail settings.",
        ),
    ),
    words(
        r"^\S*(?:mail\.me|icloud)\.com ",
        _provider(
            "iCloud",
            "パスワードには、Apple アカウントの管理画面で作った「アプリ用パスワード」を"
            "設定します。",
            "The password is an app-specific one, made on the Apple account's page.",
        ),
    ),
    words(
        r"^\S*(?:office365|outlook|hotmail|live)\.com |5\.7\.139\b|prod\.outlook\.com",
        _provider(
            "Microsoft",
            "パスワードが正しければ、組織の設定（セキュリティの既定値群、多要素認証、SMTP 認証の"
            "無効化）が原因です。mail_server.auth.mechanism を xoauth2 にするか、Microsoft 365 の"
            "管理者に確認してください。",
            "If the password is right, the organization's settings are the reason (security "
            "defaults, multi-factor authentication, SMTP AUTH turned off): set "
            "mail_server.auth.mechanism to xoauth2, or ask the administrator of Microsoft 365.",
        ),
    ),
)
