"""What holds mail until somebody mends it, as it is on disk (`store.holds`). Pure."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from zaiond.smtp.failure import Failure

HoldScope = Literal["queue", "address", "mail"]


class Hold(NamedTuple):
    """`subject` is '' for the queue, the recipient of an address, the row of a mail. `since` is
    in seconds since the epoch, `queued` the same in queue time.
    """

    scope: HoldScope
    subject: str
    since: float
    queued: float
    failure: Failure


class Holds:
    """Holds by scope and subject; `addresses` are the recipients that are held."""

    def __init__(self, found: Iterable[Hold] = ()) -> None:
        self._found = {(hold.scope, hold.subject): hold for hold in found}
        # Each mail asks for them; they change now and then.
        self.addresses = frozenset(hold.subject for hold in self if hold.scope == "address")

    def renew(self, found: Iterable[Hold]) -> None:
        """Has the holds that were found on disk, and that of the queue as it is."""
        new = Holds(hold for hold in found if hold.scope != "queue")
        if self.queue is not None:
            new.put(self.queue)
        self._found, self.addresses = new._found, new.addresses

    def __iter__(self) -> Iterator[Hold]:
        return iter(self._found.values())

    @property
    def queue(self) -> Hold | None:
        return self._found.get(("queue", ""))

    def get(self, scope: HoldScope, subject: str) -> Hold | None:
        return self._found.get((scope, subject))

    def put(self, hold: Hold) -> bool:
        """Holds; says whether that is news."""
        key = hold.scope, hold.subject
        before = self._found.get(key)
        self._found[key] = hold if before is None else before._replace(failure=hold.failure)
        if hold.scope == "address":
            self.addresses |= {hold.subject}
        return before is None

    def release(self, scope: HoldScope, subject: str) -> bool:
        """Holds no longer; says whether it did."""
        if scope == "address":
            self.addresses -= {subject}
        return self._found.pop((scope, subject), None) is not None

    def clear(self) -> None:
        """Nothing is held: what held it is to be found out anew."""
        self._found.clear()
        self.addresses = frozenset()
