"""NTLM's messages, as a client of SMTP needs them (MS-NLMP; AUTH NTLM is MS-SMTPNTLM).

There are three: ours that opens (type 1), the server's challenge (type 2), ours that answers it
(type 3). Time and randomness come in as arguments.

The two primitives that Python doesn't have, MD4 and DES, are pyspnego's, imported on first use. Its
client of NTLM is not used: it takes the version from the environment, reads clock, host name and
randomness by itself, logs what it says, and puts its MIC where only it looks for it if no version
is negotiated; its reader demands what old servers leave out, and changes what it passes on of the
target information. What is left for us is short.
"""

import hashlib
import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from zaiond.errors import ZaiondError
from zaiond.smtp import words

# MS-NLMP 2.2.2.5. No signing and sealing are wanted, hence no keys either.
_UNICODE, _OEM, _TARGET_INFO = 0x1, 0x2, 0x800000
_EXTENDED_SESSION_SECURITY = 0x80000
_REQUEST_TARGET, _NTLM, _ALWAYS_SIGN, _128, _56 = 0x4, 0x200, 0x8000, 0x20000000, 0x80000000
_FLAGS = (
    _UNICODE | _OEM | _REQUEST_TARGET | _NTLM | _ALWAYS_SIGN | _EXTENDED_SESSION_SECURITY
    | _128 | _56
)  # fmt: skip

# MS-NLMP 2.2.2.1: the ids of target information that concern us, and the flag for "has a MIC".
_END, _AV_FLAGS, _TIMESTAMP = 0, 6, 7
_HAS_MIC = 2

_SIGNATURE = b"NTLMSSP\0"
_EPOCH = 11644473600  # seconds from 1601, where Windows' time begins, to 1970
_WORKSTATION = "ZAIOND"  # as the logs of a domain controller name us

NEGOTIATE = _SIGNATURE + struct.pack("<II", 1, _FLAGS) + bytes(16)
"""Type 1 (MS-NLMP 2.2.1.1), without domain and workstation."""


class ChallengeError(ZaiondError):
    """The server's challenge can't be answered."""


class Challenge(NamedTuple):
    """What a server's type 2 asks; `target_info` by id, in its order, without its end."""

    flags: int
    nonce: bytes
    target_info: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in; the domain is hashed exactly as it is sent, and empty if none was given."""

    domain: str
    name: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, username: str, password: str) -> "Account":
        r"""From `name`, `DOMAIN\name` or `name@domain`."""
        domain, backslash, name = username.partition("\\")
        if not backslash:
            name, _, domain = username.rpartition("@")
            if not name:
                name, domain = username, ""
        return cls(domain, name, password)


@cache
def primitives() -> tuple[Callable[[bytes], bytes], Callable[[bytes, bytes], bytes]]:
    """MD4, and DESL (MS-NLMP 6). The first call imports a library: tens of milliseconds."""
    from spnego._ntlm_raw.crypto import desl
    from spnego._ntlm_raw.md4 import md4

    return md4, desl


def hmac_md5(key: bytes, data: bytes) -> bytes:
    """HMAC-MD5 (RFC 2104) of `data` by `key`: 16 bytes."""
    return hmac.new(key, data, _md5).digest()


def _md5(data: bytes = b"") -> "hashlib._Hash":
    # What old protocols log in with; also where it is not to be called security (FIPS).
    return hashlib.md5(data, usedforsecurity=False)


def read_challenge(message: bytes) -> Challenge:
    """Reads a type 2 (MS-NLMP 2.2.1.2); what old servers leave out at its end may be missing.

    Raises:
        ChallengeError: it is none.
    """
    if len(message) < 32 or message[:12] != _SIGNATURE + struct.pack("<I", 2):
        raise ChallengeError(words.no_challenge("it is no NTLM challenge"))
    (flags,) = struct.unpack_from("<I", message, 20)
    target_info: dict[int, bytes] = {}
    if flags & _TARGET_INFO and len(message) >= 48:
        length, start = struct.unpack_from("<HxxI", message, 40)
        if start + length > len(message):
            raise ChallengeError(words.no_challenge("its target information lies outside of it"))
        target_info = _pairs(message[start : start + length])
    return Challenge(flags, message[24:32], target_info)


def _pairs(data: bytes) -> dict[int, bytes]:
    """The AV_PAIRs (MS-NLMP 2.2.2.1) up to the one that ends them, or to the end."""
    found: dict[int, bytes] = {}
    while len(data) >= 4:
        kind, length = struct.unpack_from("<HH", data)
        if kind == _END:
            break
        value = data[4 : 4 + length]
        if len(value) < length or (kind == _TIMESTAMP and length != 8):
            raise ChallengeError(words.no_challenge("its target information is cut off"))
        found[kind] = value
        data = data[4 + length :]
    return found


def authenticate(
    account: Account, message: bytes, *, version: int, nonce: bytes, now: float
) -> bytes:
    """Type 3 (MS-NLMP 2.2.1.3): the answer to the server's type 2, which is `message`.

    `version` is 1 or 2, `nonce` 8 random bytes, `now` the time in seconds since 1970.

    Raises:
        ChallengeError: `message` is no challenge, or can't be answered by this account.
    """
    challenge = read_challenge(message)
    flags = challenge.flags & _FLAGS
    signed = False
    if version == 1:
        lm, nt = _version_1(account, challenge, nonce)
        key = b""
    else:
        signed = _TIMESTAMP in challenge.target_info
        lm, nt, key = _version_2(account, challenge, nonce, now)
    domain, name, workstation = (
        _text(each, flags) for each in (account.domain, account.name, _WORKSTATION)
    )
    fields = [lm, nt, domain, name, workstation, b""]
    # The header's last 24 bytes, version and MIC, are later than some servers.
    offset = 88 if signed else 64
    header = _SIGNATURE + struct.pack("<I", 3)
    for each in fields:
        header += struct.pack("<HHI", len(each), len(each), offset)
        offset += len(each)
    header += struct.pack("<I", flags)
    payload = b"".join(fields)
    if not signed:
        return header + payload
    # MS-NLMP 3.1.5.1.2: the MIC is over all three messages, its own place being zero. No key was
    # exchanged, so the session's key is the one of the response.
    mic = hmac_md5(key, NEGOTIATE + message + header + bytes(24) + payload)
    return header + bytes(8) + mic + payload


def _version_1(account: Account, challenge: Challenge, nonce: bytes) -> tuple[bytes, bytes]:
    """LM and NT response (MS-NLMP 3.3.1); the weak LM hash is never used."""
    _, desl = primitives()
    key = _nt_hash(account)
    if challenge.flags & _EXTENDED_SESSION_SECURITY:
        return nonce + bytes(16), desl(key, _md5(challenge.nonce + nonce).digest()[:8])
    response = desl(key, challenge.nonce)
    return response, response


def _version_2(
    account: Account, challenge: Challenge, nonce: bytes, now: float
) -> tuple[bytes, bytes, bytes]:
    """LM and NT response, and the session's key (MS-NLMP 3.3.2)."""
    # The name in upper case, letter by letter: no letter becomes two, as Python's would.
    upper = "".join(up if len(up := c.upper()) == 1 else c for c in account.name)
    key = hmac_md5(_nt_hash(account), (upper + account.domain).encode("utf-16-le"))
    pairs = dict(challenge.target_info)
    time = pairs.get(_TIMESTAMP)
    if time is None:
        time = struct.pack("<Q", int((now + _EPOCH) * 10_000_000))
        lm = hmac_md5(key, challenge.nonce + nonce) + nonce
    else:
        lm = bytes(24)  # MS-NLMP 3.1.5.1.2
        had = int.from_bytes(pairs.get(_AV_FLAGS, b"")[:4], "little")
        pairs[_AV_FLAGS] = struct.pack("<I", had | _HAS_MIC)
    info = b"".join(struct.pack("<HH", kind, len(v)) + v for kind, v in pairs.items()) + bytes(4)
    blob = b"\1\1" + bytes(6) + time + nonce + bytes(4) + info + bytes(4)
    proof = hmac_md5(key, challenge.nonce + blob)
    return lm, proof + blob, hmac_md5(key, proof)


def _nt_hash(account: Account) -> bytes:
    md4, _ = primitives()
    return md4(account.password.encode("utf-16-le"))


def _text(text: str, flags: int) -> bytes:
    if flags & _UNICODE:
        return text.encode("utf-16-le")
    try:
        return text.encode("cp932")  # the OEM character set of Japan: ASCII and more
    except UnicodeEncodeError:
        raise ChallengeError(words.NO_UNICODE) from None
