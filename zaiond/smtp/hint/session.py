"""Advice for what hinders or ends a session, and for servers of another kind."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.hint.advice import Advice, Table, advice


def _other_kind(ja: str, en: str) -> Advice:
    return advice(
        f"「{{server}}」は {ja} のようです{{more}}。",
        f"{{server}} seems to be {en}{{more}}.",
        "設定 mail_server.host と、mail_server.port（SMTP では 25、587、465 など）を確認して"
        "ください。",
        "Check mail_server.host, and mail_server.port (of SMTP: 25, 587 or 465, usually).",
    )


_BROKEN_OFF = (
    "サーバーとの通信が途中で終わりました。{told}",
    "The session with the server broke off. {told}.",
)
_ASK_ABOUT_FIREWALLS = (
    "途中のファイアウォールやセキュリティソフトが SMTP の通信を書き換えていないかを確認し、サーバー"
    "の管理者にこの内容を伝えてください。",
    "Check whether a firewall or security software on the way changes what is said by SMTP, and "
    "tell the server's administrator of it.",
)
ADVICE: Table = {
    Diagnosis.POP_SERVER: _other_kind("POP サーバー", "a POP server"),
    Diagnosis.IMAP_SERVER: _other_kind("IMAP サーバー", "an IMAP server"),
    Diagnosis.SSH_SERVER: _other_kind("SSH サーバー", "an SSH server"),
    Diagnosis.WEB_SERVER: _other_kind("Web サーバー", "a web server"),
    Diagnosis.NO_SMTP_SERVER: _other_kind("SMTP ではないサーバー", "no SMTP server"),
    Diagnosis.TLS_EXPECTED: advice(
        "「{server}」に接続できましたが、最初の応答がありません。ポート 465 は、接続開始時から "
        "TLS を使うポートです。",
        "{server} can be connected to, but doesn't greet us: port 465 is one with TLS from the "
        "first byte.",
        "設定 mail_server.security を tls にしてください（行を消しても、ポート 465 では tls になり"
        "ます）。",
        "Set mail_server.security to tls (or take the line away: on port 465 it is the default).",
    ),
    Diagnosis.CLOSED_AT_ONCE: advice(
        "「{server}」に接続できましたが、サーバーは応答せずに切断しました。",
        "{server} took the connection and closed it without a word.",
        "このマシンの IP アドレスを、サーバーかファイアウォールが拒否していることがあります。"
        "サーバーの管理者に許可してもらってください。接続開始時から TLS を使うポートなら、"
        "mail_server.security を tls にします。",
        "The server or a firewall may refuse this machine's IP address: ask the server's "
        "administrator to allow it. If it is a port with TLS from the first byte, set "
        "mail_server.security to tls.",
    ),
    Diagnosis.NO_GREETING: advice(
        "「{server}」に接続できましたが、SMTP の応答がありません。",
        "{server} can be connected to, but doesn't speak SMTP to us.",
        "ポート 465 のように接続開始時から TLS を使うポートなら、設定 mail_server.security を tls "
        "にしてください。そうでなければ、mail_server.port とファイアウォールを確認してください。"
        "応答の遅いサーバーでは mail_server.timeout を長くします。",
        "If it is a port with TLS from the first byte, as 465, set mail_server.security to tls. "
        "Else check mail_server.port, and firewalls on the way. For a slow server, raise "
        "mail_server.timeout.",
    ),
    Diagnosis.SERVER_BUSY: advice(
        "サーバーは今は接続を受け付けません（混雑や保守など）。",
        "The server takes no connections at present (it is busy, or being maintained).",
        "しばらくしてからもう一度お試しください。続くときは、サーバーの管理者にこの応答を伝えてく"
        "ださい。",
        "Try again after a while. If it goes on, tell the server's administrator these words.",
    ),
    Diagnosis.TOO_MANY_CONNECTIONS: advice(
        "サーバーへの同時接続が多すぎます。",
        "There are too many connections to the server.",
        "しばらくしてからもう一度お試しください。続くときは mail_server.max_connections を小さくし"
        "てください。",
        "Try again after a while. If it goes on, lower mail_server.max_connections.",
    ),
    Diagnosis.BROKEN_OFF: advice(
        *_BROKEN_OFF,
        "もう一度お試しください。続くときは、サーバーのログと、途中のネットワークやファイアウォー"
        "ルを確認してください。",
        "Try again. If it goes on, check the server's log, and the network and firewalls on the "
        "way.",
    ),
    Diagnosis.TIMED_OUT: advice(
        *_BROKEN_OFF,
        "もう一度お試しください。続くときは、サーバーの負荷と、途中のネットワークやファイアウォー"
        "ルを確認してください。遅いサーバーでは mail_server.timeout を長くします。",
        "Try again. If it goes on, check the server's load, and the network and firewalls on the "
        "way. For a slow server, raise mail_server.timeout.",
    ),
    Diagnosis.NOT_UNDERSTOOD: advice(
        *_BROKEN_OFF,
        *_ASK_ABOUT_FIREWALLS,
    ),
    Diagnosis.OUT_OF_STEP: advice(
        "サーバーが、通信の手順が正しくないとして拒否しました。",
        "The server takes this for a bad sequence of commands.",
        *_ASK_ABOUT_FIREWALLS,
    ),
    Diagnosis.MAY_HAVE_ARRIVED: advice(
        "メールを送り終えましたが、サーバーが受け付けたという応答がありません。",
        "The mail was sent, but the server didn't say that it took it: it may have arrived.",
        "届いている場合もあるので、まず受信トレイを確認してください。届いていなければ、サーバーの"
        "負荷や途中のファイアウォールを確認してください。",
        "Look into the inbox first. If it hasn't arrived, check the server's load and firewalls "
        "on the way.",
    ),
}
