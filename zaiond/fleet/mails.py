"""What the mails of a hub need to know of the fleet: the Message-ID that every machine gives the
mail about an event. Pure."""

from zaiond.fleet import letter
from zaiond.fleet.machines import UNKNOWN, Machines
from zaiond.model import StoredEvent
from zaiond.users import NO_UID


class MailsOfHub:
    """`delivery.handing_on.OfFleet` for who hands nothing on."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def letter(self, stored: StoredEvent) -> bytes:  # noqa: ARG002 (a member makes one)
        raise AssertionError("a hub hands nothing on")

    def message_id(self, machine: str, stored: StoredEvent, *of: str) -> str:
        """As the machine gives it that took the event in: by its own uid and source."""
        uid, source, notice = stored.uid, stored.source, bool(stored.notice)
        taken_in_by = self._machines.machine_of(uid) if uid > NO_UID else None
        if taken_in_by is not None and taken_in_by != UNKNOWN:
            machine, uid = taken_in_by, uid & NO_UID
            notice = uid == NO_UID
            source = "" if source == f"uid:{uid}" else source
        return letter.message_id(machine, uid, source, stored.id, notice, *of)
