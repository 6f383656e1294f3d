"""What the connections made by one configuration share, and what they have found out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from zaiond.net.memory import Masks, ServerMemories
from zaiond.net.names import MachineNames, Names
from zaiond.net.pop_login import PopLogins
from zaiond.net.tls import TlsContexts
from zaiond.oauth.tokens import Tokens


@dataclass(slots=True)
class ConnectionContext:
    """With a new configuration comes a new one; `tokens`, `names` (this machine's, as they are now)
    and `masks` may be those of the whole process.
    """

    tokens: Tokens = field(default_factory=Tokens)
    names: Callable[[], Awaitable[Names]] = field(default_factory=lambda: MachineNames().current)
    tls: TlsContexts = field(default_factory=TlsContexts)
    pop: PopLogins = field(default_factory=PopLogins)
    servers: ServerMemories = field(default_factory=ServerMemories)
    masks: Masks = field(default_factory=Masks)
