"""Tokens of OAuth 2.0 (RFC 6749): what a token endpoint is asked, and what its answer means; and
the same of a command that brings a token.
"""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from zaiond.oauth import words
from zaiond.smtp.failure import Cause, NoToken
from zaiond.smtp.mask import Mask
from zaiond.smtp.syntax import Reply

MAX_TOKEN = 8192  # in base64, with the user's name, within the 12288 octets of RFC 4954 4
# For so many seconds a token is used that doesn't say for how long it holds.
UNKNOWN_LIFETIME = 300.0
_MARGIN = 60.0  # so long before its end, or a tenth of its life if that is less, a token is renewed
_LONGEST = 10 * 365 * 86400.0
# RFC 6749 4.1.2.1 knows them for the other endpoint; these servers answer so for a while.
_FOR_NOW = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_UNFIT = (77, 78)  # EX_NOPERM, EX_CONFIG of sysexits.h


@dataclass(frozen=True, slots=True)
class Granted:
    """What was given. Lifetimes are in seconds, None where nothing is said of them."""

    token: str = field(repr=False)
    expires_in: float | None = None
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_in: float | None = None

    def used_until(self, now: float) -> float:
        """How long the token is used: until shortly before its end."""
        if self.expires_in is None:
            return now + UNKNOWN_LIFETIME
        return now + self.expires_in - min(_MARGIN, self.expires_in / 10)


def form(**fields: str | None) -> bytes:
    """The content of a request for a token, without the fields that are empty."""
    from urllib.parse import urlencode  # only for who has an endpoint

    return urlencode({name: value for name, value in fields.items() if value}).encode()


def granted(status: int, content: bytes, endpoint: str, mask: Mask) -> Granted:
    """What an answer gives (RFC 6749 5.1). `mask` knows what must not be repeated of it. Raises
    NoToken: an error (5.2), or no answer that could be used.
    """
    found = _object(content)
    if status != 200 or "access_token" not in found:
        raise _refusal(status, found, endpoint, mask)
    kind = found.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        # RFC 6749 7.1: a token of a type that we don't understand must not be used.
        raise NoToken("token", endpoint, words.UNKNOWN_TYPE)
    token = _token(found["access_token"])
    if token is None:
        raise NoToken("token", endpoint, words.NO_TOKEN_AT_ALL)
    # Google's and others' name for it; Keycloak's.
    known = [found[n] for n in ("refresh_token_expires_in", "refresh_expires_in") if n in found]
    return Granted(
        token,
        _seconds(found.get("expires_in")),
        _token(found.get("refresh_token")),
        next(filter(None, map(_seconds, known)), None),
    )


def _refusal(status: int, found: dict[str, Any], endpoint: str, mask: Mask) -> NoToken:
    for given in (found.get("access_token"), found.get("refresh_token")):
        mask.add(_token(given) or "")
    error, description = found.get("error"), found.get("error_description")
    told = [word for word in (error, description) if isinstance(word, str) and word]
    said = ": ".join(told)
    if not 200 <= status < 600:
        return NoToken("token", endpoint, words.odd_status(status=status))
    reply = Reply(status, (said.encode("utf-8", "backslashreplace"),), mask)
    if 300 <= status < 400:
        # Secrets go where the configuration says, and nowhere else.
        return NoToken("token_refused", endpoint, words.REDIRECT, reply)
    if status < 300 and not said:
        return NoToken("token", endpoint, words.WITHOUT_TOKEN)
    for_now = status >= 500 or status in (408, 425, 429) or not _FOR_NOW.isdisjoint(told)
    return NoToken("token" if for_now else "token_refused", endpoint, reply=reply)


def expiry(lifetime: float | None, token: str, now: float) -> float | None:
    """When a refresh token ends, in seconds since the epoch, if that can be known: by the lifetime
    that came with it, or because it is a JWT (RFC 7519 4.1.4) and says so itself.
    """
    if lifetime is not None:
        return now + lifetime
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = _object(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return _seconds(claims.get("exp"), most=now + _LONGEST)


def first_line(output: bytes, program: str) -> str:
    """The token in a command's output: its first line. Raises NoToken."""
    token = _token(output.partition(b"\n")[0].strip().decode("ascii", "replace"))
    if token is None:
        raise NoToken("command", program, words.NOT_IN_FIRST_LINE)
    return token


def command_failed(status: int, complaint: bytes, program: str, mask: Mask) -> NoToken:
    """What a command's end with `status` (negative: a signal) and its words on stderr mean; `mask`
    knows what must not be repeated of them.
    """
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    said = f": {Reply(0, (lines[0],), mask).text}" if lines else ""
    cause: Cause = "command_unfit" if status in _UNFIT else "command"
    if status < 0:
        return NoToken(cause, program, words.killed(signal=-status, said=said))
    return NoToken(cause, program, words.ended(status=status, said=said))


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _token(found: object) -> str | None:
    # RFC 6749 A.12, A.17: printable ASCII; a space would end it in `Bearer TOKEN` (RFC 6750 2.1).
    if not isinstance(found, str) or not 0 < len(found) <= MAX_TOKEN:
        return None
    return found if all("!" <= sign <= "~" for sign in found) else None


def _seconds(found: object, most: float = _LONGEST) -> float | None:
    """A lifetime as servers write it: a number, or one in quotes; None if it makes no sense."""
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return None
    try:
        seconds = float(found)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds <= most else None
