"""What must hold between settings, and what is legal and surely wrong."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from zaiond.config import pop_rules
from zaiond.config.mail_server import PASSWORDS
from zaiond.config.scalar import quoted
from zaiond.config.schema import (
    Auth,
    Config,
    MailServer,
    OAuth2,
    Queue,
    default_security,
)
from zaiond.config.tree import Place
from zaiond.config.values import Secret, fill_names, is_example, write_duration
from zaiond.errors import Diagnostic
from zaiond.message import address
from zaiond.message.charset import as_jis, encode_jis
from zaiond.smtp import sasl
from zaiond.smtp.saslprep import ProhibitedError, saslprep
from zaiond.text import Text

Places = dict[str, Place]
"""Where each setting that is written stands, by its dotted key; '' is the main file's start."""

_TLS = ("starttls", "tls")
_LIKE_BACKSLASH = "¥￥＼"
_OTHER_SERVICES = {110: "POP", 143: "IMAP", 993: "IMAP", 995: "POP", 80: "HTTP", 443: "HTTPS"}


def queue_faults(
    queue: Queue, places: Places, wrong: AbstractSet[str]
) -> Iterator[tuple[str, Text]]:
    """Settings of the queue that contradict one another: the key, and what is wrong.

    Those in `wrong` have no valid value, so that nothing is known of their pairs.
    """
    for small, large in (("retry_first", "retry_max"), ("expire", "keep")):
        if {small, large} & wrong:
            continue
        least: float = getattr(queue, small)
        length: float = getattr(queue, large)
        if length < least:
            key = f"queue.{large}" if f"queue.{large}" in places else f"queue.{small}"
            had, needed = write_duration(length), write_duration(least)
            yield (
                key,
                Text(
                    ja=f"queue.{large}（{had}）は queue.{small}（{needed}）以上にしてください",
                    en=f"queue.{large} ({had}) must not be less than queue.{small} ({needed})",
                ),
            )


def auth_faults(
    found: dict[str, Any], path: str, places: Places
) -> Iterator[tuple[str, str, Text]]:
    """What a login lacks or has twice: the key where it stands, the key it is about, the text.

    `found` has the valid settings of the mapping `path`, which may be POP's, too.
    """
    named = [name for name in PASSWORDS if f"{path}.{name}" in places]
    if len(named) > 1:
        last = max(named, key=lambda name: _order(places[f"{path}.{name}"]))
        both = ", ".join(named)
        yield (
            f"{path}.{last}",
            f"{path}.{last}",
            Text(
                ja=f"パスワードの指定が重複しています（{both}）。どれか 1 つだけを残してください",
                en=f"the password is given more than once ({both}): keep one of them",
            ),
        )
    mechanism = found.get("mechanism", "none")
    if mechanism == "none":
        return
    if f"{path}.username" not in places:
        yield (
            path,
            f"{path}.username",
            Text(
                ja=f"mechanism が {mechanism} のときは username が必要です",
                en=f"mechanism {mechanism} needs a username",
            ),
        )
    if not named and mechanism != "xoauth2":
        yield (
            path,
            f"{path}.password",
            Text(
                ja=f"mechanism が {mechanism} のときはパスワードが必要です。password_file、"
                "password_credential、password のどれか 1 つを設定してください",
                en=f"mechanism {mechanism} needs a password: set one of password_file, "
                "password_credential and password",
            ),
        )


def saslprep_faults(
    found: dict[str, Any], path: str, places: Places
) -> Iterator[tuple[str, str, Text]]:
    """Names and passwords that can't be said (RFC 4013 2.3), as `auth_faults`."""
    if found.get("mechanism") not in sasl.PREPARED:
        return
    secret: Secret | None = found.get("password")
    said = {"username": found.get("username"), "password": secret and secret.reveal()}
    for name, text in said.items():
        written = (name, *PASSWORDS)
        at = next((f"{path}.{each}" for each in written if f"{path}.{each}" in places), path)
        try:
            saslprep(text or "")
        except ProhibitedError as error:
            yield at, at, error.text


def _order(place: Place) -> tuple[int, int]:
    return place.line, place.column


def warnings(config: Config, places: Places) -> list[Diagnostic]:
    """What is legal and surely wrong, each where it is written."""
    found = []
    for key, text in _warnings(config, places):
        at = key
        while at not in places:  # a default: the enclosing mapping's key
            at = at.rpartition(".")[0]
        place = places[at]
        found.append(Diagnostic(place.file, place.line, place.column, key, text))
    return found


def _warnings(config: Config, places: Places) -> Iterator[tuple[str, Text]]:
    for number, server in enumerate(config.mail_servers):
        key = f"fallback_mail_servers[{number - 1}]" if number else "mail_server"
        yield from _server(server, key)
        yield from _login(server, key, places)
        yield from _unused(server, f"{key}.auth", places)
        yield from pop_rules.warnings(server, key, places)
        if server.address in [other.address for other in config.mail_servers[:number]]:
            yield (
                f"{key}.host",
                Text(
                    ja=f"{server.address} は、これより前のメールサーバーと同じです",
                    en=f"{server.address} is a server that is tried before already",
                ),
            )
    if config.charset == "iso-2022-jp":
        yield from _beyond_jis(config)
    sender = address.parse_sender(fill_names(config.sender, host="host", fqdn="host"))
    written = [("sender", sender.address)]
    written += [("admins", address.parse_recipient(each).address) for each in config.admins]
    for key, spec in written:
        if "@" in spec and is_example(spec.rpartition("@")[2]):
            yield (
                key,
                Text(
                    ja=f"{spec} は説明用のドメインのアドレスで、メールは届きません。実際の"
                    "アドレスに書き換えてください",
                    en=f"{spec} is in a domain kept for examples, where no mail arrives: write a "
                    "real address",
                ),
            )


def _beyond_jis(config: Config) -> Iterator[tuple[str, Text]]:
    """What stands in every mail and makes each go out as UTF-8."""
    written = [("sender", config.sender), ("subject_prefix", config.subject_prefix)]
    written += [("admins", each) for each in config.admins]
    for key, text in written:
        try:
            encode_jis(as_jis(text))
        except UnicodeEncodeError as error:
            lacking = address.shown(error.object[error.start])
            yield (
                key,
                Text(
                    ja=f"ISO-2022-JP にない文字 {lacking} があるため、charset が iso-2022-jp でも、"
                    "すべてのメールが UTF-8 になります。別の文字に書き換えてください",
                    en=f"ISO-2022-JP has no {lacking}, so that every mail goes out as UTF-8 in "
                    "spite of charset iso-2022-jp: write another character",
                ),
            )


def _server(server: MailServer, key: str) -> Iterator[tuple[str, Text]]:
    if is_example(server.host):
        yield (
            f"{key}.host",
            Text(
                ja=f"{server.host} は説明用の名前です。実際のメールサーバーの名前に書き換えて"
                "ください",
                en=f"{server.host} is a name kept for examples: write the real server's",
            ),
        )
    if server.port in _OTHER_SERVICES:
        service = _OTHER_SERVICES[server.port]
        yield (
            f"{key}.port",
            Text(
                ja=f"ポート {server.port} は {service} のポートです。SMTP は通常 25、587、465 です",
                en=f"port {server.port} is {service}'s: SMTP is on 25, 587 or 465 as a rule",
            ),
        )
    usual = default_security(server.port)
    if (server.security == "tls") != (usual == "tls") and server.port in (25, 465, 587):
        yield (
            f"{key}.security",
            Text(
                ja=f"ポート {server.port} で security が {server.security} になっています。"
                f"このポートでは通常 {usual} です（接続開始時から暗号化する tls は 465）",
                en=f"security {server.security} on port {server.port}: it is {usual} there as a "
                "rule (tls, from the first byte on, is on 465)",
            ),
        )
    pop = server.pop_before_smtp
    pop_verifies = pop.enabled and pop.security != "none"
    if server.ca_file is not None and server.security == "none" and not pop_verifies:
        yield (
            f"{key}.ca_file",
            Text(
                ja="security が none なので、ca_file は使われません",
                en="ca_file is not used with security none",
            ),
        )


def _unused(server: MailServer, key: str, places: Places) -> Iterator[tuple[str, Text]]:
    """Of a token and a password, the one that the mechanism has no use for."""
    mechanism = server.auth.mechanism
    if mechanism != "xoauth2":
        if f"{key}.oauth2" in places and server.auth.oauth2 != OAuth2():
            yield (
                f"{key}.oauth2",
                Text(
                    ja=f"mechanism が {mechanism} なので、oauth2 は使われません。OAuth 2.0 を"
                    "使うなら mechanism を xoauth2 にしてください",
                    en=f"mechanism is {mechanism}: oauth2 is not used; for OAuth 2.0 set mechanism "
                    "to xoauth2",
                ),
            )
    elif not pop_rules.inherits_password(server, key.removesuffix(".auth"), places):
        for name in PASSWORDS:
            if f"{key}.{name}" in places:
                yield (
                    f"{key}.{name}",
                    Text(
                        ja=f"mechanism が xoauth2 なので、{name} は使われません",
                        en=f"mechanism is xoauth2: {name} is not used",
                    ),
                )


def _no_backslash(username: str, key: str) -> Iterator[tuple[str, Text]]:
    """A Japanese keyboard has a ¥ where others have the backslash, and some show one as the other.

    A name that has such a sign itself is written with the backslash before it.
    """
    sign = next((sign for sign in username if sign in _LIKE_BACKSLASH), None)
    if sign is None or "\\" in username:
        return
    right = quoted(username.replace(sign, "\\", 1))
    yield (
        key,
        Text(
            ja=f"「{sign}」は、ドメインを区切る「\\」（バックスラッシュ、U+005C）ではないため、"
            f"ユーザー名の一部になります。次のように書いてください: username: {right}",
            en=f"'{sign}' is not the backslash (U+005C) that ends a domain, and becomes a part of "
            f"the user's name; write it as: username: {right}",
        ),
    )


def _login(server: MailServer, within: str, places: Places) -> Iterator[tuple[str, Text]]:
    auth: Auth = server.auth
    key = f"{within}.auth"
    if auth.mechanism == "ntlm":
        yield from _no_backslash(auth.username or "", f"{key}.username")
    if auth.mechanism != "ntlm" and auth.ntlm_version != 2:
        yield (
            f"{key}.ntlm_version",
            Text(
                ja=f"mechanism が {auth.mechanism} なので、ntlm_version は使われません",
                en=f"mechanism is {auth.mechanism}: ntlm_version is not used",
            ),
        )
    if auth.mechanism == "none":
        named = [name for name in PASSWORDS if f"{key}.{name}" in places]
        if named and not pop_rules.inherits_password(server, within, places):
            yield (
                f"{key}.{named[0]}",
                Text(
                    ja="mechanism が none なので、ログインせず、パスワードは使われません。"
                    "SMTP 認証を使うなら mechanism を basic にしてください",
                    en="mechanism is none: nobody logs in, and the password is not used; for a "
                    "login set mechanism to basic",
                ),
            )
    elif not sasl.is_plaintext(auth.mechanism):
        if server.security not in _TLS:
            yield (
                f"{key}.mechanism",
                Text(
                    ja=f"{auth.mechanism} の認証は、暗号化されない接続でも行います。通信を読んだ人"
                    "にパスワードを割り出されるおそれがあります。サーバーが対応していれば、"
                    "security を starttls か tls にしてください",
                    en=f"a login by {auth.mechanism} crosses unencrypted connections, too, and "
                    "others on the network may find out the password from it: if the server can, "
                    "set security to starttls or tls",
                ),
            )
    elif auth.allow_unprotected_password:
        if server.security not in _TLS:
            yield (
                f"{key}.allow_unprotected_password",
                Text(
                    ja="パスワードが暗号化されずに送られることがあります。サーバーが対応していれば、"
                    "security を starttls か tls にし、この設定を false にしてください",
                    en="the password may be sent without encryption: if the server can, set "
                    "security to starttls or tls, and this to false",
                ),
            )
    elif server.security == "none":
        yield (
            f"{key}.mechanism",
            Text(
                ja="security が none のままではパスワードを送れず、ログインできません。security を "
                "starttls か tls にするか、allow_unprotected_password を true にしてください",
                en="with security none the password is never sent, so that no login succeeds: set "
                "security to starttls or tls, or allow_unprotected_password to true",
            ),
        )
