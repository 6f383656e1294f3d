"""The test of the settings page, told step by step, for as long as somebody reads what it tells."""

import asyncio
import contextlib
import select
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from zaiond.config.schema import Config
from zaiond.net.context import ConnectionContext
from zaiond.oauth.tokens import Tokens
from zaiond.selftest.run import self_test
from zaiond.text import Language

Reply = dict[str, Any]


def tried(
    config: Config,
    addresses: Sequence[str],
    language: Language,
    state_dir: str,
    say: Callable[[Reply], None],
) -> Reply:
    """Sends the test mail by `config`; `say` gets each step as it ends, and what the admins should
    know of their token. Gives the document of `test --json`, in `language`.
    """

    async def test() -> Reply:
        # A refresh token that is new belongs to the daemon, though it isn't asked.
        tokens = Tokens(state_dir, lambda told: say({"remark": told._asdict()}))
        try:
            return await self_test(
                config,
                addresses,
                ConnectionContext(tokens),
                language=language,
                on_step=lambda step: say({"step": step}),
            )
        finally:
            await tokens.close()

    return asyncio.run(_while_somebody_reads(test()))


async def _while_somebody_reads(test: Awaitable[Reply]) -> Reply:
    """What the test comes to; the process ends where the caller has gone."""
    task = asyncio.ensure_future(test)
    loop = asyncio.get_running_loop()
    output = select.poll()
    output.register(1, 0)  # of itself it tells that the other end is closed

    def changed() -> None:
        loop.remove_reader(1)  # what else can be read of a socket, waits
        if output.poll(0):
            task.cancel()

    with contextlib.suppress(PermissionError):  # a file, which has no other end
        loop.add_reader(1, changed)
    try:
        return await task
    except asyncio.CancelledError:
        raise SystemExit(0) from None
    finally:
        loop.remove_reader(1)
