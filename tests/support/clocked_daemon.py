"""The daemon with a wall clock that is set by hand: it is ahead of the machine's by as many seconds
as the file ZAIOND_TEST_CLOCK says, which may change at any time. It looks five times a second
whether it was set.
"""

import os
import sys
import time
from pathlib import Path

from tests.support.daemon import Daemon

VARIABLE = "ZAIOND_TEST_CLOCK"
ROOT = Path(__file__).parents[2]


class Clocked(Daemon):
    """A daemon whose clock goes on from where `set` puts it, running or not."""

    def __init__(self, directory: Path, config: str, now: float) -> None:
        self._file = directory / "clock"
        environment = {VARIABLE: str(self._file), "PYTHONPATH": str(ROOT), "TZ": "UTC"}
        super().__init__(directory, config, environment)
        self.program = (sys.executable, "-m", "tests.support.clocked_daemon")
        self.set(now)

    def set(self, now: float) -> None:
        """The clock shows this, in seconds since the epoch."""
        new = self._file.with_suffix(".new")
        new.write_text(repr(now - time.time()))
        new.replace(self._file)

    @property
    def now(self) -> float:
        """What the clock shows."""
        return time.time() + float(self._file.read_text())


def main() -> None:
    """Runs the daemon."""
    file, real = Path(os.environ[VARIABLE]), time.time
    time.time = lambda: real() + float(file.read_text())
    from zaiond.daemon import summary
    from zaiond.daemon.main import main as run
    from zaiond.delivery import scheduler

    scheduler.LOOK = summary.LOOK = 0.2
    summary.AFTER_START = 2.0
    run()


if __name__ == "__main__":
    main()
