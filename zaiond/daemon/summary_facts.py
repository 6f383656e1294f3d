"""What the summary tells, asked of the daemon's parts."""

from zaiond.daemon import remembered_documents
from zaiond.daemon.status import Status
from zaiond.daemon.summary_text import Facts
from zaiond.store import period


async def gather(status: Status, since: float, queued: float) -> Facts:
    """All that there is to tell of the time from `since` on, in queue time from `queued` on."""
    router, now = status.outbound.router, status.clock()
    state, maker = router.state, router.maker
    table = None if maker is None else maker.table
    free, _ = status.database.space.free_bytes()
    return Facts(
        language=status.language,
        since=since,
        until=now,
        started=status.found.started,
        status=await status.document(),
        period=await period.count(status.writer.submit, since, queued),
        jobs=remembered_documents.jobs(state, table, now),
        problems=remembered_documents.problems(state, table, status.user_names.shown),
        silences=remembered_documents.silences(state, now),
        to_come=sum(group.is_pending for group in state.groups.values()),
        free=free,
    )
