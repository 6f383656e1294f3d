"""What waits to be handed on to the hubs of a fleet and is not to be any more is routed again, as
if it had just been accepted: by the configuration's routes, with groups, limits and problems.
"""

from collections.abc import Callable
from functools import partial

import apsw

from zaiond.delivery import handing_on
from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.delivery.router import Router
from zaiond.delivery.ways import Ways
from zaiond.errors import DiskFullError
from zaiond.model import QueuedMail, Usage
from zaiond.store import groups, handed_on, pending, queue
from zaiond.store.groups import Steps
from zaiond.store.writer import Writer


async def hand_back(
    writer: Writer,
    router: Router,
    ways: Ways,
    maker: MailMaker,
    rows: list[int],
    now: Callable[[], float],
) -> int:
    """Routes the events of these messages again; gives how many. What is being sent just now is
    left as it is. To be called while `ways` are changing. Raises DiskFullError: the rest is to be
    handed on as before.
    """
    number = 0
    async for chunk in ways.ledger.chunks(rows):
        sending = ways.sending
        free = [row for row in chunk if row not in sending]
        letters = await writer.submit(partial(pending.load, messages=free))
        number += await _route(writer, router, maker, letters, now())
    return number


async def _route(
    writer: Writer, router: Router, maker: MailMaker, letters: list[QueuedMail], now: float
) -> int:
    """Makes of some letters what routing says, in one transaction: at any moment each event is in
    one or the other. Gives of how many; the others wait on.
    """
    state, batch, planned = router.state, router.batch(maker), router.state.next_due()
    routed: list[int] = []
    for letter in letters:
        for stored in letter.events:  # one
            event = complete(stored)
            decision = maker.decide_alone(stored, event, state, now)
            if not handing_on.waits_for_hubs(decision):
                batch.add(stored, event, decision, urgent=letter.urgent)
                routed.append(letter.row)
    steps = batch.steps(state.changed_groups(), state.changes()) or Steps()
    route = partial(
        queue.route,
        routed_through=router.routed_through,
        mails=batch.mails,
        ended=batch.ended,
    )
    at = router.queue_time()

    def put(db: apsw.Connection) -> Usage:
        handed_on.replace(db, routed, at, now)
        _, released = groups.route(db, route, steps)
        return released

    try:
        released = await writer.submit(put)
    except DiskFullError:
        state.rollback()
        raise
    state.commit()
    router.ended(batch.ended, released)
    if batch.wanted:
        made = await router.make_wanted(maker, batch.wanted)
        router.ended((), made.released)
    if state.next_due() != planned:
        router.on_put_off()
    return len(routed)
