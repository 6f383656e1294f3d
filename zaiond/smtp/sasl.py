"""AUTH's mechanisms (RFC 4954, 4616, 2195): what is answered to which challenge, and when at all.

A mechanism is a generator: it first yields its initial response, or None if the server is to begin;
each challenge sent in yields the response to it. It ends when it has nothing more to say. Responses
and challenges are bytes before base64.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from zaiond.smtp.mask import Mask
from zaiond.smtp.saslprep import saslprep
from zaiond.smtp.syntax import Reply, printable

Exchange = Generator[bytes | None, bytes, None]
Kind = Literal["basic", "cram-md5", "ntlm", "xoauth2"]
PREPARED = frozenset({"basic", "cram-md5"})
"""The mechanisms that say name and password as prepared by SASLprep."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to the mail server. `mechanism` is the configuration's word; `password` may be a
    token.

    For NTLM: its version, 1 or 2, and 8 random bytes and the time (seconds since 1970) of this
    session.
    """

    mechanism: Kind
    username: str
    password: str = field(repr=False)
    allow_unprotected: bool = False
    ntlm_version: int = 2
    nonce: bytes = bytes(8)
    now: float = 0.0

    @property
    def prepared(self) -> tuple[str, str]:
        """Name and password as they are said: by SASLprep, as RFC 4616 2 has them compared.

        A configuration that has what SASLprep prohibits is none (`config.auth`).
        """
        if self.mechanism not in PREPARED:
            return self.username, self.password
        return saslprep(self.username), saslprep(self.password)


def plain(credentials: Credentials) -> Exchange:
    """PLAIN (RFC 4616 2): authzid, which is empty, authcid and password, separated by NUL."""
    name, password = credentials.prepared
    response = f"\0{name}\0{password}".encode()
    yield response
    yield response  # some servers ask, with an empty challenge, although they had it already


def login(credentials: Credentials) -> Exchange:
    """LOGIN (never a standard): two prompts. Their words vary, and some are not even base64."""
    name, password = credentials.prepared
    prompt = yield None
    for last in (False, True):
        words = prompt.lower()
        wants_password = b"pass" in words or (last and b"user" not in words)
        prompt = yield (password if wants_password else name).encode()


def cram_md5(credentials: Credentials) -> Exchange:
    """CRAM-MD5 (RFC 2195 2): the name, and the challenge's HMAC-MD5 (RFC 2104) by the password."""
    import hmac  # for nothing else here

    name, password = credentials.prepared
    challenge = yield None
    # No call for security, or where that is enforced (FIPS) there would be no MD5.
    md5 = partial(hashlib.md5, usedforsecurity=False)
    yield f"{name} {hmac.new(password.encode(), challenge, md5).hexdigest()}".encode()


def ntlm(credentials: Credentials) -> Exchange:
    """NTLM (MS-SMTPNTLM), without an initial response, which not every server takes.

    The first 334 asks for nothing, whatever its text is: none, or "NTLM supported".
    """
    from zaiond.smtp.ntlm import NEGOTIATE, Account, authenticate

    yield None
    message = yield NEGOTIATE
    yield authenticate(
        Account.of(credentials.username, credentials.password),
        message,
        version=credentials.ntlm_version,
        nonce=credentials.nonce,
        now=credentials.now,
    )


def xoauth2(credentials: Credentials) -> Exchange:
    """XOAUTH2 (never a standard; Google's and Microsoft's documents): name, and a token in the
    place of the password. A challenge says why it is refused (`explained`); the refusal itself
    comes after an empty response."""
    yield f"user={credentials.username}\1auth=Bearer {credentials.password}\1\1".encode()
    yield b""


def explained(mechanism: str, challenge: bytes, mask: Mask) -> str:
    """What the last challenge before a refusal says about it, printable and without secrets; empty
    for all mechanisms but XOAUTH2, whose last challenge is a JSON object for that.
    """
    if mechanism != "XOAUTH2":
        return ""
    try:
        found = json.loads(challenge)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return mechanism
    known = [(name, found[name]) for name in ("status", "error", "scope") if name in found]
    words = [f"{name} {said}" for name, said in known if isinstance(said, str | int) and said != ""]
    text = mask.text(", ".join(words))
    return f"{mechanism}: {printable(text[:_MOST_SHOWN])}" if text else mechanism


_MECHANISMS: dict[Kind, dict[str, Callable[[Credentials], Exchange]]] = {
    "basic": {"PLAIN": plain, "LOGIN": login},
    "cram-md5": {"CRAM-MD5": cram_md5},
    "ntlm": {"NTLM": ntlm},
    "xoauth2": {"XOAUTH2": xoauth2},
}
NAMES = {name: kind for kind, mechanisms in _MECHANISMS.items() for name in mechanisms}
"""The mechanisms that we know: the configuration's word by the name in EHLO."""
_MOST_SHOWN = 200
_PLAINTEXT = frozenset({"basic", "xoauth2"})


def choose(credentials: Credentials, offered: Collection[str]) -> list[tuple[str, Exchange]]:
    """The mechanisms of the configured kind that the server offers, by name and as exchange, in the
    order in which they are tried.

    The kind is what the configuration says, never what the server would rather have.
    """
    return [
        (name, mechanism(credentials))
        for name, mechanism in _MECHANISMS[credentials.mechanism].items()
        if name in offered
    ]


def is_plaintext(mechanism: str) -> bool:
    """Whether the mechanism sends a secret that whoever reads it could use as it is.

    What the others send can be guessed from, and no more; old servers have nothing else.
    """
    return mechanism in _PLAINTEXT


def may_send_secret(credentials: Credentials, *, verified: bool) -> bool:
    """Whether the secret, or what is made of it, may cross this connection.

    `verified`: the connection is encrypted and the server's certificate was verified.
    """
    return verified or credentials.allow_unprotected or not is_plaintext(credentials.mechanism)


def challenge(reply: Reply) -> bytes:
    """What a 334 asks (RFC 4954 4); taken as it stands where it is not base64."""
    asked = b"".join(reply.lines).strip()
    try:
        return base64.b64decode(asked, validate=True)
    except binascii.Error:
        return asked
