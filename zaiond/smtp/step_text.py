"""What a reply says of the step that it ends, for the self-test: how it is shown, and warned of."""

from zaiond.smtp.failure import Stage
from zaiond.smtp.reply import Reply, printable
from zaiond.text import Text


def is_yes(stage: Stage, reply: Reply) -> bool:
    """Whether the reply is the one that was hoped for (RFC 5321 4.2.1)."""
    return reply.code // 100 == (3 if stage is Stage.DATA else 2)


def is_step(stage: Stage, reply: Reply) -> bool:
    """Whether the reply ends a step: a challenge of AUTH's dialogue doesn't."""
    return stage is not Stage.AUTH or reply.code // 100 != 3


def shown(stage: Stage, reply: Reply, mechanism: str) -> str:
    """The server's words; EHLO's with the extensions apart, AUTH's behind the mechanism."""
    if stage is Stage.AUTH and mechanism:
        return f"{printable(mechanism)}: {reply.text}"
    if stage is Stage.EHLO and len(reply.lines) > 1:
        name, *extensions = reply.shown
        said = name + b": " + b", ".join(line.strip() for line in extensions)
        return f"{reply.code} {printable(said)}"
    return reply.text


def unprotected(mechanism: str, *, reusable: bool, setting: str = "mail_server.security") -> Text:
    """The warning of a login over a connection that isn't both encrypted and verified, which
    `setting` would make it; `reusable`: what was sent can be used as it is (`sasl.reusable`).
    """
    if not reusable:
        name = printable(mechanism)
        return Text(
            ja=f"{name} の認証を、保護されていない接続で行いました。通信を読んだ人が、パスワードを"
            "推測できるおそれがあります。サーバーが TLS に対応していれば、設定 "
            f"{setting} を starttls か tls にしてください。",
            en=f"The login by {name} crossed an unprotected connection: who reads it may work out "
            f"the password. If the server knows TLS, set {setting} to starttls or tls.",
        )
    return Text(
        ja="パスワードを、保護されていない接続で送りました。通信を読んだ人に知られるおそれが"
        f"あります。サーバーが TLS に対応していれば、設定 {setting} を starttls か tls にして"
        "ください。",
        en="The password crossed an unprotected connection: who reads it knows it. If the server "
        f"knows TLS, set {setting} to starttls or tls.",
    )
