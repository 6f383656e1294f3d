"""The front door of intake/: all that takes events in, made and wired."""

import contextlib
from collections.abc import Callable

from zaiond.config.schema import Config
from zaiond.intake.admission import Admission
from zaiond.intake.batches import Batches
from zaiond.intake.listener import Listener, event_socket, remove, room_for_connections
from zaiond.intake.quota import Quotas
from zaiond.intake.spool.spool import OnRefused, Spool
from zaiond.journal import Journal
from zaiond.store.database import DiskSpace
from zaiond.store.events import Acceptance
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer


class Intake:
    """Events in, from the event socket (`events`) and from the spool.

    `usage`: how many events and bytes of each uid wait (store.events.usage). `user_of` says whose a
    uid is, `name_of` what that user is called; `make_id` gives an id to an event that has none.
    `on_accepted` gets what is new on disk; `on_refused_file` hears of files of the spool that have
    something that can't be taken; `look_at_history` is called when the disk grows full,
    `on_change` when more or fewer events wait than before.
    """

    def __init__(
        self,
        spool_dir: str,
        space: DiskSpace,
        writer: Writer,
        journal: Journal,
        usage: dict[int, tuple[int, int]],
        turns: Turns,
        *,
        clock: Callable[[], float],
        queue_time: Callable[[], float],
        make_id: Callable[[], str],
        user_of: Callable[[int], int],
        name_of: Callable[[int], str],
        on_accepted: Callable[[Acceptance], None],
        on_refused_file: OnRefused,
        look_at_history: Callable[[], None],
        on_change: Callable[[], None],
    ) -> None:
        self._journal = journal
        self.quotas = Quotas(usage, user_of, room_for_connections())
        self.admission = Admission(
            space,
            writer,
            self.quotas,
            turns,
            queue_time,
            journal,
            on_accepted,
            look_at_history,
            on_change,
        )
        self.refusals = self.admission.refusals
        self.events = Batches(self.admission, make_id, clock, journal)
        self.spool = Spool(spool_dir, self.admission, clock, journal, on_refused_file, name_of)

    def open(self, runtime_dir: str, doors: contextlib.ExitStack) -> None:
        """From now on events are taken, until the doors are closed. Raises StoreError or UsageError
        where they can't be.
        """
        self.spool.prepare()
        listener, path = event_socket(runtime_dir)
        if path is not None:
            doors.callback(remove, path)
        doors.callback(Listener(listener, self.events.connection, self._journal).close)

    def configure(self, config: Config) -> None:
        self.quotas.limits = config.limits
        self.events.frame_deadline = config.limits.frame_deadline
