"""POP before SMTP: which servers we have logged in to by POP (pop_session.py), and when."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zaiond.net.memory import ServerMemories
from zaiond.net.tls import TlsContexts
from zaiond.net.trace import Step, Trace
from zaiond.smtp.failure import DeliveryFailure, Failure, Stage
from zaiond.smtp.mask import Mask
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer

# Servers are known to remember for 5 to 60 minutes. Those that do for less cost a refusal, a login
# and a new connection now and then.
REMEMBERED = 240.0
# What a server refuses in spite of a new login is refused for another reason, and so is what
# follows: for so long no login is tried again on its account.
IN_VAIN = 30.0


@dataclass(slots=True)
class _Login:
    """What is known of one server. `number` counts the tries, `at` is when the last one succeeded,
    `failure` what became of it if it didn't.
    """

    number: int = 0
    at: float = float("-inf")
    failure: Failure | None = None
    believed_until: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class PopLogins:
    """The logins of one configuration: with a new configuration comes a new object.

    Sessions side by side, and those that follow, share a login; there is one at a time.
    """

    def __init__(self) -> None:
        self._logins: dict[str, _Login] = {}

    async def before(
        self,
        server: "MailServer",
        contexts: TlsContexts,
        memories: ServerMemories,
        mask: Mask,
        deadline: float,
        on_step: Callable[[Step], None] | None = None,
    ) -> int:
        """Logs in, unless that was done not long ago and the server hasn't forgotten it since.

        Returns the number of the login, for `forgotten`; `on_step` is told how it went.
        `deadline`: in the loop's time, for the whole of it.

        Raises:
            DeliveryFailure: of stage POP.
        """
        from zaiond.net.pop_session import log_in, pop_server  # only where it is configured

        loop = asyncio.get_running_loop()
        login = self._logins.setdefault(server.address, _Login())
        seen = login.number
        async with login.lock:
            if login.number != seen:  # it was tried while we waited: that counts for us, too
                if login.failure is not None:
                    raise DeliveryFailure(login.failure)
                return login.number
            since = loop.time() - login.at
            if since < REMEMBERED:
                Trace(pop_server(server).address, on_step).tell(Stage.POP, True, _remembered(since))
                return login.number
            failure: Failure | None = None
            try:
                await log_in(server, contexts, memories, mask, deadline, on_step)
            except DeliveryFailure as raised:
                failure = raised.failure
            login.number += 1
            login.failure = failure
            if failure is not None:
                raise DeliveryFailure(failure)
            login.at = loop.time()
            return login.number

    def forgotten(self, server: "MailServer", number: int) -> bool:
        """The server refuses us as if it had forgotten login `number`: whether a mail is worth
        another try after a new one, which the next session then brings.
        """
        login = self._logins.get(server.address)
        if login is None or asyncio.get_running_loop().time() < login.believed_until:
            return False
        if login.number == number:
            login.at = float("-inf")
        return True

    def retry_failed(self, server: "MailServer") -> None:
        """The new login that `forgotten` asked for didn't help."""
        login = self._logins.get(server.address)
        if login is not None:
            login.believed_until = asyncio.get_running_loop().time() + IN_VAIN


def _remembered(since: float) -> Text:
    return Text(
        f"{since:.0f} 秒前のログインを使います",
        f"logged in {since:.0f} s ago, which holds",
    )
