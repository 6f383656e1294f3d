"""What of the queue is read: what waits or is due, in turns over the users, and what has expired.
Each function is an operation of the writer's transaction.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain, zip_longest
from typing import Any, NamedTuple

import apsw

from zaiond.model import Message, QueuedDelivery, QueuedMail
from zaiond.store import membership
from zaiond.store.counts import FIRST_OPEN, Key, beyond
from zaiond.store.sound import decode_routing, expect, expect_message_id
from zaiond.way import BEYOND_MAIL, Way

SLICE = 2000  # rows that are looked at together


class Due(NamedTuple):
    """Which deferred deliveries are due: those whose time has come, and those whose time is further
    off than `longest_delay` (seconds), which the clock has left behind: it was set back.
    """

    now: float
    longest_delay: float

    def covers(self, next_attempt: float | None) -> bool:
        """Whether a delivery with this `next_attempt` is due; None: it waits for something else."""
        return next_attempt is not None and not (
            self.now < next_attempt <= self.now + self.longest_delay
        )


def load(
    db: apsw.Connection,
    messages: Iterable[int],
    due: Due | None = None,
    only: set[int] | None = None,
) -> list[QueuedMail]:
    """These messages with their open deliveries, in order; only those that are due, or `only`
    these, if given.
    """
    mails = []
    for row in messages:
        found: list[Any] = db.execute(
            "SELECT message_id, reverse_path, smtputf8, accepted, queued, notice, content, routing"
            " FROM messages JOIN contents ON message = id WHERE id = ?",
            (row,),
        ).fetchall()
        every: list[Any] = db.execute(
            "SELECT id, recipient, attempts, state, next_attempt, urgent, lane, user"
            " FROM deliveries"
            " WHERE message = ? AND ended IS NULL ORDER BY id",
            (row,),
        ).fetchall()
        wanted = [
            each
            for each in every
            if (only is None or each[0] in only)
            and (due is None or each[3] == "waiting" or due.covers(each[4]))
        ]
        if not found or not wanted:
            continue
        expect(found[0], str, str, int, float, float, int, bytes, str)
        message_id, reverse_path, smtputf8, accepted, queued, notice, content, routing = found[0]
        expect_message_id(message_id)
        for each in wanted:
            expect(each, int, str, int, str, float | None, int, str | None, int)
        deliveries = tuple(
            QueuedDelivery(id_, recipient, attempts, _unknown(db, id_, attempts), state == "held")
            for id_, recipient, attempts, state, *_ in wanted
        )
        mails.append(
            QueuedMail(
                row,
                Message(
                    message_id=message_id,
                    reverse_path=reverse_path,
                    recipients=tuple(d.recipient for d in deliveries),
                    content=content,
                    smtputf8=bool(smtputf8),
                ),
                deliveries,
                accepted,
                queued,
                bool(notice),
                membership.events_of(db, row, to_be_read=False),
                urgent=bool(wanted[0][5]),
                lane=wanted[0][6],
                user=wanted[0][7],
                whole=len(wanted) == len(every),
                routing=decode_routing(routing) if routing else None,
            )
        )
    return mails


def _unknown(db: apsw.Connection, delivery: int, attempts: int) -> int:
    # What a crash of ours interrupted is not counted: it has no server.
    return attempts and int(db.execute(_UNKNOWN, (delivery,)).get)


_UNKNOWN = (
    "SELECT count(*) FROM attempts WHERE delivery = ? AND outcome = 'unknown' AND server <> ''"
)


class Waiting(NamedTuple):
    """Messages with their users, in turns, and the users of whom there may be more."""

    messages: list[tuple[int, int]]
    left: set[int]


RoomOf = Callable[[int], int]  # how many messages of a user there is room for


def waiting(
    db: apsw.Connection,
    after: Mapping[int, int],
    left: Collection[int] | None,
    limit: int,
    room: RoomOf,
    way: Way = "mail",
) -> Waiting:
    """Messages of a way with a delivery that was never deferred; of each user in order, after
    message `after` of it. `left` are the users who have any; None: not known.
    """
    users = _users(db, "WHERE ended IS NULL", way) if left is None else sorted(left)
    found: dict[int, list[int]] = {}
    for user, most in _shares(users, limit, room):
        rows: list[Any] = db.execute(_WAITING, (user, after.get(user, 0), most)).fetchall()
        found[user] = [message for (message,) in rows]
        if len(rows) < most:
            users = [other for other in users if other != user]
    return Waiting(_in_turns(found), set(users))


_WAITING = (
    "SELECT DISTINCT message FROM deliveries WHERE user = ? AND message > ? AND state = 'waiting'"
    " AND ended IS NULL ORDER BY message LIMIT ?"
)


def urgent_messages(
    db: apsw.Connection, due: Due, limit: int, room: RoomOf, way: Way = "mail"
) -> list[int]:
    """Urgent messages of a way with a delivery that waits, or was deferred and is due, in turns
    over their users; of each in order.
    """
    found: dict[int, list[int]] = {}
    for user, most in _shares(_users(db, _OF_URGENT, way), limit, room):
        values = {"user": user, "now": due.now, "behind": due.now + due.longest_delay}
        each = [_first(db.execute(query, values), most) for query in _URGENT]
        found[user] = sorted(set().union(*each))[:most]
    return [message for message, _ in _in_turns(found)]


_IS_URGENT = "urgent = 1 AND ended IS NULL"
_OF_URGENT = f"INDEXED BY deliveries_urgent WHERE {_IS_URGENT}"  # whatever SQLite estimates
# One by one, so that each is a range of the index: what is deferred may be much.
_URGENT = [
    f"SELECT message FROM deliveries WHERE user = :user AND {_IS_URGENT}"  # noqa: S608
    f" AND state = {which} ORDER BY next_attempt, message"
    for which in (
        "'waiting'",
        "'deferred' AND next_attempt <= :now",
        "'deferred' AND next_attempt > :behind",
        "'held' AND next_attempt <= :now",
        "'held' AND next_attempt > :behind",
    )
]


def _first(rows: Iterable[tuple[Any, ...]], most: int) -> list[int]:
    """The first messages of these, each once."""
    messages: dict[int, None] = {}
    for (message,) in rows:
        messages[message] = None
        if len(messages) == most:
            break
    return list(messages)


def due_messages(
    db: apsw.Connection, due: Due, limit: int, room: RoomOf, way: Way = "mail"
) -> list[int]:
    """Messages of a way with a deferred delivery that is due, in turns over their users; of each
    the longest due first.
    """
    found: dict[int, list[int]] = {}
    for user, most in _shares(_users(db, _DEFERRED, way), limit, room):
        rows = chain(
            db.execute(_DUE.format("<="), (user, due.now)),
            db.execute(_DUE.format(">"), (user, due.now + due.longest_delay)),
        )
        found[user] = _first(rows, most)
    return [message for message, _ in _in_turns(found)]


_DEFERRED = "WHERE state IN ('deferred', 'held')"
_DUE = (
    f"SELECT message FROM deliveries {_DEFERRED} AND user = ? AND next_attempt {{}} ?"  # noqa: S608
    " ORDER BY next_attempt, id"
)


def _users(db: apsw.Connection, of: str, way: Way) -> list[int]:
    users = _USERS.format(of, _RANGE[way])
    return [user for (user,) in db.execute(f"{users} SELECT user FROM users")]  # noqa: S608


# From one to the next by the index, whatever each one has.
_USERS = (
    "WITH RECURSIVE found (user) AS (SELECT min(user) FROM deliveries {0} AND {1} UNION ALL"
    " SELECT (SELECT min(d.user) FROM deliveries AS d {0} AND d.user > found.user AND {1})"
    " FROM found WHERE user IS NOT NULL), users AS (SELECT user FROM found WHERE user IS NOT NULL)"
)
_RANGE: dict[Way, str] = {"mail": f"user < {BEYOND_MAIL}", "fleet": f"user >= {BEYOND_MAIL}"}


def _shares(users: list[int], limit: int, room: RoomOf) -> Iterator[tuple[int, int]]:
    share = -(-limit // max(1, len(users)))
    for user in users:
        most = min(share, room(user))
        if most > 0:
            yield user, most


def _in_turns(found: dict[int, list[int]]) -> list[tuple[int, int]]:
    """Messages with their users, one of each, then the next."""
    rounds = zip_longest(*([(row, user) for row in rows] for user, rows in found.items()))
    return [one for each in rounds for one in each if one is not None]


def of_size(db: apsw.Connection, messages: list[int], size: int) -> list[int]:
    """The first ones of these, none beyond the one with which they take `size` bytes of memory."""
    size //= 2  # their events are about as large as their contents
    for number, message in enumerate(messages, 1):
        size -= db.execute(_SIZE, (message,)).get or 0
        if size <= 0:
            return messages[:number]
    return messages


_SIZE = "SELECT length(content) FROM contents WHERE message = ?"


def next_due(db: apsw.Connection, way: Way = "mail") -> float | None:
    """When the next deferred delivery of a way is to be tried."""
    at: float | None = db.execute(_NEXT_DUE[way]).get
    return at


_NEXT_DUE = {
    way: f"{_USERS.format(_DEFERRED, of)} SELECT min((SELECT min(next_attempt) FROM deliveries AS d"  # noqa: S608
    f" {_DEFERRED} AND d.user = users.user)) FROM users"
    for way, of in _RANGE.items()
}


class Expiry(NamedTuple):
    """What has expired, in queue time: what was queued before `queued`, and not tried since
    `tried`; what has been held since before `held`.
    """

    queued: float
    tried: float
    held: float


class Expired(NamedTuple):
    """Deliveries that have expired, by their messages; where to go on after, None at the end."""

    deliveries: dict[int, set[int]]
    after: Key | None


def expired(db: apsw.Connection, expiry: Expiry, after: Key = FIRST_OPEN) -> Expired:
    """What has expired in a slice of the open deliveries after user, message and id."""
    key = ("user", "message", "id")
    columns = "user, message, id, state, tried, recipient"
    slice_, values = beyond(columns, key, "ended IS NULL", after)
    in_order = f"SELECT * FROM ({slice_} ORDER BY user, message, id LIMIT {SLICE})"  # noqa: S608
    rows: list[Any] = db.execute(
        f"SELECT d.user, d.message, d.id, {_HAS_EXPIRED} FROM ({in_order}) AS d"  # noqa: S608
        " JOIN messages AS m ON m.id = d.message ORDER BY 1, 2, 3",
        (*expiry, *values),
    ).fetchall()
    found: dict[int, set[int]] = {}
    for _, message, delivery, has_expired in rows:
        if has_expired:
            found.setdefault(message, set()).add(delivery)
    return Expired(found, rows[-1][:3] if rows else None)


def load_expired(db: apsw.Connection, expiry: Expiry, messages: Iterable[int]) -> list[QueuedMail]:
    """These messages with those of their deliveries that have expired."""
    only = {
        delivery
        for message in messages
        for (delivery,) in db.execute(
            "SELECT d.id FROM deliveries AS d JOIN messages AS m ON m.id = d.message"  # noqa: S608
            f" WHERE {_HAS_EXPIRED} AND d.message = ? AND d.ended IS NULL",
            (*expiry, message),
        )
    }
    return load(db, messages, only=only)


# What the whole queue is held for, holds each delivery, too. ?1 to ?3: an Expiry.
_HAS_EXPIRED = """(
  (d.state <> 'held' AND m.queued <= ?1 AND coalesce(d.tried, ?2) <= ?2)
  OR (m.queued <= ?3 AND EXISTS (
    SELECT 1 FROM holds AS h WHERE h.queued <= ?3 AND (
      h.scope = 'queue' OR d.state = 'held' AND (
        h.scope = 'address' AND h.subject = d.recipient
        OR h.scope = 'mail' AND h.subject = CAST(d.message AS TEXT)
  )))))"""


def last_delivered(db: apsw.Connection, recipient: str, before: int) -> tuple[int, int]:
    """The last delivery that this recipient got, in a slice of those before `before`, 0: none; and
    where to go on before, 0 at the end.
    """
    found: list[Any] = db.execute(
        "SELECT max(id) FILTER (WHERE recipient = ? AND state = 'delivered'), min(id) FROM (SELECT"  # noqa: S608
        f" id, recipient, state FROM deliveries WHERE id < ? ORDER BY id DESC LIMIT {SLICE})",
        (recipient, before),
    ).fetchall()
    delivered, first = found[0]
    return delivered or 0, first or 0


def open_messages(db: apsw.Connection, event_seqs: list[int]) -> list[int]:
    """The messages of these events that have not ended, in order."""
    return sorted(
        {
            row
            for seq in event_seqs
            for (row,) in db.execute(
                "SELECT message FROM message_events AS m WHERE event = ? AND EXISTS"
                " (SELECT 1 FROM deliveries AS d WHERE d.message = m.message AND ended IS NULL)",
                (seq,),
            )
        }
    )
