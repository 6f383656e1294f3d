"""MD5, which old protocols log in with; also where it is not to be called security (FIPS)."""

import hashlib
import hmac


def md5(data: bytes = b"") -> "hashlib._Hash":
    """MD5 (RFC 1321) of `data` so far."""
    return hashlib.md5(data, usedforsecurity=False)


def hmac_md5(key: bytes, data: bytes) -> bytes:
    """HMAC-MD5 (RFC 2104) of `data` by `key`: 16 bytes."""
    return hmac.new(key, data, md5).digest()
