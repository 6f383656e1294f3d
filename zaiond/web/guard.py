"""Who may, as far as a request itself tells: its Host, where a form came from, whose address it is.
All of it is pure; `gate` asks it before anything else is done.
"""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from zaiond.accounts import TokenKind

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?", re.ASCII)  # RFC 9110 7.2
SAFE_METHODS = frozenset({"GET", "HEAD"})

# Nothing but our own: script, style, image, connection, where forms go. No frame around us.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "object-src 'none'",  # as OWASP ASVS 5 3.4.3 has it, though default-src says so already
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
UNDER_TLS = {"strict-transport-security": "max-age=31536000; includeSubDomains"}


_is_token = re.compile(r"[A-Za-z0-9._~+/-]{1,512}=*").fullmatch
_DOORS: dict[str, TokenKind] = {"/metrics": "metrics", "/v1/": "emit"}


class Place(NamedTuple):
    """Where browsers find us: names of this machine, and the address by which a proxy is reached,
    as `https://mail.example.jp` (None: there is no proxy).
    """

    names: Collection[str]
    url: str | None

    def is_under_tls(self, scheme: str) -> bool:
        """Whether browsers speak TLS, with us (by this `scheme`) or with a proxy in front."""
        return scheme == "https" or (self.url is not None and self.url.startswith("https:"))


def host_is_ours(host: str, place: Place) -> bool:
    """Whether a Host header names us. Another name may be an attacker's that leads to our address
    (DNS rebinding); an address that is written out can't be.
    """
    host = host.lower()
    if place.url is not None and host == urlsplit(place.url).netloc.lower():
        return True
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found[1].strip("[]")
    if name == "localhost" or name in place.names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_from_us(headers: Mapping[str, str], scheme: str, place: Place) -> bool:
    """Whether a form that changes something was on a page of ours: what the browser says of it, if
    it says anything.
    """
    # https://www.w3.org/TR/fetch-metadata/ 2.1; `none`: typed in by the user.
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    ours = {f"{scheme}://{headers.get('host', '')}".lower()}
    if place.url is not None:
        there = urlsplit(place.url)
        ours.add(f"{there.scheme}://{there.netloc}".lower())
    return origin.lower() in ours


def door(path: str) -> TokenKind | None:
    """Which kind of token a door for programs takes; None: it is no such door."""
    return next((kind for begin, kind in _DOORS.items() if path.startswith(begin)), None)


def bearer(authorization: str) -> str | None:
    """The token of an Authorization header (RFC 6750 2.1); None: it has none."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and _is_token(token) else None


def form_token(session_token: str) -> str:
    """The secret of the forms of a session (hidden field `csrf`): nothing to be kept, and of no use
    without the session's.
    """
    return hashlib.sha256(b"form " + session_token.encode()).hexdigest()


def form_is_ours(given: str, session_token: str) -> bool:
    """Whether a form has the secret of its session. Without a session, whose cookie no other site
    could read, there is none: that of "" is known to everybody.
    """
    right = hmac.compare_digest(given.encode(), form_token(session_token).encode())
    return right and session_token != ""


def is_live(headers: Mapping[str, str]) -> bool:
    """Whether the page itself looks again, and not its user."""
    return "x-live" in headers


def client_address(peer: str, forwarded: str | None, place: Place) -> str:
    """Who asks: where a proxy of this machine is in front, whom it names last."""
    if forwarded is None or place.url is None or not is_loopback(peer):
        return peer
    last = forwarded.rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(last.strip("[]")))
    except ValueError:
        return peer


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def page_of_ours(path: str) -> str:
    """A path to go on to after the login; `/status` where it could lead elsewhere."""
    safe = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if safe and path.isascii() else "/status"
