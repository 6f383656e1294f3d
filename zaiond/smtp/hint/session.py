"""Hints for what ended or hindered a session without a reply."""

from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.hint.pair import Pair, first_that_fits, words
from zaiond.text import Text


def broken(failure: Failure) -> Pair:
    """For all causes but replies, of all stages from the greeting on."""
    if failure.cause in _UNSENDABLE:
        return _UNSENDABLE[failure.cause]
    if failure.stage is Stage.CONTENT:
        return _NO_RECEIPT
    if failure.stage is Stage.GREETING:
        return _greeting(failure)
    ja, en = failure.text
    remedy = _BROKEN
    if failure.stage is Stage.AUTH:
        remedy = _BROKEN_LOGIN
    elif failure.cause == "timeout":
        remedy = _SLOW
    elif failure.cause == "protocol":
        remedy = _NONSENSE
    return (
        Text(
            f"サーバーとの通信が途中で終わりました。{ja}",
            f"The session with the server broke off. {en}.",
        ),
        remedy,
    )


def _greeting(failure: Failure) -> Pair:
    server = failure.server
    if failure.cause == "protocol":
        remedy = Text(
            "設定 mail_server.host と mail_server.port を確認してください。",
            "Check mail_server.host and mail_server.port.",
        )
        cause, particular = first_that_fits(_OTHER_SERVERS, failure.detail) or (None, remedy)
        ja, en = cause or Text("SMTP のメールサーバーではない", "no SMTP server")
        return (
            Text(
                f"「{server}」は{ja}ようです（{failure.detail}）。",
                f"{server} seems to be {en} ({failure.detail}).",
            ),
            particular,
        )
    if server.endswith(":465"):
        return (
            Text(
                f"「{server}」に接続できましたが、最初の応答がありません。ポート 465 は、接続の初め"
                "から TLS を使うポートです。",
                f"{server} can be connected to, but doesn't greet us: port 465 is one with TLS "
                "from the first byte.",
            ),
            Text(
                "設定 mail_server.security を tls にしてください（行を消しても、ポート 465 では "
                "tls になります）。",
                "Set mail_server.security to tls (or take the line away: on port 465 it is the "
                "default).",
            ),
        )
    if failure.cause in ("closed", "reset"):
        return (
            Text(
                f"「{server}」に接続できましたが、サーバーは何も言わずに切断しました。",
                f"{server} took the connection and closed it without a word.",
            ),
            Text(
                "このマシンの IP アドレスを、サーバーかファイアウォールが拒否していることが"
                "あります。サーバーの管理者に許可してもらってください。初めから TLS を"
                "使うポートなら、mail_server.security を tls にします。",
                "The server or a firewall may refuse this machine's IP address: ask the server's "
                "administrator to allow it. If it is a port with TLS from the first byte, set "
                "mail_server.security to tls.",
            ),
        )
    return (
        Text(
            f"「{server}」に接続できましたが、SMTP の応答がありません。",
            f"{server} can be connected to, but doesn't speak SMTP to us.",
        ),
        Text(
            "ポート 465 のように初めから TLS を使うポートなら、設定 mail_server.security を "
            "tls にしてください。そうでなければ、mail_server.port とファイアウォールを"
            "確認してください。応答の遅いサーバーでは mail_server.timeout を長くします。",
            "If it is a port with TLS from the first byte, as 465, set mail_server.security "
            "to tls. Else check mail_server.port, and firewalls on the way. For a slow server, "
            "raise mail_server.timeout.",
        ),
    )


TOO_BIG: Pair = (
    Text(
        "メールがサーバーの許す大きさを超えています。", "The mail is larger than the server allows."
    ),
    Text(
        "イベントのデータを小さくするか、サーバーの管理者に上限を上げてもらってください。",
        "Make the event's data smaller, or ask the server's administrator for a higher limit.",
    ),
)
_UNSENDABLE: dict[str, Pair] = {
    "too_big": TOO_BIG,
    "smtputf8": (
        Text(
            "英数字以外を含むアドレス（SMTPUTF8）に、サーバーが対応していません。",
            "The address has other than ASCII characters, which needs SMTPUTF8, and the "
            "server doesn't offer that.",
        ),
        Text(
            "英数字だけのアドレスを設定してください。",
            "Use an address of ASCII characters only.",
        ),
    ),
    "address": (
        Text(
            "メールアドレスに使えない文字があります。",
            "There are characters in the address that no mail address can have.",
        ),
        Text("アドレスを直してください。", "Correct the address."),
    ),
}
_NO_RECEIPT: Pair = (
    Text(
        "メールを送り終えましたが、サーバーが受け付けたという返事がありません。",
        "The mail was sent, but the server didn't say that it took it.",
    ),
    Text(
        "届いている場合もあるので、まず受信トレイを確認してください。届いていなければ、"
        "サーバーの負荷や途中のファイアウォールを確認してください。",
        "It may have arrived all the same: look into the inbox first. If it hasn't, check "
        "the server's load and firewalls on the way.",
    ),
)
_BROKEN = Text(
    "もう一度お試しください。続くときは、サーバーのログと、途中のネットワークやファイアウォールを"
    "確認してください。",
    "Try again. If it goes on, check the server's log, and the network and firewalls on the way.",
)
_SLOW = Text(
    "もう一度お試しください。続くときは、サーバーの負荷と、途中のネットワークやファイアウォールを"
    "確認してください。遅いサーバーでは mail_server.timeout を長くします。",
    "Try again. If it goes on, check the server's load, and the network and firewalls on the way. "
    "For a slow server, raise mail_server.timeout.",
)
_BROKEN_LOGIN = Text(
    "認証の途中なので、サーバーがこのログインを受け付けていないことがあります。設定 "
    "mail_server.auth を確認してください。正しければ、サーバーのログを確認するか、"
    "mail_server.timeout を長くします。",
    "As it was in the middle of the login, the server may not want it: check mail_server.auth. If "
    "it is right, check the server's log, or raise mail_server.timeout.",
)
_NONSENSE = Text(
    "途中のファイアウォールやセキュリティソフトが SMTP の通信を書き換えていないかを確認し、"
    "サーバーの管理者にこの内容を伝えてください。",
    "Check whether a firewall or security software on the way changes what is said by SMTP, and "
    "tell the server's administrator of it.",
)
_PORT = Text(
    "設定 mail_server.port を、SMTP のポート（25、587、465 など）にしてください。",
    "Set mail_server.port to one of SMTP (25, 587 or 465, usually).",
)
_OTHER_SERVERS = (
    words(r": \+OK", (Text("POP のサーバーの", "a POP server"), _PORT)),
    words(r": \* OK", (Text("IMAP のサーバーの", "an IMAP server"), _PORT)),
    words(r": SSH-", (Text("SSH のサーバーの", "an SSH server"), _PORT)),
    words(r": HTTP/|<html", (Text("Web サーバーの", "a web server"), _PORT)),
)
