"""SMTP and POP as services on a host: their ports, and how a connection is encrypted there."""

from dataclasses import dataclass
from typing import Any

from zaiond.config.hosts import is_example
from zaiond.config.scope import Scope

_NAMES = {
    25: "SMTP", 465: "SMTP", 587: "SMTP", 110: "POP", 995: "POP", 143: "IMAP", 993: "IMAP",
    80: "HTTP", 443: "HTTPS",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Service:
    """`server` is what the Japanese sentences call it. `ports` has what `security` may be on each
    of its usual ports, the default first; the first port's is that of any other port, too."""

    name: str
    server: str
    ports: dict[int, tuple[str, ...]]

    def default_security(self, port: int) -> Any:
        """What `security` is where it isn't set."""
        return self.ports.get(port, next(iter(self.ports.values())))[0]

    def warn(self, scope: Scope, host: str | None, port: int, security: str) -> None:
        """Tells of what is surely wrong with the `host`, `port` and `security` of a mapping."""
        if host is not None and is_example(host):
            scope.warn(
                "host",
                f"{host} は説明用の名前です。実際の{self.server}の名前に書き換えてください",
                f"{host} is a name kept for examples: write the real server's",
            )
        service = _NAMES.get(port, self.name)
        if service != self.name:
            *most, last = map(str, self.ports)
            scope.warn(
                "port",
                f"ポート {port} は {service} のポートです。{self.name} は通常 "
                f"{'、'.join((*most, last))} です",
                f"port {port} is {service}'s: {self.name} is on {', '.join(most)} or {last} as a "
                "rule",
            )
        usual = self.ports.get(port, (security,))
        if (security == "tls") != ("tls" in usual):
            (tls,) = (port for port, usual in self.ports.items() if "tls" in usual)
            scope.warn(
                "security",
                f"ポート {port} で security が {security} になっています。このポートでは通常 "
                f"{'、'.join(usual)} です（接続開始時から暗号化する tls は {tls}）",
                f"security {security} on port {port}: it is {' or '.join(usual)} there as a rule "
                f"(tls, from the first byte on, is on {tls})",
            )


# RFC 8314 3.2 and 3.3: TLS from the first byte is on 995 and 465.
SMTP = Service(
    "SMTP", "メールサーバー", {25: ("opportunistic",), 587: ("starttls",), 465: ("tls",)}
)
POP = Service("POP", " POP サーバー", {110: ("none", "starttls"), 995: ("tls",)})
