"""TLS towards mail servers: contexts, verified or not, and what a connection turned out to be."""

import ssl
from dataclasses import dataclass
from typing import Any

from zaiond.smtp.certificate import Certificate
from zaiond.smtp.reply import printable
from zaiond.text import Text

_NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for
_FORGET = 3600.0  # after this many seconds a certificate gets another chance to be verified


@dataclass(frozen=True, slots=True)
class TlsInfo:
    """What a handshake brought: for `test -v` and `status`.

    The certificate is known only if it was verified.
    """

    version: str
    cipher: str
    verified: bool
    certificate: Certificate | None = None

    @property
    def text(self) -> Text:
        """In one line: version, cipher, and what is known of the certificate."""
        ja, en = (
            self.certificate.text
            if self.certificate is not None
            else Text("証明書は確かめていません", "certificate not verified")
        )
        how = f"{self.version} {self.cipher}"
        return Text(f"{how}、{ja}", f"{how}, {en}")

    @classmethod
    def of(cls, connection: ssl.SSLObject, *, verified: bool) -> "TlsInfo":
        """The facts of a connection whose handshake is done."""
        cipher = connection.cipher()
        return cls(
            version=connection.version() or "",
            cipher=cipher[0] if cipher else "",
            verified=verified,
            certificate=_certificate(connection.getpeercert()) if verified else None,
        )


def _certificate(fields: dict[str, Any] | None) -> Certificate | None:
    if not fields:
        return None
    return Certificate(
        names=tuple(printable(name) for _, name in fields.get("subjectAltName", ())),
        not_before=ssl.cert_time_to_seconds(fields["notBefore"]),
        not_after=ssl.cert_time_to_seconds(fields["notAfter"]),
    )


def verifying(ca_file: str | None) -> ssl.SSLContext:
    """A context that demands a certificate for the name, from `ca_file` or the system's store.

    Raises:
        OSError: `ca_file` can't be read or holds no certificate (`ssl.SSLError` is one).
    """
    context = ssl.create_default_context(cafile=ca_file)
    # The same certificates hold on every Python: 3.13 began to refuse what private CAs often leave
    # out, and to take a server's own certificate as an anchor.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


class TlsContexts:
    """The TLS contexts of one configuration, made on first use: reading the store is slow.

    One object serves all connections made by a configuration; with a new configuration comes a new
    one, so that a replaced `ca_file` takes effect. It also remembers for an hour which servers'
    certificates could not be verified in `opportunistic` mode: Python can't go on with a handshake
    whose certificate didn't hold, so each such finding costs a connection.
    """

    def __init__(self) -> None:
        self._verified: dict[str | None, ssl.SSLContext] = {}
        self._unverified: ssl.SSLContext | None = None
        self._unverifiable: dict[str, float] = {}

    def verified(self, ca_file: str | None) -> ssl.SSLContext:
        """The context of `verifying`. Raises OSError, as that does."""
        context = self._verified.get(ca_file)
        if context is None:
            context = verifying(ca_file)
            self._verified[ca_file] = context
        return context

    def unverified(self) -> ssl.SSLContext:
        """A context that takes any certificate: for `opportunistic` only."""
        if self._unverified is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self._unverified = context
        return self._unverified

    @staticmethod
    def looking(ca_file: str | None) -> ssl.SSLContext:
        """A context that takes a known authority's certificate for any name, at any time: to look
        at one that did not hold, and for nothing else. Raises OSError, as `verified`.
        """
        context = verifying(ca_file)
        context.check_hostname = False
        context.verify_flags |= _NO_CHECK_TIME
        return context

    def unverifiable(self, server: str, now: float) -> bool:
        """Whether `server` (host:port) had a certificate that didn't hold, lately."""
        return now - self._unverifiable.get(server, float("-inf")) < _FORGET

    def remember_unverifiable(self, server: str, now: float) -> None:
        """Notes that the certificate of `server` could not be verified at `now` (loop time)."""
        self._unverifiable[server] = now
