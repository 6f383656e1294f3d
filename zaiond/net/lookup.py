"""The resolver's blocking calls, each in a thread of its own and for a limited time."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def look_up(call: Callable[[], T], limit: float) -> T:
    """What `call` returns; it may go on in its thread after `limit` seconds, but nobody waits.

    Not in the event loop's executor: that is waited for at exit, whatever becomes of DNS, and keeps
    its threads.

    Raises:
        TimeoutError: no answer within `limit` seconds.
        OSError, ValueError: what `call` raised.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        error: Exception | None = None
        try:
            result = call()
        except (OSError, ValueError) as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    threading.Thread(target=run, name="lookup", daemon=True).start()
    async with asyncio.timeout(limit):
        return await answer
