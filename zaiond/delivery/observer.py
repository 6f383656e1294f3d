"""Who is told of what becomes of mails: only of what nobody could ask for in time."""

from typing import Protocol

from zaiond.delivery.servers import ServerState
from zaiond.holds import Hold
from zaiond.model import AttemptResult, QueuedMail, StoredEvent


class Observer(Protocol):
    """All of it is on disk already when it is told."""

    def events_ended(self, ended: list[StoredEvent]) -> None:
        """All deliveries of these events have ended, or they are dropped or deleted."""

    def events_reopened(self, reopened: list[StoredEvent]) -> None:
        """What had ended of these events is to be sent again."""

    def event_unmade(self, event: StoredEvent, error: Exception) -> None:
        """The mail about this event can't be made as it should."""

    def not_delivered(self, mail: QueuedMail, result: AttemptResult) -> None:
        """An attempt did not deliver."""

    def expired(self, mail: QueuedMail, result: AttemptResult) -> None:
        """A delivery was given up."""

    def server_changed(self, state: ServerState, any_usable: bool) -> None:
        """A server went out of use, or came back; `any_usable`: mail can go out by some server."""

    def held(self, hold: Hold) -> None:
        """Something is held from now on that was not."""
