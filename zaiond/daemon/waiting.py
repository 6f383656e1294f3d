"""How much mail waits, and the line of `systemctl status` that tells of it. What else is known of
how the daemon is (status.py) is not loaded before somebody asks.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

from zaiond.daemon.reload import Configuration
from zaiond.delivery.outbound import Outbound
from zaiond.journal import Journal
from zaiond.smtp.failure import Failure
from zaiond.store import counts
from zaiond.store.counts import Key
from zaiond.store.writer import Submit
from zaiond.text import Text

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


async def count_waiting(submit: Submit, outbound: Outbound) -> Waiting:
    """What has not ended."""
    number = await count(submit, counts.skip_open) + outbound.router.waiting
    if outbound.holds.queue is not None:
        return Waiting(0, number)
    held = await count(submit, counts.skip_held)
    return Waiting(max(0, number - held), held)


async def count(submit: Submit, skip: Callable[..., tuple[int, Key | None]]) -> int:
    """How many there are of what `skip` skips slice by slice."""
    number, after = await submit(skip)
    while after is not None:
        more, after = await submit(partial(skip, after=after))
        number += more
    return number


async def describe(
    submit: Submit, outbound: Outbound, configuration: Configuration, journal: Journal
) -> str:
    """The line of `systemctl status`."""
    counted, servers = await count_waiting(submit, outbound), outbound.dispatcher.pool.servers
    outage = servers.waits_for if servers is not None else None
    return line(counted, configuration.state, outage).in_language(journal.language)


def line(
    counted: Waiting, config: Literal["good", "last_good", "none"], outage: Failure | None
) -> Text:
    """What an operator asks first, in one line; `outage`: why no server can be used."""
    ja, en = f"送信待ち {counted.waiting} 件", f"{counted.waiting} waiting"
    if counted.held:
        ja, en = f"{ja}、保留 {counted.held} 件", f"{en}, {counted.held} held"
    state = _CONFIG_STATES[config]
    text = Text(f"{ja}、{state.ja}", f"{en}; {state.en}")
    if outage is None:
        return text
    from zaiond.daemon.documents import why  # not before something fails

    told = why(outage)
    return Text(f"{text.ja}、{told.ja}", f"{text.en}; {told.en}")
