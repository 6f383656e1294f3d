"""Messages and deliveries on disk. Each function is an operation of the writer's transaction.

A delivery goes waiting → (deferred | held →)* delivered | failed | expired | deleted | replaced;
`ended` is when it came to one of the last five, NULL while it is open. `started` is set, and
committed, before its content's final dot may be sent, and cleared with the attempt's outcome: what
a crash leaves started may have arrived, and is tried again under the same Message-ID.

`at` is a queue time everywhere, `now` a time of the machine's clock.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any, Literal, NamedTuple

import apsw

from zaiond.model import OPEN, AttemptResult, Message, QueuedDelivery, QueuedMail, StoredEvent
from zaiond.store.counts import FIRST_OPEN, Key, beyond
from zaiond.store.events import COLUMNS, encode_text, set_meta, stored
from zaiond.store.sound import expect, expect_message_id
from zaiond.text import Text


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


class Recovered(NamedTuple):
    """What a start finds: the ids that come next, and deliveries that a crash left started."""

    routed_through: int
    next_message: int
    next_delivery: int
    started: int


def recover(db: apsw.Connection, now: float) -> Recovered:
    """Puts deliveries that were under way at a crash back, with an attempt that says so."""
    started = db.execute(
        "SELECT id, attempts + 1, started FROM deliveries WHERE started IS NOT NULL"
    ).fetchall()
    db.executemany(
        "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, 'unknown', '', '')",
        [(row, number, at, now) for row, number, at in started],
    )
    db.execute(
        "UPDATE deliveries SET started = NULL, attempts = attempts + 1 WHERE started IS NOT NULL"
    )
    return Recovered(
        routed_through=_get(db, "SELECT value FROM meta WHERE name = 'routed_through'"),
        next_message=_get(db, "SELECT max(id) FROM messages") + 1,
        next_delivery=_get(db, "SELECT max(id) FROM deliveries") + 1,
        started=len(started),
    )


def route(
    db: apsw.Connection,
    routed_through: int,
    mails: list[QueuedMail],
    dropped: list[tuple[StoredEvent, Text]],
    early: Iterable[int] = (),
) -> set[int]:
    """One step of routing: events up to `routed_through` are now in a message or dropped, and those
    of `early`, which are beyond. Gives the deliveries that have to wait behind an earlier one of
    their lane.
    """
    set_meta(db, "routed_through", routed_through)
    db.execute("DELETE FROM routed_early WHERE seq <= ?", (routed_through,))
    db.executemany("INSERT OR IGNORE INTO routed_early VALUES (?)", [(seq,) for seq in early])
    for event, reason in dropped:
        db.execute(
            "UPDATE events SET outcome = 'dropped', reason = ? WHERE seq = ?",
            (encode_text(reason), event.seq),
        )
    insert_messages(db, mails)
    db.executemany(
        "INSERT INTO deliveries (id, message, recipient, state, urgent, lane, user)"
        " VALUES (?, ?, ?, 'waiting', ?, ?, ?)",
        [
            (d.row, m.row, d.recipient, m.urgent, m.lane, m.user)
            for m in mails
            for d in m.deliveries
        ],
    )
    for mail in mails:
        if mail.urgent and mail.lane is not None:
            for recipient in mail.message.recipients:
                hurry(db, mail.lane, recipient, mail.row)
    behind = {
        d.row
        for mail in mails
        if mail.lane is not None
        for d in mail.deliveries
        if _get(db, _DEFERRED_BEFORE, mail.lane, d.recipient, mail.row)
    }
    db.executemany("UPDATE deliveries SET state = 'deferred' WHERE id = ?", [(b,) for b in behind])
    return behind


def hurry(db: apsw.Connection, lane: str, recipient: str, message: int) -> None:
    """What is before an urgent mail in its lane goes first, too: else it would be passed when both
    come in from disk.
    """
    before: list[int] = []
    for row, urgent in db.execute(_BEFORE, (lane, recipient, message)):
        if urgent:  # and so is all before it
            break
        before.append(row)
    db.executemany("UPDATE deliveries SET urgent = 1 WHERE id = ?", [(row,) for row in before])


def insert_messages(db: apsw.Connection, mails: list[QueuedMail]) -> None:
    """Messages without their deliveries."""
    db.executemany(
        "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                mail.row,
                mail.message.message_id,
                mail.message.reverse_path,
                mail.message.smtputf8,
                mail.accepted,
                mail.queued,
                mail.notice,
            )
            for mail in mails
        ],
    )
    keep_remarks(db, [mail for mail in mails if mail.message.remark is not None])
    db.executemany(
        "INSERT INTO contents VALUES (?, ?)", [(m.row, m.message.content) for m in mails]
    )
    db.executemany(
        "INSERT INTO message_events VALUES (?, ?)",
        [(mail.row, event.seq) for mail in mails for event in mail.events],
    )


def keep_remarks(db: apsw.Connection, mails: list[QueuedMail]) -> None:
    """What the history of these mails' events must say of how they were made."""
    db.executemany(
        "UPDATE events SET reason = ? WHERE seq = ?",
        [
            (mail.message.remark and encode_text(mail.message.remark), event.seq)
            for mail in mails
            for event in mail.events
        ],
    )


# Kept of a delivery; those with an end that is not known are kept, too, for they are counted.
FIRST_ATTEMPTS, LAST_ATTEMPTS = 20, 100
_FORGET_ATTEMPTS = (
    "DELETE FROM attempts WHERE delivery = ? AND number > ? AND number <= ?"
    " AND outcome <> 'unknown'"
)
_DEFERRED_BEFORE = (
    "SELECT EXISTS (SELECT 1 FROM deliveries WHERE lane = ? AND recipient = ? AND message < ?"
    " AND ended IS NULL AND state = 'deferred')"
)
_BEFORE = (
    "SELECT id, urgent FROM deliveries WHERE lane = ? AND recipient = ? AND message < ?"
    " AND ended IS NULL ORDER BY message DESC"
)
_LET_WAIT = (
    "UPDATE deliveries SET state = 'deferred', next_attempt = NULL WHERE lane = ? AND recipient = ?"
    " AND message > ? AND ended IS NULL AND state = 'waiting'"
)
_LET_NEXT_GO = (
    "UPDATE deliveries SET next_attempt = ? WHERE id = (SELECT id FROM deliveries WHERE lane = ?"
    " AND recipient = ? AND ended IS NULL AND state IN ('deferred', 'waiting')"
    " ORDER BY message LIMIT 1) AND state = 'deferred' AND next_attempt IS NULL"
)


def start(db: apsw.Connection, mail: QueuedMail, now: float) -> None:
    """Records that the content may go out, before it may."""
    db.executemany(
        "UPDATE deliveries SET started = ? WHERE id = ?", [(now, d.row) for d in mail.deliveries]
    )


def finish(
    db: apsw.Connection, mail: QueuedMail, attempted: list[AttemptResult], at: float
) -> list[StoredEvent]:
    """Records how each delivery's attempt ended; gives the events that have ended with it."""
    db.executemany(
        "UPDATE deliveries SET state = ?, attempts = ?, next_attempt = ?, tried = ?, ended = ?,"
        " started = NULL WHERE id = ?",
        [
            (
                a.state,
                a.delivery.attempts + 1,
                a.next_attempt,
                at,
                None if a.state in OPEN else at,
                a.delivery.row,
            )
            for a in attempted
        ],
    )
    db.executemany(
        "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                a.delivery.row,
                a.delivery.attempts + 1,
                a.started,
                a.ended,
                a.outcome,
                a.server,
                a.reply,
            )
            for a in attempted
        ],
    )
    for a in attempted:
        if a.delivery.attempts >= FIRST_ATTEMPTS + LAST_ATTEMPTS:
            last = a.delivery.attempts + 1 - LAST_ATTEMPTS
            db.execute(_FORGET_ATTEMPTS, (a.delivery.row, FIRST_ATTEMPTS, last))
    if mail.lane is not None:
        for a in attempted:
            if a.is_retried:
                db.execute(_LET_WAIT, (mail.lane, a.delivery.recipient, mail.row))
            elif a.state != "waiting":
                if a.state == "deferred":  # until it expires: that keeps no other waiting
                    db.execute("UPDATE deliveries SET lane = NULL WHERE id = ?", (a.delivery.row,))
                db.execute(_LET_NEXT_GO, (a.ended, mail.lane, a.delivery.recipient))
    if any(a.state in OPEN for a in attempted):
        return []
    return _end_if_over(db, mail)


def _end_if_over(db: apsw.Connection, mail: QueuedMail) -> list[StoredEvent]:
    if not mail.whole and _get(
        db, "SELECT count(*) FROM deliveries WHERE message = ? AND ended IS NULL", mail.row
    ):
        return []
    db.execute("DELETE FROM contents WHERE message = ?", (mail.row,))
    if any(delivery.held for delivery in mail.deliveries):
        db.execute("DELETE FROM holds WHERE scope = 'mail' AND subject = ?", (str(mail.row),))
    if mail.alone:
        return list(mail.events)
    return [event for event in mail.events if not _get(db, _OPEN_ELSEWHERE, event.seq, mail.row)]


_OPEN_ELSEWHERE = (
    "SELECT EXISTS (SELECT 1 FROM message_events AS m JOIN deliveries AS d"
    " ON d.message = m.message WHERE m.event = ? AND m.message <> ? AND d.ended IS NULL)"
)


def put_back(db: apsw.Connection, mail: QueuedMail) -> None:
    """Takes `start` back: nothing of the content was sent, and no attempt is counted."""
    db.executemany(
        "UPDATE deliveries SET started = NULL WHERE id = ?", [(d.row,) for d in mail.deliveries]
    )


def hold(db: apsw.Connection, deliveries: list[int]) -> None:
    """These are held, and no attempt was made of them."""
    db.executemany(
        "UPDATE deliveries SET state = 'held', next_attempt = NULL WHERE id = ?",
        [(row,) for row in deliveries],
    )


def end(
    db: apsw.Connection,
    mails: list[QueuedMail],
    state: Literal["expired", "deleted"],
    now: float,
    at: float,
    server: str,
    why: str,
) -> list[StoredEvent]:
    """Ends the deliveries of these mails; gives the events that have ended with them.

    `why` stands in the history as the reply of a last attempt.
    """
    for mail in mails:
        db.executemany(
            "INSERT OR REPLACE INTO attempts VALUES (?, ?, NULL, ?, ?, ?, ?)",
            [(d.row, d.attempts + 1, now, state, server, why) for d in mail.deliveries],
        )
        db.executemany(
            "UPDATE deliveries SET state = ?, ended = ?, next_attempt = NULL, started = NULL"
            " WHERE id = ? AND ended IS NULL",
            [(state, at, d.row) for d in mail.deliveries],
        )
        if mail.lane is not None:
            for d in mail.deliveries:
                db.execute(_LET_NEXT_GO, (now, mail.lane, d.recipient))
    return [event for mail in mails for event in _end_if_over(db, mail)]


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
            "SELECT message_id, reverse_path, smtputf8, accepted, queued, notice, content"
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
        expect(found[0], str, str, int, float, float, int, bytes)
        message_id, reverse_path, smtputf8, accepted, queued, notice, content = found[0]
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
                _events_of(db, row),
                urgent=bool(wanted[0][5]),
                lane=wanted[0][6],
                user=wanted[0][7],
                whole=len(wanted) == len(every),
            )
        )
    return mails


def _unknown(db: apsw.Connection, delivery: int, attempts: int) -> int:
    # What a crash of ours interrupted is not counted: it has no server.
    return attempts and _get(
        db,
        "SELECT count(*) FROM attempts WHERE delivery = ? AND outcome = 'unknown' AND server <> ''",
        delivery,
    )


def _events_of(db: apsw.Connection, message: int) -> tuple[StoredEvent, ...]:
    return tuple(
        stored(row, to_be_read=False)
        for row in db.execute(
            f"SELECT {COLUMNS} FROM message_events JOIN events ON seq = event"  # noqa: S608
            " WHERE message = ? ORDER BY seq",
            (message,),
        )
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
) -> Waiting:
    """Messages with a delivery that was never deferred; of each user in order, after message
    `after` of it. `left` are the users who have any; None: not known.
    """
    users = _users(db, "WHERE ended IS NULL") if left is None else sorted(left)
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


def urgent_messages(db: apsw.Connection, due: Due, limit: int, room: RoomOf) -> list[int]:
    """Urgent messages with a delivery that waits, or was deferred and is due, in turns over their
    users; of each in order.
    """
    found: dict[int, list[int]] = {}
    for user, most in _shares(_users(db, _OF_URGENT), limit, room):
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


def due_messages(db: apsw.Connection, due: Due, limit: int, room: RoomOf) -> list[int]:
    """Messages with a deferred delivery that is due, in turns over their users; of each the longest
    due first.
    """
    found: dict[int, list[int]] = {}
    for user, most in _shares(_users(db, _DEFERRED), limit, room):
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


def _users(db: apsw.Connection, of: str) -> list[int]:
    return [user for (user,) in db.execute(f"{_USERS.format(of)} SELECT user FROM users")]  # noqa: S608


# From one to the next by the index, whatever each one has.
_USERS = (
    "WITH RECURSIVE found (user) AS (SELECT min(user) FROM deliveries {0} UNION ALL"
    " SELECT (SELECT min(d.user) FROM deliveries AS d {0} AND d.user > found.user) FROM found"
    " WHERE user IS NOT NULL), users AS (SELECT user FROM found WHERE user IS NOT NULL)"
)


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
        size -= _get(db, "SELECT length(content) FROM contents WHERE message = ?", message)
        if size <= 0:
            return messages[:number]
    return messages


def next_due(db: apsw.Connection) -> float | None:
    """When the next deferred delivery is to be tried."""
    at: float | None = db.execute(_NEXT_DUE).get
    return at


_NEXT_DUE = (
    f"{_USERS.format(_DEFERRED)} SELECT min((SELECT min(next_attempt) FROM deliveries AS d"  # noqa: S608
    f" {_DEFERRED} AND d.user = users.user)) FROM users"
)


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


def still_expired(
    db: apsw.Connection, expiry: Expiry, messages: Iterable[int]
) -> dict[int, set[int]]:
    """What has expired of these messages."""
    found: dict[int, set[int]] = {}
    for message in messages:
        for (delivery,) in db.execute(
            "SELECT d.id FROM deliveries AS d JOIN messages AS m ON m.id = d.message"  # noqa: S608
            f" WHERE {_HAS_EXPIRED} AND d.message = ? AND d.ended IS NULL",
            (*expiry, message),
        ):
            found.setdefault(message, set()).add(delivery)
    return found


SLICE = 2000  # rows that are looked at together
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


def let_all_wait(db: apsw.Connection, limit: int) -> bool:
    """Makes `limit` deliveries due that are deferred or held; says whether there are more."""
    db.execute(
        "UPDATE deliveries SET state = 'waiting', next_attempt = NULL WHERE id IN (SELECT id"
        " FROM deliveries WHERE state IN ('deferred', 'held') AND ended IS NULL LIMIT ?)",
        (limit,),
    )
    return db.changes() == limit


def let_lanes_wait(db: apsw.Connection, of: str, values: Sequence[Any]) -> None:
    """Makes due what is deferred in the lanes of open deliveries that are so, whoever the recipient
    is: what is deferred comes in before what waits, and would go before it.
    """
    db.execute(
        "UPDATE deliveries SET state = 'waiting', next_attempt = NULL WHERE state = 'deferred'"  # noqa: S608
        " AND ended IS NULL AND lane IN (SELECT lane FROM deliveries WHERE lane IS NOT NULL"
        f" AND ended IS NULL AND {of})",
        values,
    )


def let_lanes_of_events_wait(db: apsw.Connection, seqs: list[int]) -> None:
    """Makes due what is deferred in the lanes of these events."""
    for seq in seqs:
        let_lanes_wait(
            db, "message IN (SELECT message FROM message_events WHERE event = ?)", (seq,)
        )


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


FIRST_LANE: Key = ("", "", 0)  # before all of them


def let_lanes_go(db: apsw.Connection, now: float, after: Key = FIRST_LANE) -> Key | None:
    """Sees to it that the first of each lane waits for nobody, whatever ended the one before it: in
    a slice after lane, recipient and message. Gives where to go on after; None at the end.
    """
    key = ("lane", "recipient", "message")
    columns = "lane, recipient, message, state = 'deferred' AND next_attempt IS NULL"
    which = "lane IS NOT NULL AND ended IS NULL"
    query, values = beyond(columns, key, which, after)
    rows: list[Any] = db.execute(
        f"{query} ORDER BY lane, recipient, message LIMIT {SLICE}", values
    ).fetchall()
    lanes = {row[:2]: None for row in rows if row[3]}
    db.executemany(_LET_NEXT_GO, [(now, *lane) for lane in lanes])
    return rows[-1][:3] if rows else None


def _get(db: apsw.Connection, query: str, *values: int | str) -> int:
    found = db.execute(query, values).get
    return int(found or 0)
