"""SIGKILL at random while programs emit: what was acknowledged arrives, and bounded is what twice.

How hard: ZAIOND_CRASH_EVENTS, ZAIOND_CRASH_KILLS and ZAIOND_CRASH_SEED in the environment (`make
crash` sets them higher).
"""

import os
import random
import subprocess
import sys
import textwrap
from collections import defaultdict
from pathlib import Path

from tests.support.daemon import Daemon
from tests.support.sink import Mail, Sink

EVENTS = int(os.environ.get("ZAIOND_CRASH_EVENTS", "2000"))
KILLS = int(os.environ.get("ZAIOND_CRASH_KILLS", "5"))
SEED = int(os.environ.get("ZAIOND_CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)
PROGRAMS = 4
MAX_CONNECTIONS = 4

# Keeps a ledger of its own: a line on standard output for each event that was acknowledged.
EMITTER = textwrap.dedent("""
    import sys
    from zaiond import client
    runtime, spool, name, count = sys.argv[1:]
    for number in range(int(count)):
        client.emit("job.finished", id=f"{name}-{number}", source="ledger",
                    message=f"number {number}", runtime_dir=runtime, spool_dir=spool)
        print(f"{name}-{number}", flush=True)
""")


def configuration(port: int) -> str:
    return f"""
mail_server:
  host: 127.0.0.1
  port: {port}
  max_connections: {MAX_CONNECTIONS}
admins: admin@example.co.jp
queue: {{retry_first: 1s}}
"""


def test_every_acknowledged_event_arrives_and_at_most_max_connections_a_kill_twice(
    tmp_path: Path,
) -> None:
    dice = random.Random(SEED)
    print(f"ZAIOND_CRASH_SEED={SEED}")
    with Sink() as sink:
        daemon = Daemon(tmp_path, configuration(sink.port))
        daemon.start()
        try:
            emitters = [_emitter(daemon, number) for number in range(PROGRAMS)]
            for kill in range(KILLS):
                # Somewhere in its share of the way: neither all before the first mail nor after
                # the last.
                share = EVENTS // (KILLS + 1)
                sink.wait(share * kill + dice.randrange(share))
                daemon.kill()
                daemon.start()
            assert [emitter.wait(300) for emitter in emitters] == [0] * PROGRAMS
            acknowledged = [
                line
                for number in range(PROGRAMS)
                for line in _ledger(daemon, number).read_text().split()
            ]
            assert len(acknowledged) == EVENTS
            mails = _until_all_are_there(daemon, sink, set(acknowledged))
        finally:
            daemon.end()
    copies: defaultdict[str, list[str]] = defaultdict(list)
    for mail in mails:
        (event,) = mail.event_ids
        copies[event].append(str(mail.message["Message-ID"]))
    assert set(copies) == set(acknowledged)
    assert all(len(set(ids)) == 1 for ids in copies.values()), "a copy under another Message-ID"
    duplicates = sum(len(ids) - 1 for ids in copies.values())
    assert duplicates <= KILLS * MAX_CONNECTIONS


def _emitter(daemon: Daemon, number: int) -> "subprocess.Popen[bytes]":
    # To a file: nobody reads a pipe while the daemon is being killed, and a full one stops it.
    with _ledger(daemon, number).open("wb") as ledger:
        return subprocess.Popen(
            [
                *(sys.executable, "-c", EMITTER),
                *(str(daemon.runtime), str(daemon.spool)),
                *(f"program{number}", str(EVENTS // PROGRAMS)),
            ],
            stdout=ledger,
        )


def _ledger(daemon: Daemon, number: int) -> Path:
    return daemon.directory / f"ledger{number}"


def _until_all_are_there(daemon: Daemon, sink: Sink, wanted: set[str]) -> list[Mail]:
    count = len(wanted)
    while True:
        mails = sink.wait(count, timeout=60)
        if {event for mail in mails for event in mail.event_ids} >= wanted:
            # Nothing is left that could still come twice.
            daemon.becomes(lambda status: status["queue"]["waiting"] == 0, "status")
            return list(sink.mails)
        count = len(mails) + 1
