"""What is told of a server's certificate: for whom it is, and until when."""

from dataclasses import dataclass
from datetime import UTC, datetime

from zaiond.smtp import words
from zaiond.text import Text

SOON = 21 * 86400.0  # seconds before its end from which on a certificate is warned of


@dataclass(frozen=True, slots=True)
class Certificate:
    """`names` are its DNS names and IP addresses (subjectAltName, RFC 5280 4.2.1.6); it holds from
    `not_before` to `not_after`, seconds since the epoch. `common_name` is set where it is taken for
    the name in its subject alone, as it has no DNS name.
    """

    names: tuple[str, ...]
    not_before: float
    not_after: float
    common_name: str = ""

    @property
    def text(self) -> Text:
        """In one line: the names and the last day (UTC)."""
        names = ", ".join(self.names) or self.common_name
        return words.certificate(names, day(self.not_after))

    def warning(self, now: float) -> Text | None:
        """What to say of a certificate that is taken at `now`, but isn't as it should be."""
        told = []
        if self.common_name:
            told.append(self.old_name)
        left = self.not_after - now
        if left < SOON:
            days = max(0, int(left // 86400))
            told.append(words.certificate_expires(days, day(self.not_after)))
        if not told:
            return None
        return Text("".join(text.ja for text in told), " ".join(text.en for text in told))

    @property
    def old_name(self) -> Text:
        """What to say of a certificate that is taken for its common name."""
        # RFC 9525 2: the common name says nothing any more. OpenSSL, and so Postfix, looks at it
        # where there is no DNS name: the servers of many a company have nothing else.
        return words.only_common_name(self.common_name)


def day(moment: float) -> str:
    """The day of a moment, in UTC: `2026-12-31`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
