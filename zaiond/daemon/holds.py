"""What holds mail now, as it is on disk (`store.holds`). Pure."""

from collections.abc import Iterable

from zaiond.store.holds import Hold, HoldScope


class Holds:
    """Holds by scope and subject."""

    def __init__(self, found: Iterable[Hold] = ()) -> None:
        self._found = {(hold.scope, hold.subject): hold for hold in found}

    @property
    def queue(self) -> Hold | None:
        """What holds the whole queue."""
        return self._found.get(("queue", ""))

    @property
    def addresses(self) -> frozenset[str]:
        """The recipients that are held."""
        return frozenset(subject for scope, subject in self._found if scope == "address")

    def get(self, scope: HoldScope, subject: str) -> Hold | None:
        """The hold of this scope and subject."""
        return self._found.get((scope, subject))

    def put(self, hold: Hold) -> bool:
        """Holds; says whether that is news."""
        key = hold.scope, hold.subject
        before = self._found.get(key)
        self._found[key] = hold if before is None else before._replace(failure=hold.failure)
        return before is None

    def release(self, scope: HoldScope, subject: str) -> bool:
        """Holds no longer; says whether it did."""
        return self._found.pop((scope, subject), None) is not None

    def clear(self) -> None:
        """Nothing is held: what held it is to be found out anew."""
        self._found.clear()
