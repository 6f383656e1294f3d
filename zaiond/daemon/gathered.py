"""What may come in any number, and is told in few notices: the first one at once, all that comes
within `interval` behind it together.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

MOST = 20  # told one by one in a notice; what is beyond is counted

T = TypeVar("T")


class Gathered(Generic[T]):
    """`interval` gives the seconds between two notices; `tell` sends one of these, and of so many
    more; `in_background` runs what takes time.
    """

    def __init__(
        self,
        interval: Callable[[], float],
        tell: Callable[[list[T], int], Coroutine[Any, Any, None]],
        in_background: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._interval = interval
        self._tell = tell
        self._in_background = in_background
        self._gathered: list[T] = []
        self._more = 0
        self._told_at: float | None = None  # by the loop's clock

    def add(self, one: T) -> None:
        """Is told, now or in time."""
        if len(self._gathered) >= MOST:
            self._more += 1
            return
        self._gathered.append(one)
        if len(self._gathered) == 1:
            self._in_background(self._tell_in_time())

    async def _tell_in_time(self) -> None:
        loop = asyncio.get_running_loop()
        if self._told_at is not None:
            await asyncio.sleep(self._told_at + self._interval() - loop.time())
        self._told_at = loop.time()
        gathered, more = self._gathered, self._more
        self._gathered, self._more = [], 0
        await self._tell(gathered, more)
