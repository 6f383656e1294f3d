"""The line of `systemctl status`, and the counts that stand in it. What else is known of how the
daemon is (status.py) is not loaded before somebody asks.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from zaiond.store import counts
from zaiond.store.counts import Key
from zaiond.store.writer import Submit
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.daemon.app import App

_CONFIG_STATES = {
    "good": Text("設定は正常", "configuration good"),
    "last_good": Text(
        "設定に誤りがあり、直前の有効な設定で動作中",
        "configuration not valid, the last good one in force",
    ),
    "none": Text("有効な設定なし", "no valid configuration"),
}


class Waiting(NamedTuple):
    """What has not ended: deliveries, and events that are no mails yet, each of which counts as one
    delivery. What is held is not among what waits.
    """

    waiting: int
    held: int

    @property
    def total(self) -> int:
        """Both."""
        return self.waiting + self.held


async def count_waiting(app: "App") -> Waiting:
    """What has not ended."""
    number = await count(app.writer.submit, counts.skip_open) + app.router.waiting
    if app.dispatcher.holds.queue is not None:
        return Waiting(0, number)
    held = await count(app.writer.submit, counts.skip_held)
    return Waiting(max(0, number - held), held)


async def count(submit: Submit, skip: Callable[..., tuple[int, Key | None]]) -> int:
    """How many there are of what `skip` skips slice by slice."""
    number, after = await submit(skip)
    while after is not None:
        more, after = await submit(partial(skip, after=after))
        number += more
    return number


async def line(app: "App") -> str:
    """What an operator asks first, in one line."""
    counted = await count_waiting(app)
    servers, config = app.dispatcher.servers, _CONFIG_STATES[app.configuration.state]
    ja, en = f"送信待ち {counted.waiting} 件", f"{counted.waiting} waiting"
    if counted.held:
        ja, en = f"{ja}、保留 {counted.held} 件", f"{en}, {counted.held} held"
    text = Text(f"{ja}、{config.ja}", f"{en}; {config.en}")
    cause = servers.waits_for if servers is not None else None
    if cause is not None:
        from zaiond.daemon.documents import why  # not before something fails

        told = why(cause)
        text = Text(f"{text.ja}、{told.ja}", f"{text.en}; {told.en}")
    return text.in_language(app.control.language)
