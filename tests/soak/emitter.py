"""A program that emits until its standard input ends, with a ledger of what was acknowledged.

    python -m tests.soak.emitter NAME RUNTIME_DIR SPOOL_DIR LEDGER

What is refused for now is sent again, under the same id. It says at its end how many were.
"""

import os
import random
import select
import sys
from pathlib import Path

from zaiond import client

SOURCE = "ledger"
PAUSE = 0.05  # seconds between two batches
BATCH = 10  # events at most


def main() -> None:
    name, runtime, spool, path = sys.argv[1:]
    ledger = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    dice = random.Random(name)
    number = refusals = 0
    again: list[dict[str, str]] = []
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        batch = again
        for _ in range(dice.randint(1, BATCH) - len(again)):
            text = f"number {number}\n" * dice.choice((1, 1, 1, 500))
            event_id = f"{name}-{number}"
            batch.append({"type": "job.done", "id": event_id, "source": SOURCE, "message": text})
            number += 1
        outcomes = client.emit_many(batch, runtime_dir=runtime, spool_dir=spool)
        taken = [one.id for one in outcomes if isinstance(one, client.Emitted)]
        os.write(ledger, "".join(f"{each}\n" for each in taken).encode())
        refused = [one for one in outcomes if isinstance(one, client.ClientError)]
        for one in refused:
            if not getattr(one, "retry", False):
                raise one
        refusals += len(refused)
        again = [event for event in batch if event["id"] not in set(taken)]
    print(refusals, flush=True)


def ledger_of(path: Path) -> list[str]:
    """The ids in a ledger, in order."""
    return path.read_text().split()


if __name__ == "__main__":
    main()
