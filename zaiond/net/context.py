"""What the connections made by one configuration share, and what they have found out."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from zaiond.net.credentials import TokenSource
from zaiond.net.memory import Masks, ServerMemory
from zaiond.net.names import MachineNames, Names
from zaiond.net.tls import TlsContexts


@dataclass(slots=True)
class ConnectionContext:
    """With a new configuration comes a new one; `tokens`, `names` (this machine's, as they are now)
    and `masks` may be those of the whole process. `servers` is by `host:port`.
    """

    tokens: TokenSource
    names: Callable[[], Awaitable[Names]] = field(default_factory=lambda: MachineNames().current)
    tls: TlsContexts = field(default_factory=TlsContexts)
    servers: defaultdict[str, ServerMemory] = field(
        default_factory=lambda: defaultdict(ServerMemory)
    )
    masks: Masks = field(default_factory=Masks)

    def renewed(self) -> "ConnectionContext":
        """That of another configuration in the same process."""
        tls = TlsContexts(self.tls.common_names)
        return ConnectionContext(self.tokens, self.names, tls, masks=self.masks)
