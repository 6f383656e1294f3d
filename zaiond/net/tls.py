"""TLS towards mail servers: contexts, verified or not, and what a connection turned out to be."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from zaiond.net.machine import file_stamp
from zaiond.smtp.failure import Certificate
from zaiond.smtp.mask import Mask
from zaiond.smtp.syntax import printable
from zaiond.sockets import verifying
from zaiond.text import Text

_FORGET = 3600.0  # after this many seconds a certificate gets another chance to be verified
_MOST_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class TlsInfo:
    """What a handshake brought: for `test -v` and `status`.

    The certificate's fields are known only if it was verified; `der` is all of it.
    """

    version: str
    cipher: str
    verified: bool
    certificate: Certificate | None = None
    der: bytes = field(default=b"", repr=False)

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
    def of(cls, connection: ssl.SSLObject, mask: Mask, *, verified: bool) -> "TlsInfo":
        cipher = connection.cipher()
        return cls(
            version=connection.version() or "",
            cipher=cipher[0] if cipher else "",
            verified=verified,
            certificate=_certificate(connection, mask) if verified else None,
            der=connection.getpeercert(binary_form=True) or b"",
        )


def _certificate(connection: ssl.SSLObject, mask: Mask) -> Certificate | None:
    fields: dict[str, Any] | None = connection.getpeercert()
    if not fields:
        return None
    names = fields.get("subjectAltName", ())
    common = [value for ((key, value), *_) in fields["subject"] if key == "commonName"]
    host = connection.server_hostname or ""
    is_address = ":" in host or host.replace(".", "").isdigit()
    # OpenSSL compares a name with the common name where there is no DNS name, an address never.
    by_common_name = not is_address and not any(kind == "DNS" for kind, _ in names)
    return Certificate(
        names=tuple(printable(mask.text(name)) for _, name in names),
        not_before=ssl.cert_time_to_seconds(fields["notBefore"]),
        not_after=ssl.cert_time_to_seconds(fields["notAfter"]),
        common_name=printable(mask.text(common[-1])) if by_common_name and common else "",
    )


class CommonNames:
    """Tells once of each server's certificate that is taken for its common name."""

    def __init__(self, tell: Callable[[Text], object]) -> None:
        self._tell = tell
        self._told: dict[str, int] = {}  # by server, the last one

    def seen(self, server: str, info: TlsInfo) -> None:
        certificate = info.certificate
        if certificate is None or not certificate.common_name:
            return
        if self._told.get(server) != hash(info.der):
            self._told[server] = hash(info.der)
            ja, en = certificate.old_name
            self._tell(Text(f"{server}: {ja}", f"{server}: {en}"))


class TlsContexts:
    """The TLS contexts of one configuration, made on first use: reading the store is slow.

    The store, or `ca_file`, is read again when it has changed, which is looked at for each
    connection.

    It is also remembered which servers' certificates could not be verified in `opportunistic` mode:
    Python can't go on with a handshake whose certificate didn't hold, so each such finding costs a
    connection. That counts until the server shows another certificate, the store has changed, or an
    hour is over.
    """

    def __init__(self, common_names: CommonNames | None = None) -> None:
        self.common_names = common_names or CommonNames(lambda _: None)
        self._verified: dict[str | None, tuple[tuple[object, ...], ssl.SSLContext]] = {}
        self._unverified: ssl.SSLContext | None = None
        self._unverifiable: dict[object, _Unverifiable] = {}

    def verified(self, ca_file: str | None) -> ssl.SSLContext:
        """The context of `verifying`. Raises OSError, as that does."""
        stamp = _stamp(ca_file)
        known = self._verified.get(ca_file)
        if known is not None:
            if known[0] == stamp:
                return known[1]
            self._unverifiable.clear()
        context = verifying(ca_file)
        self._verified[ca_file] = stamp, context
        return context

    def unverified(self) -> ssl.SSLContext:
        """A context that takes any certificate: for `opportunistic` only."""
        if self._unverified is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self._unverified = context
        return self._unverified

    def unverifiable(self, key: object, ca_file: str | None, now: float) -> bool:
        """Whether the certificate that is shown at `key`, a server's address, didn't hold lately;
        `now` in the loop's time.
        """
        known = self._unverifiable.get(key)
        if known is None or now - known.at >= _FORGET:
            return False
        read = self._verified.get(ca_file)
        return read is not None and read[0] == _stamp(ca_file)

    def remember_unverifiable(self, key: object, now: float) -> None:
        self._unverifiable.pop(key, None)
        self._unverifiable[key] = _Unverifiable(now)
        if len(self._unverifiable) > _MOST_REMEMBERED:
            del self._unverifiable[next(iter(self._unverifiable))]

    def is_another(self, key: object, der: bytes) -> bool:
        """Whether the certificate that was taken unverified is another one than that which could
        not be verified; then it is forgotten that it couldn't.
        """
        known = self._unverifiable.get(key)
        if known is None or known.der in (None, der):
            if known is not None:
                known.der = der
            return False
        del self._unverifiable[key]
        return True


@dataclass(slots=True)
class _Unverifiable:
    """A certificate that didn't hold at `at`; `der` once it was taken all the same."""

    at: float
    der: bytes | None = None


def _stamp(ca_file: str | None) -> tuple[object, ...]:
    """What changes with the certificates in `ca_file`, or in the system's store."""
    if ca_file is not None:
        return (file_stamp(ca_file),)
    paths = ssl.get_default_verify_paths()  # by the environment, and as they exist now
    return tuple(file_stamp(path) for path in (paths.cafile, paths.capath) if path is not None)
