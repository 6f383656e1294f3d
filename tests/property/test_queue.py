"""The queue on real SQLite against a dict: whatever happens in whatever order, each event is
exactly one of waiting, in a message, dropped or deleted, and what is counted is what is there.
"""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.queries import at_once, histories, immediately
from tests.support.store import NOW, Store, due_messages, event, mail, recount
from tests.support.store import waiting as all_waiting
from zaiond.model import AttemptResult, QueuedMail, StoredEvent
from zaiond.store import events, pending, prune, queue
from zaiond.store.queue import Ended
from zaiond.text import Text

LONGEST_DELAY = 1e6

WHY = Text("理由", "why")
OPEN = ("waiting", "deferred", "held")
uids = st.sampled_from([1000, 1001])
ends = st.sampled_from(["delivered", "failed", "expired", "deferred", "held", "waiting"])


@dataclass
class Delivery:
    """One of the model's deliveries."""

    recipient: str
    state: str = "waiting"
    attempts: int = 0


@dataclass
class Known:
    """What the model knows of an event: `outcome` where it became no mail."""

    stored: StoredEvent
    outcome: str | None = None
    message: int | None = None
    ended: bool = False


@dataclass
class Mail:
    """One of the model's messages."""

    events: list[int]
    deliveries: dict[int, Delivery] = field(default_factory=dict)

    @property
    def open(self) -> dict[int, Delivery]:
        return {row: d for row, d in self.deliveries.items() if d.state in OPEN}


class Queue(RuleBasedStateMachine):
    """The store's operations in any order, as the daemon may call them."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="zaiond-queue-"))
        self.store = Store(self.directory / "state")
        self.known: dict[int, Known] = {}
        self.mails: dict[int, Mail] = {}
        self.hands: dict[int, QueuedMail] = {}  # being sent
        self.routed_through = 0
        self.next_delivery = 1
        self.now = NOW

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.directory)

    # -- what may happen

    @rule(batch=st.lists(st.tuples(st.integers(0, 30), uids, st.booleans()), max_size=6))
    def accept(self, batch: list[tuple[int, int, bool]]) -> None:
        self.now += 1
        new = [
            event(str(id_), uid=uid, at=self.now, more=',"x":1' if other else "")
            for id_, uid, other in batch
        ]
        expected = []
        there = {(k.stored.id, k.stored.uid): k.stored.body for k in self.known.values()}
        for id_, uid, _, _, body, *_ in new:
            before = there.setdefault((id_, uid), b"")
            if not before:
                there[id_, uid] = body
                expected.append("accepted")
            else:
                expected.append("duplicate" if before == body else "conflict")
        last = max([self.routed_through, *self.known])
        got = self.store.run(lambda db: events.accept(db, new, self.now))
        assert (got.outcomes or ["accepted"] * len(new)) == expected
        assert got.previous == last
        for seq, stored in enumerate(got.events, last + 1):
            assert stored.seq == seq
            self.known[seq] = Known(stored)

    @rule(
        most=st.integers(1, 4),
        fates=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    )
    def route(self, most: int, fates: list[int]) -> None:
        """Each event is dropped, or becomes a mail to one to three recipients."""
        batch = self.store.run(lambda db: events.unrouted(db, self.routed_through, most))
        waiting = [
            k.stored
            for seq, k in sorted(self.known.items())
            if seq > self.routed_through and k.outcome is None
        ]
        assert batch == waiting[:most]
        if not batch:
            return
        mails: list[QueuedMail] = []
        dropped: list[Ended] = []
        for stored, recipients in zip(batch, fates, strict=False):
            known = self.known[stored.seq]
            if not recipients:
                dropped.append(Ended(stored, WHY))
                known.outcome, known.ended = "dropped", True
                continue
            row = max(self.mails, default=0) + 1
            made = mail(
                row,
                [stored],
                [f"r{n}@x" for n in range(recipients)],
                first_delivery=self.next_delivery,
            )
            self.next_delivery += recipients
            mails.append(made)
            known.message = row
            self.mails[row] = Mail(
                [stored.seq], {d.row: Delivery(d.recipient) for d in made.deliveries}
            )
        self.routed_through = batch[-1].seq
        self.store.run(lambda db: queue.route(db, self.routed_through, mails, dropped))

    def idle(self) -> list[int]:
        """Open messages that are not being sent."""
        return [row for row, m in self.mails.items() if m.open and row not in self.hands]

    def loaded(self, row: int, due: pending.Due | None = None) -> QueuedMail | None:
        found = self.store.run(lambda db: pending.load(db, [row], due))
        return found[0] if found else None

    @precondition(lambda self: self.idle())
    @rule(data=st.data(), part=st.booleans())
    def start(self, data: st.DataObject, part: bool) -> None:
        row = data.draw(st.sampled_from(self.idle()))
        one = self.loaded(row, pending.Due(self.now, LONGEST_DELAY) if part else None)
        if one is None:
            return
        self.store.run(lambda db: queue.start(db, one, self.now))
        self.hands[row] = one

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(sorted(self.hands)))
        one = self.hands.pop(row)
        attempted: list[AttemptResult] = []
        for delivery in one.deliveries:
            state: Any = data.draw(ends)
            attempted.append(
                AttemptResult(
                    delivery,
                    state,
                    "deferred" if state == "waiting" else state,
                    "mailhost:25",
                    "reply",
                    self.now,
                    self.now,
                    self.now + data.draw(st.sampled_from([0, 10]))
                    if state in ("deferred", "held")
                    else None,
                )
            )
            model = self.mails[row].deliveries[delivery.row]
            model.state, model.attempts = state, model.attempts + 1
        ended, _ = self.store.run(lambda db: queue.finish(db, one, attempted, self.now))
        self.has_ended(ended, row)

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(sorted(self.hands)))
        one = self.hands.pop(row)
        self.store.run(lambda db: queue.put_back(db, [one]))

    @precondition(lambda self: self.idle())
    @rule(data=st.data(), state=st.sampled_from(["expired", "deleted"]))
    def end(self, data: st.DataObject, state: Any) -> None:
        row = data.draw(st.sampled_from(self.idle()))
        one = self.loaded(row)
        assert one is not None
        ended = self.store.run(lambda db: queue.end(db, [one], state, 0.0, self.now, "", ""))
        for model in self.mails[row].open.values():
            model.state = state
        self.has_ended(ended, row)

    def has_ended(self, ended: list[StoredEvent], row: int) -> None:
        """The events that end with this message are told of, once."""
        over = [] if self.mails[row].open else self.mails[row].events
        assert [e.seq for e in ended] == over
        for seq in over:
            assert not self.known[seq].ended
            self.known[seq].ended = True

    @rule(data=st.data())
    def delete_unrouted(self, data: st.DataObject) -> None:
        after = [seq for seq in self.known if seq > self.routed_through]
        seqs = data.draw(st.lists(st.sampled_from(after), unique=True)) if after else []
        gone = self.store.run(lambda db: events.delete_unrouted(db, seqs, WHY))
        expected = [seq for seq in seqs if self.known[seq].outcome is None]
        assert [e.seq for e in gone] == expected
        for seq in expected:
            self.known[seq].outcome, self.known[seq].ended = "deleted", True

    @rule(age=st.integers(0, 20))
    def prune(self, age: int) -> None:
        before = self.now - age
        after: int | None = 0
        while after is not None:
            _, _, after = self.store.run(lambda db, last=after: prune.too_old(db, before, last))  # type: ignore[misc]
        left = self.store.connection.execute("SELECT seq FROM events").fetchall()
        gone = set(self.known) - {seq for (seq,) in left}
        for seq in gone:
            known = self.known.pop(seq)
            assert known.ended
            assert known.stored.accepted < before
            if known.message is not None:
                del self.mails[known.message]

    @rule(uid=uids, size=st.integers(0, 5000))
    def shorten(self, uid: int, size: int) -> None:
        self.store.run(lambda db: prune.shorten(db, {uid: size}, 0, self.now))
        left = self.store.connection.execute("SELECT seq FROM events").fetchall()
        gone = set(self.known) - {seq for (seq,) in left}
        for seq in gone:
            known = self.known.pop(seq)
            assert known.ended
            assert known.stored.uid == uid
            if known.message is not None:
                del self.mails[known.message]
        older = [s for s, k in self.known.items() if k.ended and k.stored.uid == uid]
        assert not gone or all(seq > max(gone) for seq in older)

    @rule()
    def crash(self) -> None:
        """What a start finds after a kill -9."""
        started = sum(len(one.deliveries) for one in self.hands.values())
        recovered = self.store.run(lambda db: queue.recover(db, self.now))
        assert recovered.started == started
        assert recovered.routed_through == self.routed_through
        assert recovered.next_message == max(self.mails, default=0) + 1
        for row, one in self.hands.items():
            for delivery in one.deliveries:
                self.mails[row].deliveries[delivery.row].attempts += 1
        self.hands.clear()
        self.next_delivery = recovered.next_delivery

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = Store(self.directory / "state")

    # -- what must hold

    @invariant()
    def what_is_counted_is_what_is_there(self) -> None:
        expected: dict[int, tuple[int, int]] = {}
        for known in self.known.values():
            if not known.ended:
                number, size = expected.get(known.stored.uid, (0, 0))
                expected[known.stored.uid] = (number + 1, size + len(known.stored.body))
        assert self.store.run(events.usage) == expected
        assert recount(self.store.connection) == expected
        waiting = sum(not k.ended for k in self.known.values() if k.message is None)
        assert sum(line.events for line in self.store.run(events.waiting_lines)) == waiting

    @invariant()
    def deliveries_are_as_they_became(self) -> None:
        found = self.store.connection.execute(
            "SELECT message, id, recipient, state, attempts, ended IS NULL, started IS NULL"
            " FROM deliveries ORDER BY id"
        ).fetchall()
        in_hand = {d.row for one in self.hands.values() for d in one.deliveries}
        assert found == sorted(
            [
                (row, id_, d.recipient, d.state, d.attempts, d.state in OPEN, id_ not in in_hand)
                for row, m in self.mails.items()
                for id_, d in m.deliveries.items()
            ],
            key=lambda one: one[1],
        )

    @invariant()
    def the_content_is_there_as_long_as_something_is_open(self) -> None:
        found = self.store.connection.execute("SELECT message FROM contents ORDER BY 1").fetchall()
        open_now = sorted(row for row, m in self.mails.items() if m.open)
        assert [row for (row,) in found] == open_now
        every = [seq for (seq,) in self.store.connection.execute("SELECT seq FROM events")]
        assert self.store.run(lambda db: pending.open_messages(db, every)) == open_now

    @invariant()
    def whatever_is_open_comes_up_again(self) -> None:
        waiting = self.store.run(lambda db: all_waiting(db))
        later = pending.Due(self.now + LONGEST_DELAY, LONGEST_DELAY)
        due = self.store.run(lambda db: due_messages(db, later))
        assert sorted({*waiting, *due}) == sorted(row for row, m in self.mails.items() if m.open)

    @invariant()
    def history_tells_the_same(self) -> None:
        documents = at_once(histories(immediately(self.store), language="ja", limit=1000))
        assert len(documents) == len(self.known)
        for document, (_, known) in zip(documents, sorted(self.known.items()), strict=True):
            assert document["id"] == known.stored.id
            if known.outcome is not None:
                assert document["outcome"] == known.outcome
            else:
                assert (document["outcome"] in ("waiting", "held")) == (not known.ended)


TestQueue = Queue.TestCase
TestQueue.settings = settings(stateful_step_count=30)
