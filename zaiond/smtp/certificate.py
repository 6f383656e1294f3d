"""What is told of a server's certificate: for whom it is, and until when."""

from dataclasses import dataclass
from datetime import UTC, datetime

from zaiond.text import Text

SOON = 21 * 86400.0  # seconds before its end from which on a certificate is warned of


@dataclass(frozen=True, slots=True)
class Certificate:
    """`names` are its DNS names and IP addresses (subjectAltName, RFC 5280 4.2.1.6); it holds from
    `not_before` to `not_after`, seconds since the epoch.
    """

    names: tuple[str, ...]
    not_before: float
    not_after: float

    @property
    def text(self) -> Text:
        """In one line: the names and the last day (UTC)."""
        names, until = ", ".join(self.names), day(self.not_after)
        return Text(
            ja=f"証明書の名前 {names or 'なし'}、有効期限 {until}",
            en=f"certificate of {names or 'no name'}, until {until}",
        )

    def warning(self, now: float) -> Text | None:
        """What to say of a certificate that holds at `now`, but not for long."""
        left = self.not_after - now
        if left >= SOON:
            return None
        days = max(0, int(left // 86400))
        until = day(self.not_after)
        return Text(
            ja=f"サーバーの証明書の有効期限まで、あと {days} 日です（{until}）。サーバーの管理者に"
            "更新を依頼してください。",
            en=f"The server's certificate expires in {days} days ({until}). Ask its administrator "
            "to renew it.",
        )


def day(moment: float) -> str:
    """The day of a moment, in UTC: `2026-12-31`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
