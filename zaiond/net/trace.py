"""The steps of a session, each with its own time: for `test -v` and its --json."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from zaiond.smtp.failure import Failure, Stage
from zaiond.text import Text


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it ended: `step` is a stage's word, `server` is `host:port`, `seconds` begin
    where the step before ended. `warning` is what an administrator should know although it went
    well.
    """

    step: str
    ok: bool
    seconds: float
    detail: Text
    server: str
    warning: Text | None = None


class Trace:
    """Tells `on_step` of each step of one server's session; without `on_step` of none."""

    def __init__(self, server: str, on_step: Callable[[Step], None] | None) -> None:
        self.enabled = on_step is not None
        self._server = server
        self._on_step = on_step
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()

    def begin(self) -> None:
        """The next step begins now: what was before is nobody's time."""
        self._last = self._loop.time()

    def record(
        self, stage: Stage, ok: bool, detail: Text | str, warning: Text | None = None
    ) -> None:
        if self._on_step is None:
            return
        now = self._loop.time()
        text = Text(detail, detail) if isinstance(detail, str) else detail
        self._on_step(Step(stage.value, ok, now - self._last, text, self._server, warning))
        self._last = now

    def failed(self, failure: Failure, ended: float | None = None) -> None:
        """A step has ended in a failure; one that is a reply has been told of when that came.

        `ended`: when, in the loop's time, if more was done since.
        """
        if self.enabled and failure.cause != "reply":
            if ended is not None:
                self._last += self._loop.time() - ended
            self.record(failure.stage, False, failure.text)
