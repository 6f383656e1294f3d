"""NTLM's messages, as a client of SMTP needs them (MS-NLMP; AUTH NTLM is MS-SMTPNTLM).

There are three: ours that opens (type 1), the server's challenge (type 2), ours that answers it
(type 3). Time and randomness come in as arguments.

The two primitives that Python doesn't have, MD4 and DES, stand at the end. No library does all of
this for us: pyspnego takes the version from the environment, reads clock, host name and randomness
by itself, logs what it says, and puts its MIC where only it looks for it if no version is
negotiated; its reader demands what old servers leave out, and changes what it passes on of the
target information.
"""

import hashlib
import hmac
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from zaiond.smtp import words
from zaiond.smtp.failure import ChallengeError

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


def hmac_md5(key: bytes, data: bytes) -> bytes:
    """HMAC-MD5 (RFC 2104) of `data` by `key`: 16 bytes."""
    return hmac.new(key, data, _md5).digest()


def _md5(data: bytes = b"") -> "hashlib._Hash":
    # What old protocols log in with; also where it is not to be called security (FIPS).
    return hashlib.md5(data, usedforsecurity=False)


def read_challenge(message: bytes) -> Challenge:
    """Reads a type 2 (MS-NLMP 2.2.1.2); what old servers leave out at its end may be missing.
    Raises ChallengeError: it is none.
    """
    if len(message) < 32 or message[:12] != _SIGNATURE + struct.pack("<I", 2):
        raise ChallengeError(words.no_challenge(why="it is no NTLM challenge"))
    (flags,) = struct.unpack_from("<I", message, 20)
    target_info: dict[int, bytes] = {}
    if flags & _TARGET_INFO and len(message) >= 48:
        length, start = struct.unpack_from("<HxxI", message, 40)
        if start + length > len(message):
            raise ChallengeError(
                words.no_challenge(why="its target information lies outside of it")
            )
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
            raise ChallengeError(words.no_challenge(why="its target information is cut off"))
        found[kind] = value
        data = data[4 + length :]
    return found


def authenticate(
    account: Account, message: bytes, *, version: int, nonce: bytes, now: float
) -> bytes:
    """Type 3 (MS-NLMP 2.2.1.3): the answer to the server's type 2, which is `message`.

    `version` is 1 or 2, `nonce` 8 random bytes, `now` the time in seconds since 1970. Raises
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
    key = _nt_hash(account)
    if challenge.flags & _EXTENDED_SESSION_SECURITY:
        return nonce + bytes(16), _desl(key, _md5(challenge.nonce + nonce).digest()[:8])
    response = _desl(key, challenge.nonce)
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
    return md4(account.password.encode("utf-16-le"))


def _text(text: str, flags: int) -> bytes:
    if flags & _UNICODE:
        return text.encode("utf-16-le")
    try:
        return text.encode("cp932")  # the OEM character set of Japan: ASCII and more
    except UnicodeEncodeError:
        raise ChallengeError(words.NO_UNICODE) from None


def _desl(key: bytes, data: bytes) -> bytes:
    """DESL (MS-NLMP 6) of 8 bytes by a key of 16: 24 bytes."""
    padded = key + bytes(5)
    return b"".join(des(padded[at : at + 7], data) for at in (0, 7, 14))


# MD4's rounds (RFC 1320 3.4): the function, what is added, the order of the words, and the shifts.
_ROUNDS: tuple[tuple[Callable[[int, int, int], int], int, Sequence[int], Sequence[int]], ...] = (
    (lambda x, y, z: x & y | ~x & z, 0, range(16), (3, 7, 11, 19)),
    (
        lambda x, y, z: x & y | x & z | y & z, 0x5A827999,
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), (3, 5, 9, 13),
    ),
    (
        lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1,
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15),
    ),
)  # fmt: skip


def md4(data: bytes) -> bytes:
    """The MD4 digest (RFC 1320): 16 bytes."""
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    data += b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", 8 * len(data))
    for block in struct.iter_unpack("<16I", data):
        a, b, c, d = state
        for mixed, constant, order, shifts in _ROUNDS:
            for n, word in enumerate(order):
                a = (a + mixed(b, c, d) + block[word] + constant) & 0xFFFFFFFF
                shift = shifts[n % 4]
                a, b, c, d = d, (a << shift | a >> (32 - shift)) & 0xFFFFFFFF, b, c
        state = [(old + new) & 0xFFFFFFFF for old, new in zip(state, (a, b, c, d), strict=True)]
    return struct.pack("<4I", *state)


# DES's tables (FIPS 46-3), whose bits are counted from 1, as there. The last permutation undoes the
# first one.
_FIRST = [first - 8 * n for first in (58, 60, 62, 64, 57, 59, 61, 63) for n in range(8)]
_LAST = [_FIRST.index(n) + 1 for n in range(1, 65)]
_EXPANSION = [(4 * n + k - 1) % 32 + 1 for n in range(8) for k in range(6)]
_PERMUTATION = (
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
    2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
)  # fmt: skip
_BOXES = (
    "e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d",
    "f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
    "a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c",
    "7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
    "2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453",
    "c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
    "4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c",
    "d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b",
)
# Of the key's 56 bits, without the parity that a key of 8 bytes has.
_LEFT_KEY = [first - 7 * n for first in (50, 51, 52, 53) for n in range(8)][:28]
_RIGHT_KEY = [first - 7 * n for first in (56, 55, 54) for n in range(8)] + [25, 18, 11, 4]
_SUBKEY = (
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
)  # fmt: skip


def des(key: bytes, block: bytes) -> bytes:
    """A block of 8 bytes, encrypted by DES (FIPS 46-3) with a key of 7, which are its 56 bits."""
    given, bits = _bits(key), _picked(_bits(block), _FIRST)
    c, d = _picked(given, _LEFT_KEY), _picked(given, _RIGHT_KEY)
    left, right = bits[:32], bits[32:]
    for turn in range(16):
        shift = 1 if turn in (0, 1, 8, 15) else 2
        c, d = c[shift:] + c[:shift], d[shift:] + d[:shift]
        mixed = _mixed(_picked(right, _EXPANSION), _picked(c + d, _SUBKEY))
        digits = ""
        for n, box in enumerate(_BOXES):
            a, *column, b = mixed[6 * n : 6 * n + 6]
            digits += box[int("".join(map(str, (a, b, *column))), 2)]
        picked = _picked(_bits(bytes.fromhex(digits)), _PERMUTATION)
        left, right = right, _mixed(left, picked)
    last = _picked(right + left, _LAST)
    return int("".join(map(str, last)), 2).to_bytes(8, "big")


def _bits(data: bytes) -> list[int]:
    return [byte >> n & 1 for byte in data for n in range(7, -1, -1)]


def _picked(bits: list[int], places: Sequence[int]) -> list[int]:
    return [bits[place - 1] for place in places]


def _mixed(some: list[int], others: list[int]) -> list[int]:
    return [a ^ b for a, b in zip(some, others, strict=True)]
