"""Hints for what fails at POP before SMTP: all of it, from the name to the login."""

from zaiond.smtp.failure import Failure
from zaiond.smtp.hint.pair import Pair
from zaiond.smtp.verdict import judge
from zaiond.text import Text


def logging_in_by_pop(failure: Failure) -> Pair:
    """For a failure of stage POP."""
    server, detail = failure.server, failure.detail
    match failure.cause:
        case "err_login" if judge(failure).outcome == "held":
            return (
                Text(
                    f"POP サーバー「{server}」がログインを断りました。応答: {detail}",
                    f"The POP server {server} refuses the login. It said: {detail}",
                ),
                Text(
                    "設定 mail_server.pop_before_smtp の username とパスワード（なければ "
                    "mail_server.auth のもの）を確認してください。正しければ、暗号化した接続でだけ"
                    "ログインできるサーバーかもしれません（mail_server.pop_before_smtp.security を "
                    "starttls か tls に）。APOP 用のパスワードがないアカウントでは、暗号化するか、"
                    "mail_server.auth.allow_unprotected_password を true にします。",
                    "Check username and password of mail_server.pop_before_smtp (without them, "
                    "those of mail_server.auth). If they are right, the server may take logins "
                    "only over encrypted connections: set mail_server.pop_before_smtp.security to "
                    "starttls or tls. An account without a password for APOP needs that, too, or "
                    "mail_server.auth.allow_unprotected_password true.",
                ),
            )
        case "err" | "err_login":
            return (
                Text(
                    f"POP サーバー「{server}」には今はログインできません。応答: {detail}",
                    f"The POP server {server} can't be logged in to at present. It said: {detail}",
                ),
                Text(
                    "しばらくしてからもう一度お試しください。同じメールボックスをほかのメール"
                    "ソフトが開いていないかも確認してください（専用のアカウントを勧めます）。続くとき"
                    "はサーバーの管理者に、この応答を伝えて確認してください。",
                    "Try again after a while. See that no other mail program has the mailbox open "
                    "(an account of its own is best). If it goes on, tell the server's "
                    "administrator these words.",
                ),
            )
        case "unprotected":
            return (
                Text(
                    f"POP サーバー「{server}」に APOP がなく、接続が暗号化されていないため、"
                    "パスワードを送りませんでした。",
                    f"The POP server {server} has no APOP, and the connection is not encrypted: "
                    "the password was not sent, as it would not be protected.",
                ),
                Text(
                    "どちらかを設定してください。(1) mail_server.pop_before_smtp.security を "
                    "starttls か、tls（ポート 995）にする。(2) 読まれてもよいネットワークなら、"
                    "mail_server.auth.allow_unprotected_password を true にする。",
                    "Do one of two things: (1) set mail_server.pop_before_smtp.security to "
                    "starttls, or to tls (port 995); (2) if others on the network may read the "
                    "password, set mail_server.auth.allow_unprotected_password to true.",
                ),
            )
        case "no_name" | "dns_later":
            return (
                Text(
                    f"POP サーバー「{server}」の名前を調べられません（{detail}）。",
                    f"The name of the POP server {server} can't be looked up ({detail}).",
                ),
                Text(
                    "設定 mail_server.pop_before_smtp.host（なければ mail_server.host）のつづりと、"
                    "このマシンの DNS の設定（/etc/resolv.conf）を確認してください。",
                    "Check the spelling of mail_server.pop_before_smtp.host (without it, "
                    "mail_server.host), and this machine's DNS settings (/etc/resolv.conf).",
                ),
            )
        case "tls_not_offered":
            return (
                Text(
                    f"POP サーバー「{server}」が TLS の開始（STLS）を断りました（{detail}）。",
                    f"The POP server {server} refuses to start TLS ({detail}).",
                ),
                Text(
                    "ポート 995 と mail_server.pop_before_smtp.security: tls を使えるか、サーバーの"
                    "管理者に確認してください。",
                    "Ask the server's administrator whether port 995 with "
                    "mail_server.pop_before_smtp.security tls can be used.",
                ),
            )
        case "tls" | "certificate" | "injection":
            return (
                Text(
                    f"POP サーバー「{server}」との安全な接続（TLS）を始められません（{detail}）。",
                    f"The secure connection (TLS) to the POP server {server} can't be started "
                    f"({detail}).",
                ),
                Text(
                    "設定 mail_server.pop_before_smtp の port と security の組み合わせ（110 と "
                    "starttls、995 と tls）、host がサーバーの証明書に書かれた名前であること、"
                    "社内の認証局なら mail_server.ca_file を確認してください。",
                    "Check that port and security of mail_server.pop_before_smtp fit together (110 "
                    "and starttls, 995 and tls), that host is a name that the server's certificate "
                    "is for, and, for a private authority, mail_server.ca_file.",
                ),
            )
        case "protocol":
            return (
                Text(
                    f"「{server}」は POP サーバーではないようです（{detail}）。",
                    f"{server} doesn't seem to be a POP server ({detail}).",
                ),
                Text(
                    "設定 mail_server.pop_before_smtp の host、port、security（110 と none か "
                    "starttls、995 と tls）を確認してください。",
                    "Check host, port and security of mail_server.pop_before_smtp (110 and none or "
                    "starttls, 995 and tls).",
                ),
            )
    ja, en = failure.text
    return (
        Text(
            f"POP サーバー「{server}」と通信できません（{ja}）。",
            f"There is no talking to the POP server {server} ({en}).",
        ),
        Text(
            "POP サーバーが動いていること、設定 mail_server.pop_before_smtp の host、port、security"
            "（110 と none か starttls、995 と tls）、ネットワークとファイアウォールを確認して"
            "ください。",
            "Check that the POP server is running; host, port and security of "
            "mail_server.pop_before_smtp (110 and none or starttls, 995 and tls); the network and "
            "firewalls.",
        ),
    )
