"""What became of the mails of the last day, hour by hour, as the document of the control command
`hours`: a chart is made of it.
"""

from typing import Any

from zaiond.daemon.documents import moment
from zaiond.daemon.status import Status
from zaiond.store import hours

NUMBER = 24


async def document(status: Status) -> dict[str, Any]:
    """Each hour with its deliveries by state, the oldest first; the last one is under way. Where
    there are too many to be looked at, the hours before are left out, and `truncated` is true.
    """
    now = status.clock()
    since = (now // hours.HOUR - NUMBER + 1) * hours.HOUR
    found = await hours.count(status.writer.submit, since, NUMBER)
    return {
        "hours": [
            {
                "start": moment(since + hour * hours.HOUR),
                "deliveries": found.by_hour.get(hour, {}),
            }
            for hour in range(found.first, NUMBER)
        ],
        "truncated": found.first > 0,
    }
