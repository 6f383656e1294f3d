"""What must hold of POP before SMTP, and what of it is legal and surely wrong."""

from collections.abc import Iterator, Mapping

from zaiond.config.mail_server import PASSWORDS, MailServer
from zaiond.config.pop_before_smtp import default_pop_security
from zaiond.config.tree import Place
from zaiond.config.values import is_example
from zaiond.text import Text

Places = Mapping[str, Place]  # see rules
_OTHER_SERVICES = {25: "SMTP", 465: "SMTP", 587: "SMTP", 143: "IMAP", 993: "IMAP"}


def inherits_password(server: MailServer, key: str, places: Places) -> bool:
    """Whether POP uses the password of the `auth` of the mail server at `key`."""
    own = f"{key}.pop_before_smtp"
    return server.pop_before_smtp.enabled and not any(f"{own}.{n}" in places for n in PASSWORDS)


def faults(server: MailServer, key: str, places: Places) -> Iterator[tuple[str, str, Text]]:
    """What the login by POP of the mail server at `key` lacks: the key where that is to be said,
    the key it is about, the text.
    """
    own = f"{key}.pop_before_smtp"
    if not server.pop_before_smtp.enabled:
        return
    if not any(f"{each}.username" in places for each in (own, f"{key}.auth")):
        yield (
            own,
            f"{own}.username",
            Text(
                ja="POP before SMTP にはユーザー ID が必要です。username か auth.username を"
                "設定してください",
                en="POP before SMTP needs a user: set username, or auth.username",
            ),
        )
    if not any(f"{each}.{name}" in places for each in (own, f"{key}.auth") for name in PASSWORDS):
        yield (
            own,
            f"{own}.password",
            Text(
                ja="POP before SMTP にはパスワードが必要です。password_file、password_credential、"
                "password のどれか 1 つを、ここか auth に設定してください",
                en="POP before SMTP needs a password: set one of password_file, "
                "password_credential and password, here or in auth",
            ),
        )


def warnings(server: MailServer, key: str, places: Places) -> Iterator[tuple[str, Text]]:
    """What is legal and surely wrong in the POP before SMTP of the mail server at `key`."""
    pop, own = server.pop_before_smtp, f"{key}.pop_before_smtp"
    if not pop.enabled:
        unused = [n for n in ("username", *PASSWORDS) if f"{own}.{n}" in places]
        if unused:
            yield (
                f"{own}.{unused[0]}",
                Text(
                    ja="enabled が false なので、POP ではログインせず、この設定は使われません。"
                    "POP before SMTP を使うなら enabled を true にしてください",
                    en="enabled is false: nobody logs in by POP, and this is not used; for POP "
                    "before SMTP set enabled to true",
                ),
            )
        return
    if pop.host is not None and is_example(pop.host):
        yield (
            f"{own}.host",
            Text(
                ja=f"{pop.host} は説明用の名前です。実際の POP サーバーの名前に書き換えてください",
                en=f"{pop.host} is a name kept for examples: write the real server's",
            ),
        )
    if pop.port in _OTHER_SERVICES:
        service = _OTHER_SERVICES[pop.port]
        yield (
            f"{own}.port",
            Text(
                ja=f"ポート {pop.port} は {service} のポートです。POP は通常 110、995 です",
                en=f"port {pop.port} is {service}'s: POP is on 110 or 995 as a rule",
            ),
        )
    usually_tls = default_pop_security(pop.port) == "tls"
    if pop.port in (110, 995) and (pop.security == "tls") != usually_tls:
        usual = "tls" if usually_tls else "none、starttls"
        yield (
            f"{own}.security",
            Text(
                ja=f"ポート {pop.port} で security が {pop.security} になっています。このポートでは"
                f"通常 {usual} です（接続開始時から暗号化する tls は 995）",
                en=f"security {pop.security} on port {pop.port}: it is "
                f"{usual.replace('、', ' or ')} there as a rule (tls, from the first byte on, is "
                "on 995)",
            ),
        )
    if pop.security == "none":
        yield f"{own}.security", _unprotected(server)


def _unprotected(server: MailServer) -> Text:
    if server.auth.allow_unprotected_password:
        return Text(
            ja="POP のパスワードが暗号化されずに送られることがあります（APOP でも、通信を読んだ人"
            "に割り出されるおそれがあります）。サーバーが対応していれば、security を starttls か "
            "tls にしてください",
            en="POP's password may be sent without encryption (and with APOP, others on the "
            "network may find it out): if the server can, set security to starttls or tls",
        )
    return Text(
        ja="暗号化されない接続では APOP でだけログインします。通信を読んだ人にパスワードを"
        "割り出されるおそれがあり、APOP のないサーバーにはログインできません。security を starttls "
        "か tls にしてください。それができなければ、auth.allow_unprotected_password を true にする"
        "と、パスワードをそのまま送ります",
        en="without encryption only APOP is used, from which others on the network may find out "
        "the password; a server without APOP can't be logged in to. Set security to starttls or "
        "tls; where that is impossible, auth.allow_unprotected_password true sends the password as "
        "it is",
    )
