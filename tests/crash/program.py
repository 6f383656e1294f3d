"""A program that emits, with a ledger of its own: what was acknowledged, written before it goes on.

    python -m tests.crash.program KIND NAME RUNTIME_DIR SPOOL_DIR LEDGER

Each line of standard input is how many events it may emit now; after them it says `done`, a line on
standard output. Its end is the program's. KIND:
  one     zaiond.client, one event after the other; into the spool where the daemon is down
  batch   zaiond.client, several at once, likewise
  socket  the bare socket, lines sent ahead; what has no answer is sent again, under the same id,
          when the daemon runs again (it waits for the next line of standard input)
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from zaiond import client

SOURCE = "ledger"
BATCH = 20


def main() -> None:
    kind, name, runtime, spool, path = sys.argv[1:]
    ledger = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def acknowledged(ids: list[str]) -> None:
        os.write(ledger, "".join(f"{event}\n" for event in ids).encode())

    if kind == "socket":
        _by_socket(name, f"{runtime}/events.sock", acknowledged)
    else:
        _by_client(name, runtime, spool, BATCH if kind == "batch" else 1, acknowledged)


def _grants() -> Iterator[int]:
    for line in sys.stdin:
        yield int(line)


def _done() -> None:
    print("done", flush=True)


def _event(name: str, number: int) -> dict[str, object]:
    # Some are long, so that a kill finds one half-way through a buffer.
    text = f"number {number}\n" * (1 if number % 10 else 500)
    return {"type": "job.finished", "id": f"{name}-{number}", "source": SOURCE, "message": text}


def _by_client(
    name: str, runtime: str, spool: str, size: int, acknowledged: Callable[[list[str]], None]
) -> None:
    number = 0
    for grant in _grants():
        granted = number + grant
        while number < granted:
            batch = [_event(name, n) for n in range(number, min(number + size, granted))]
            for outcome in client.emit_many(batch, runtime_dir=runtime, spool_dir=spool):
                if isinstance(outcome, client.ClientError):
                    raise outcome
                acknowledged([outcome.id])
            number += len(batch)
        _done()


def _by_socket(name: str, path: str, acknowledged: Callable[[list[str]], None]) -> None:
    number = 0
    unanswered: dict[str, bytes] = {}
    for grant in _grants():
        for n in range(number, number + grant):
            event = _event(name, n)
            unanswered[str(event["id"])] = json.dumps(event).encode() + b"\n"
        number += grant
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                with connection.makefile("rb") as replies:
                    while unanswered:
                        ids = list(unanswered)[:BATCH]
                        connection.sendall(b"".join(map(unanswered.__getitem__, ids)))
                        for event_id in ids:
                            line = replies.readline()
                            if not line.endswith(b"\n"):
                                raise ConnectionResetError
                            reply = json.loads(line)
                            assert (reply["status"], reply["id"]) == ("ok", event_id), reply
                            acknowledged([event_id])
                            del unanswered[event_id]
        except (ConnectionError, FileNotFoundError):
            pass  # it has been killed: again at the next grant
        _done()


def ledger_of(path: Path) -> list[str]:
    """The ids in a ledger, in order."""
    return path.read_text().split()


if __name__ == "__main__":
    main()
