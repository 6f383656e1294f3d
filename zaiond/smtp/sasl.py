"""AUTH's mechanisms (RFC 4954, RFC 4616): what is answered to which challenge, and when at all.

A mechanism is a generator: it first yields its initial response, or None if the server is to begin;
each challenge sent in yields the response to it. It ends when it has nothing more to say. Responses
and challenges are bytes before base64.
"""

import base64
import binascii
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from typing import Literal

from zaiond.smtp.reply import Reply

Exchange = Generator[bytes | None, bytes, None]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to the mail server. `mechanism` is the configuration's word."""

    mechanism: Literal["basic"]
    username: str
    password: str = field(repr=False)
    allow_unprotected: bool = False


def plain(credentials: Credentials) -> Exchange:
    """PLAIN (RFC 4616 2): authzid, which is empty, authcid and password, separated by NUL."""
    response = f"\0{credentials.username}\0{credentials.password}".encode()
    yield response
    yield response  # some servers ask, with an empty challenge, although they had it already


def login(credentials: Credentials) -> Exchange:
    """LOGIN (never a standard): two prompts. Their words vary, and some are not even base64."""
    prompt = yield None
    for last in (False, True):
        words = prompt.lower()
        wants_password = b"pass" in words or (last and b"user" not in words)
        prompt = yield (credentials.password if wants_password else credentials.username).encode()


_MECHANISMS: dict[str, dict[str, Callable[[Credentials], Exchange]]] = {
    "basic": {"PLAIN": plain, "LOGIN": login},
}


def choose(credentials: Credentials, offered: Collection[str]) -> tuple[str, Exchange] | None:
    """The first mechanism of the configured kind that the server offers, by name and as exchange.

    The kind is what the configuration says, never what the server would rather have.
    """
    for name, mechanism in _MECHANISMS[credentials.mechanism].items():
        if name in offered:
            return name, mechanism(credentials)
    return None


def may_send(credentials: Credentials, *, verified: bool) -> bool:
    """Whether the secret, which whoever reads it could use again, may cross this connection.

    `verified`: the connection is encrypted and the server's certificate was verified.
    """
    return verified or credentials.allow_unprotected


def challenge(reply: Reply) -> bytes:
    """What a 334 asks (RFC 4954 4); taken as it stands where it is not base64."""
    asked = b"".join(reply.lines).strip()
    try:
        return base64.b64decode(asked, validate=True)
    except binascii.Error:
        return asked


def redact(reply: Reply, credentials: Credentials) -> Reply:
    """The reply without our secret, which a server may quote when it complains."""
    password = credentials.password.encode()
    secrets = [password, base64.b64encode(password)]
    secrets.append(base64.b64encode(f"\0{credentials.username}\0".encode() + password))
    lines = reply.lines
    for secret in filter(None, secrets):
        lines = tuple(line.replace(secret, b"********") for line in lines)
    return Reply(reply.code, lines)
