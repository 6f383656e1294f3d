"""What the daemon tells its administrators, with a store behind it."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.support.store import Clock, Notes, Store
from zaiond.daemon.incidents import Incidents
from zaiond.daemon.reports import Reports
from zaiond.store.events import Acceptance
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer
from zaiond.text import Language
from zaiond.users import UserNames


class Told:
    """Reports with a store behind them, and what they told."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory)
        self.clock = Clock()
        self.journal = Notes()
        self.accepted: list[Acceptance] = []
        self.writer = Writer(
            self.store.connection, asyncio.get_running_loop(), print, lambda: False
        )
        self.reaches = True  # whether an admin is left who gets mail
        self._begun: list[Coroutine[Any, Any, None]] = []
        self.reports = Reports(
            self.journal,
            self.writer,
            Turns(),
            self.clock,
            lambda: 0.0,
            self._begun.append,
            UserNames(self.clock).shown,
            int,
            lambda: None,
            Incidents(),
        )
        # Notices end here, as far as the rest of the daemon is concerned.
        admission = SimpleNamespace(
            ended=lambda ended: None, count=lambda more: None, released=lambda usage: None
        )
        router = SimpleNamespace(accepted=self.accepted.append)
        outbound = SimpleNamespace(router=router, may_reach_admins=lambda: self.reaches)
        self.reports.connect(cast(Any, admission), cast(Any, outbound))

    async def tell(
        self, report: Callable[..., Any], *about: Any, language: Language = "en"
    ) -> None:
        """Has it told, in that language, and waits until it is."""
        self.journal.language = language
        told = report(*about)
        if told is not None:
            await told
        while self._begun:
            await self._begun.pop(0)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for each in self.accepted for one in each.events]
