"""The machines of the fleet as a hub knows them: their numbers, and what their users are called.

Pure. A number is this hub's own; it is kept in its store, so that whose an event is never changes.
"""

from collections.abc import Iterable

import msgspec

from zaiond.fleet import letter
from zaiond.model import StoredEvent
from zaiond.safe import one_line
from zaiond.users import NO_UID, abroad

MOST = 10_000  # machines
MOST_USERS = 1000  # of a machine, that are known by name
ROW = "machine"  # and a blank: what the names of the rows begin with (store.meta)
_MOST_DIGITS = 10  # of a uid
UNKNOWN = "?"  # where a message comes from whose subject names no machine


class Machine(msgspec.Struct):
    """A row: its name, and the names of its users by uid."""

    name: str
    users: dict[int, str] = {}


class Machines:
    """`rows` are those that were kept, by name."""

    def __init__(self, rows: dict[str, str]) -> None:
        self._by_number: dict[int, Machine] = {}
        self._changed: set[int] = set()  # to be kept
        for name, value in rows.items():
            number = name.removeprefix(f"{ROW} ")
            try:
                machine = msgspec.json.decode(value, type=Machine)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if number.isdecimal():
                self._by_number[int(number)] = machine
        self._numbers = {one.name: number for number, one in self._by_number.items()}

    def number(self, name: str) -> int | None:
        """The number of a machine, a new one where it had none; None: there are too many."""
        number = self._numbers.get(name)
        if number is None and len(self._numbers) < MOST:
            number = max(self._by_number, default=0) + 1
            self._by_number[number] = Machine(name)
            self._numbers[name] = number
            self._changed.add(number)
        return number

    def uid(self, name: str, uid: int | None, user: str) -> int | None:
        """The uid here of a user of a machine, `user` by name there; None as uid: of the machine
        itself. None: there are too many machines.
        """
        number = self.number(name)
        if number is None:
            return None
        if uid is None:
            return abroad(number, NO_UID)
        users = self._by_number[number].users
        user = one_line(user)[: letter.LONGEST_USER]
        if user and users.get(uid) != user and (uid in users or len(users) < MOST_USERS):
            users[uid] = user
            self._changed.add(number)
        return abroad(number, uid)

    def take(self) -> dict[str, Machine]:
        """What is to be kept, by the names of the rows; `not_kept` takes back what could not be."""
        changed, self._changed = sorted(self._changed), set()
        return {f"{ROW} {number}": self._by_number[number] for number in changed}

    def not_kept(self, rows: Iterable[str]) -> None:
        """These are to be kept again."""
        self._changed |= {int(name.removeprefix(f"{ROW} ")) for name in rows}

    def machine_of(self, uid: int) -> str | None:
        """The machine whose user has this uid here; None: none of another one."""
        machine = self._by_number.get(uid >> 32)
        return None if machine is None else machine.name

    def user_of(self, uid: int) -> str:
        """What that machine calls the user; '' where no name is known."""
        machine = self._by_number.get(uid >> 32)
        return "" if machine is None else machine.users.get(uid & NO_UID, "")

    def message_id(self, here: str, stored: StoredEvent, *of: str) -> str:
        """The Message-ID of the mail `of` this kind about an event, made on the machine of the name
        `here`: the same on all machines of the fleet, by the event as its own machine had it.
        """
        theirs = self.machine_of(stored.uid)
        uid, source, notice = stored.uid, stored.source, bool(stored.notice)
        if theirs is not None and theirs != UNKNOWN:
            here, uid = theirs, uid & NO_UID
            notice = uid == NO_UID
            source = "" if source == f"uid:{uid}" else source  # as `arrived` fills it in
        return letter.message_id(here, uid, source, stored.id, notice, *of)

    def called(self, uid: int) -> str:
        """`user@machine`; of the machine itself its name."""
        machine = self._by_number.get(uid >> 32)
        own = uid & NO_UID
        name = UNKNOWN if machine is None else machine.name
        if own == NO_UID:
            return name
        return f"{self.user_of(uid) or f'uid {own}'}@{name}"

    def uid_of(self, called: str) -> int | None:
        """The uid here of who is `called` so; None: nobody."""
        user, _, name = called.rpartition("@")
        number = self._numbers.get(name)
        if number is None:
            return None
        unnamed = user.removeprefix("uid ")
        theirs = [NO_UID, *self._by_number[number].users]
        if unnamed.isdecimal() and len(unnamed) <= _MOST_DIGITS:
            theirs.append(int(unnamed))
        uids = (abroad(number, uid) for uid in theirs)
        return next((uid for uid in uids if self.called(uid) == called), None)
