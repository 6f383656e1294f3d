"""SIGKILL at any moment of a queue's life, its start and its end too: what was committed is there,
and no alarm is given, for nothing is missing.
"""

import os
import random
import signal
import time
from pathlib import Path

from tests.support.store import Store, event
from zaiond.store import events

KILLS = int(os.environ.get("ZAIOND_CRASH_KILLS", "40"))
SEED = int(os.environ.get("ZAIOND_CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)
LONGEST = 0.02  # seconds from a start to the kill: several lives, or the midst of the first


def live(state: Path, committed: int, first: int) -> None:
    """Opens the queue, commits a few events and closes it, again and again; tells each commit."""
    number = first
    while True:
        with Store(state) as store:
            for _ in range(random.Random(number).randrange(4)):
                batch = [event(str(number), more=',"message":"' + "x" * 3000 + '"')]
                store.run(lambda db, b=batch: events.accept(db, b, 0.0))  # type: ignore[misc]
                number += 1
                os.write(committed, b"%d\n" % number)


def test_a_kill_at_any_moment_is_no_reason_for_an_alarm(tmp_path: Path) -> None:
    print(f"ZAIOND_CRASH_SEED={SEED}")
    dice = random.Random(SEED)
    state = tmp_path / "state"
    there = kills = 0
    while kills < KILLS or not there:  # on a busy machine a life may begin too late for all of them
        kills += 1
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                live(state, write, there)
            finally:
                os._exit(1)
        os.close(write)
        time.sleep(dice.random() * LONGEST)  # at any moment of its life
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        with os.fdopen(read) as told:
            promised = max((int(line) for line in told), default=there)
        with Store(state) as store:
            assert not store.database.is_recovered, store.database.salvage
            there = store.connection.execute("SELECT count(*) FROM events").get
            assert there >= promised
