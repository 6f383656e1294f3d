"""The daemon's notices with a store behind them, and what they told."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.support.store import Clock, Notes, Store
from zaiond.daemon.notices import Notices
from zaiond.daemon.user_names import UserNames
from zaiond.store.events import Acceptance
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer


class Told:
    """Notices with a store behind them, and what they told."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory)
        self.clock = Clock()
        self.journal = Notes()
        self.accepted: list[Acceptance] = []
        self.writer = Writer(
            self.store.connection, asyncio.get_running_loop(), print, lambda: False
        )
        self.notices = Notices(
            self.writer,
            self.accepted.append,
            self.clock,
            lambda: 0.0,
            self.journal,
            UserNames(self.clock).shown,
            Turns(),
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for each in self.accepted for one in each.events]
