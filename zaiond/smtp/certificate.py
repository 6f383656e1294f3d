"""What is told of a server's certificate: for whom it is, and until when."""

from dataclasses import dataclass
from datetime import UTC, datetime

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
        names, until = ", ".join(self.names) or self.common_name, day(self.not_after)
        return Text(
            ja=f"証明書の名前 {names or 'なし'}、有効期限 {until}",
            en=f"certificate of {names or 'no name'}, until {until}",
        )

    def warning(self, now: float) -> Text | None:
        """What to say of a certificate that is taken at `now`, but isn't as it should be."""
        ja, en = [], []
        if self.common_name:
            ja.append(self.old_name.ja)
            en.append(self.old_name.en)
        left = self.not_after - now
        if left < SOON:
            days = max(0, int(left // 86400))
            until = day(self.not_after)
            ja.append(
                f"サーバーの証明書の有効期限まで、あと {days} 日です（{until}）。サーバーの管理者に"
                "更新を依頼してください。"
            )
            en.append(
                f"The server's certificate expires in {days} days ({until}). Ask its administrator "
                "to renew it."
            )
        return Text("".join(ja), " ".join(en)) if en else None

    @property
    def old_name(self) -> Text:
        """What to say of a certificate that is taken for its common name."""
        # RFC 9525 2: the common name says nothing any more. OpenSSL, and so Postfix, looks at it
        # where there is no DNS name: the servers of many a company have nothing else.
        return Text(
            ja=f"サーバーの証明書には、名前がコモンネーム（CN={self.common_name}）にしかありません。"
            "RFC 9525 では認められなくなった形ですが、古いサーバーのために受け入れています。サー"
            "バーの管理者に、subjectAltName に DNS 名のある証明書への交換を依頼してください。",
            en=f"The server's certificate has its name in the common name (CN={self.common_name}) "
            "alone, which RFC 9525 no longer allows; it is taken for the sake of old servers. Ask "
            "the server's administrator for one with a DNS name in its subjectAltName.",
        )


def day(moment: float) -> str:
    """The day of a moment, in UTC: `2026-12-31`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
