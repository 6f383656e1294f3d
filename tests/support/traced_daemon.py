"""zaiond, noting every call of one of its functions, as a program: `… FILE OPTIONS`.

At its end FILE has a line of JSON for each call: when it was (`time.monotonic`), the caller's file
and function (null: something outside of zaiond), and the called function's.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

PACKAGE = f"{Path(__file__).parents[2] / 'zaiond'}/"


class Call(NamedTuple):
    """A call of one of zaiond's functions; the caller is None where that isn't zaiond."""

    at: float
    caller: Sequence[str] | None
    called: Sequence[str]


def read(file: Path) -> list[Call]:
    """The calls of a daemon that has ended."""
    calls = [json.loads(line) for line in file.read_text().splitlines()]
    return [
        Call(at, tuple(caller) if caller else None, tuple(called)) for at, caller, called in calls
    ]


def _where(frame: FrameType | None) -> tuple[str, str] | None:
    if frame is None or not frame.f_code.co_filename.startswith(PACKAGE):
        return None
    return frame.f_code.co_filename.removeprefix(PACKAGE), frame.f_code.co_qualname


def _main() -> None:
    file = sys.argv.pop(1)
    calls: list[Any] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (called := _where(frame)) is not None:
            calls.append((time.monotonic(), _where(frame.f_back), called))

    end = os._exit

    def write_and_end(status: int) -> None:
        sys.setprofile(None)
        Path(file).write_text("".join(f"{json.dumps(call)}\n" for call in calls))
        end(status)

    os._exit = write_and_end  # type: ignore[assignment]
    threading.setprofile(note)
    sys.setprofile(note)
    from zaiond.daemon.main import main

    main()


if __name__ == "__main__":
    _main()
