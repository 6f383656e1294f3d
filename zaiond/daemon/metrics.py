"""The numbers that a monitoring system reads, as the document of the control command `metrics`.
Each is asked of whoever counts it anyway, for `zaiond-ctl status` too.
"""

from collections import Counter
from typing import Any, get_args

from zaiond import __version__
from zaiond.daemon.status import Status
from zaiond.errors import EventErrorCode
from zaiond.model import SEVERITIES


async def document(status: Status) -> dict[str, Any]:
    """What has come in, what became of it, and how things are; what is counted begins anew with
    each start of the daemon.
    """
    outbound, refused = status.outbound, status.intake.refusals.by_code
    waiting, deferred = await outbound.count_waiting(), await outbound.count_deferred()
    oldest, servers = await status.queries.oldest(), outbound.dispatcher.pool.servers
    state = outbound.router.state
    problems = Counter(problem.worst for problem in state.problems.values())
    return {
        "events_accepted": outbound.router.rate.total,
        "events_refused": {code: refused[code] for code in get_args(EventErrorCode)},
        "deliveries_ended": dict(outbound.ledger.ended),
        "deliveries": {
            "waiting": max(0, waiting.waiting - deferred),
            "deferred": min(deferred, waiting.waiting),
            "held": waiting.held,
        },
        "oldest_delivery_seconds": 0.0
        if oldest is None or not waiting.total
        else max(0.0, status.clock() - oldest[0]),
        "mail_server_up": {
            of.server.address: of.state not in ("down", "faulty")
            for of in ([] if servers is None else servers.states)
        },
        "config_state": {
            one: one == status.configuration.state for one in ("good", "last_good", "none")
        },
        "job_last_success": {
            name: job.succeeded for name, job in state.jobs.items() if job.succeeded is not None
        },
        "problems": {severity: problems[severity] for severity in SEVERITIES},
        **_fleet(await status.fleet.document(status.language)),
        "version": __version__,
    }


def _fleet(found: dict[str, Any] | None) -> dict[str, dict[str, float]]:
    """What a hub, or a member, has beside; `found` is `fleet` of the status."""
    if found is None:
        return {}
    is_member = found["role"] == "member"
    numbers = {
        "connected": found["server"] is not None,
        "hands_on": found["state"] != "by_itself",
        "to_hand_on": found["waiting" if is_member else "to_hand_on"],
    }
    if is_member:
        return {"fleet": numbers}
    numbers |= {
        "hub_works": found["works"],
        "backlog": (found["backlog"] or {}).get("messages", 0),
        "members": len(found["members"] or ()),
        "members_silent": sum(one["silent"] for one in found["members"] or ()),
    }
    return {"fleet": numbers}
