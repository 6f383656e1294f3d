"""Programs emit, the daemon is killed again and again, and the ledgers are checked at the end.

What a run is made of is drawn from a seed: the points and times of the kills. When each program
comes to what is up to the machine.
"""

import contextlib
import os
import random
import select
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import apsw

from tests.crash.failing_daemon import GROUP_POINTS, POINTS
from tests.crash.program import SOURCE, ledger_of
from tests.support.daemon import Daemon, EndedBeforeReadyError
from tests.support.fast_sink import Arrival, FastSink
from zaiond.store import damage, events, recovery

ROOT = Path(__file__).parents[2]
PROGRAMS = ("one", "one", "one", "one", "batch", "batch", "socket", "socket")
ADMINS = ("admin@example.co.jp", "second@example.co.jp")
MAX_CONNECTIONS = 4
START_MILLISECONDS = 500  # about as long as a start takes here
HANGS = 60.0  # seconds; a bound for what hangs

CONFIGURATION = f"""
mail_server: {{host: 127.0.0.1, port: PORT, max_connections: {MAX_CONNECTIONS}}}
admins: [{", ".join(ADMINS)}]
route_defaults: {{max_mails: null}}
queue: {{retry_first: 1s, retry_max: 1s}}
"""


GROUPED = f"""{CONFIGURATION}
routes:
  together: {{group_by: [type], group_wait: 1s, group_interval: 1s}}
"""


class LostError(AssertionError):
    """Events that were acknowledged and have not arrived."""


class End(NamedTuple):
    """How a life of the daemon ends: at a point of `failing_daemon`, or when there are `mails` of
    the events that may be emitted in it, and `delay` seconds have passed.
    """

    point: str
    nth: int
    mails: int = 0
    delay: float = 0.0


@dataclass
class Outcome:
    """What is left at the end, when nothing waits any more."""

    emitted: int
    kills: int
    dropped: int
    acknowledged: list[str]
    arrivals: list[Arrival]
    mails: list[tuple[str, str]]  # Message-ID, recipient
    possible_duplicates: int
    unknown: Counter[tuple[str, str]]  # by event and recipient: attempts that ended so
    left: dict[str, Any]  # what the database still holds, by what it should not hold
    reached: Counter[str]

    @property
    def duplicates(self) -> int:
        """How many deliveries too many there were."""
        return len(self.mails) - len(set(self.mails))

    def check(self) -> None:
        """The promise. Raises LostError, or AssertionError for what else is broken."""
        arrived = {(arrival.event, arrival.recipient) for arrival in self.arrivals}
        wanted = {(event, admin) for event in self.acknowledged for admin in ADMINS}
        if lost := wanted - arrived:
            raise LostError(f"{len(lost)} of {len(wanted)} lost: {sorted(lost)[:10]}")
        assert len(self.acknowledged) == len(set(self.acknowledged)) == self.emitted
        assert arrived == wanted, f"nobody emitted {sorted(arrived - wanted)[:10]}"
        assert self.left == dict.fromkeys(self.left, 0)
        message_ids: defaultdict[str, set[str]] = defaultdict(set)
        for arrival in self.arrivals:
            message_ids[arrival.event].add(arrival.message_id)
        two = {event: ids for event, ids in message_ids.items() if len(ids) > 1}
        assert not two, f"a copy under another Message-ID: {two}"
        assert self.duplicates <= self.kills * MAX_CONNECTIONS * len(ADMINS)
        assert self.duplicates <= self.possible_duplicates
        copies = Counter((arrival.event, arrival.recipient) for arrival in self.arrivals)
        untold = {which: n for which, n in copies.items() if n - 1 > self.unknown[which]}
        assert not untold, f"came twice, and the history does not say so: {untold}"


def plan(kills: int, events: int, dice: random.Random, of: Sequence[str] = POINTS) -> list[End]:
    """How each life ends: half of them at points, each in its turn, the others at any time."""
    share = events // (kills + 1)
    ends: list[End] = []
    while len(ends) < kills // 2:
        points = [point for point in of if point != "new-schema"]
        dice.shuffle(points)
        ends += [End(point, dice.randint(1, 3)) for point in points]
    del ends[kills // 2 :]
    while len(ends) < kills:
        if dice.random() < 0.25:
            ends.append(End("soon", dice.randrange(1, START_MILLISECONDS)))
        else:
            # Half of them right after a mail, half at any time after it.
            delay = dice.choice((0.0, dice.random() * 0.02))
            ends.append(End("never", 0, dice.randrange(share + 1), delay))
    dice.shuffle(ends)
    if len(ends) > 1:
        ends[0] = End("new-schema", 1)
    return ends


@dataclass
class Run:
    """One run below `directory`. `fault` and the points are `failing_daemon`'s."""

    directory: Path
    events: int
    ends: list[End]
    fault: str = "none"
    drops: int = 0
    configuration: str = CONFIGURATION
    kills: int = 0
    granted: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    _unfinished: int = 0  # grants that the programs have not said `done` to

    def __enter__(self) -> Self:
        self._open = contextlib.ExitStack()
        self.sink = self._open.enter_context(FastSink(self.drops))
        self.daemon = Daemon(
            self.directory,
            self.configuration.replace("PORT", str(self.sink.port)),
            {"PYTHONPATH": str(ROOT)},
        )
        self._open.callback(self.daemon.end)
        self._programs = [
            self._open.enter_context(self._program(number, kind))
            for number, kind in enumerate(PROGRAMS)
        ]
        for program in self._programs:
            self._open.callback(program.kill)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _program(self, number: int, kind: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.crash.program", kind, f"{kind}{number}"),
                *(self.daemon.runtime, self.daemon.spool, self._ledger(number)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            # Theirs is no coverage that others don't have, and takes longer to begin than they do.
            env={name: os.environ[name] for name in os.environ if "COVERAGE" not in name},
        )

    def _ledger(self, number: int) -> Path:
        return self.directory / f"ledger{number}"

    def finish(self) -> Outcome:
        """Runs it to its end."""
        for lives, end in zip(range(len(self.ends) + 1, 1, -1), self.ends, strict=True):
            share = (self.events - self.granted) // lives
            # Half while it is down: that goes into the spool, or waits for it.
            self._grant(share // 2)
            self._programs_are_done()
            self._live(end, share - share // 2)
        self._start(End("never", 0))
        self._grant(self.events - self.granted)
        self._programs_are_done()
        for program in self._programs:
            program.communicate()
            assert program.returncode == 0
        status = self.daemon.becomes(
            lambda status: status["queue"]["waiting"] == 0 and not self._spooled(), "status"
        )
        assert self.daemon.stop() == 0, self.daemon.printed()
        return Outcome(
            emitted=self.events,
            kills=self.kills,
            dropped=self.sink.dropped,
            acknowledged=[
                event
                for number in range(len(PROGRAMS))
                for event in ledger_of(self._ledger(number))
            ],
            arrivals=self.sink.arrivals,
            mails=self.sink.mails,
            possible_duplicates=status["possible_duplicates"],
            unknown=self._unknown(),
            left=self._left(),
            reached=self.reached,
        )

    def restart(self, share: int) -> None:
        """`share` events in a life that ends with SIGTERM, in the midst of them."""
        self._start(End("never", 0))
        self._grant(share)
        self._await_events(self.granted - share // 2)
        assert self.daemon.stop() == 0, self.daemon.printed()
        self._programs_are_done()

    def _live(self, end: End, share: int) -> None:
        before = len(self.sink.events)
        alive = self._start(end)
        self._grant(share)
        if alive:
            by_itself = end.point != "never"
            # What it must have come to when it has sent all that there is.
            wanted = self.granted if by_itself else min(before + end.mails, self.granted)
            alive = self._await_events(wanted)
            if alive:
                _ended_within(self.daemon.process.pid, end.delay)
                self.daemon.kill()
        self.kills += 1
        died = self.daemon.process.wait()
        assert died == -signal.SIGKILL, f"exit status {died}\n{self.daemon.printed()}"
        self._programs_are_done()
        if end.point in (*POINTS, *GROUP_POINTS):
            if not alive:
                self.reached[end.point] += 1
            elif end.nth > 1:
                # All came in so few batches that it was not passed so often.
                self._live(end._replace(nth=1), min(10, self.events - self.granted))

    def _start(self, end: End) -> bool:
        """Starts the daemon; False if it is dead again already."""
        self.daemon.program = (
            *(sys.executable, "-m", "tests.crash.failing_daemon"),
            *(end.point, str(end.nth), self.fault),
        )
        try:
            self.daemon.start()
        except EndedBeforeReadyError:
            return False
        return True

    def _await_events(self, wanted: int) -> bool:
        """Until mails about so many events are there; False if the daemon died before."""
        ended = os.pidfd_open(self.daemon.process.pid)
        try:
            arrived = self.sink.await_events(wanted)
            ready, _, _ = select.select([ended, arrived], [], [], HANGS)
            assert ready, f"{len(self.sink.events)} of {wanted} events:\n{self.daemon.printed()}"
            return ended not in ready
        finally:
            os.close(ended)

    def _grant(self, events: int) -> None:
        """Lets the programs emit so many more, each its part; at least they all look again."""
        count = len(self._programs)
        for number, program in enumerate(self._programs):
            part = (self.granted + events + number) // count - (self.granted + number) // count
            assert program.stdin is not None
            program.stdin.write(b"%d\n" % part)
            program.stdin.flush()
        self.granted += events
        self._unfinished += 1

    def _programs_are_done(self) -> None:
        for program in self._programs:
            assert program.stdout is not None
            for _ in range(self._unfinished):
                assert program.stdout.readline() == b"done\n", "a program has failed"
        self._unfinished = 0

    def _spooled(self) -> list[Path]:
        return list(self.daemon.spool.glob("*.json"))

    def _unknown(self) -> Counter[tuple[str, str]]:
        with contextlib.closing(self._database()) as db:
            return unknown_ends(db)

    def _database(self) -> apsw.Connection:
        return apsw.Connection(str(self.daemon.state / "queue.db"))

    def _left(self) -> dict[str, Any]:
        with contextlib.closing(self._database()) as db:
            return {
                "damaged": int(db.pragma("integrity_check") != "ok"),
                "rows set aside": damage.count(db, 0.0),
                "recoveries": int(recovery.last_salvage(db) is not None),
                "missing": self.events
                - db.execute("SELECT count(*) FROM events WHERE source = ?", (SOURCE,)).get,
                **{
                    what: db.execute(query).get
                    for what, query in {
                        "open deliveries": "SELECT count(*) FROM deliveries WHERE ended IS NULL",
                        "contents": "SELECT count(*) FROM contents",
                        "mails to come": "SELECT count(*) FROM messages WHERE due IS NOT NULL",
                        "not delivered": "SELECT count(*) FROM deliveries"
                        " WHERE state <> 'delivered'",
                        "started": "SELECT count(*) FROM deliveries WHERE started IS NOT NULL",
                    }.items()
                },
                "users with something waiting": len(events.usage(db)),
                "refused": len(list((self.daemon.spool / ".refused").iterdir())),
            }


def unknown_ends(db: apsw.Connection) -> Counter[tuple[str, str]]:
    """How many attempts ended in a way that nobody knows, by event and recipient."""
    return Counter(
        (event, recipient)
        for event, recipient in db.execute(
            "SELECT e.id, d.recipient FROM attempts AS a"
            " JOIN deliveries AS d ON d.id = a.delivery"
            " JOIN message_events AS m ON m.message = d.message"
            " JOIN events AS e ON e.seq = m.event WHERE a.outcome = 'unknown'"
        )
    )


def _ended_within(pid: int, seconds: float) -> bool:
    ended = os.pidfd_open(pid)
    try:
        return bool(select.select([ended], [], [], seconds)[0])
    finally:
        os.close(ended)
