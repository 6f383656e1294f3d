"""What the mails of a hub need to know of the fleet (delivery.handing_on.OfFleet). Pure."""

from zaiond.fleet import letter
from zaiond.fleet.machines import UNKNOWN, Machines
from zaiond.model import StoredEvent
from zaiond.users import NO_UID


class OfHub:
    """By the machines that are known here."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def letter(self, stored: StoredEvent) -> bytes:
        """A hub hands nothing on."""
        raise NotImplementedError

    def message_id(self, machine: str, stored: StoredEvent, *of: str) -> str:
        """As the member would give it, and the other hub: by the event as the member had it."""
        theirs = self._machines.machine_of(stored.uid)
        uid, source, notice = stored.uid, stored.source, bool(stored.notice)
        if theirs is not None and theirs != UNKNOWN:
            machine, uid = theirs, uid & NO_UID
            notice = uid == NO_UID
            source = "" if source == f"uid:{uid}" else source  # as `arrived` fills it in
        return letter.message_id(machine, uid, source, stored.id, notice, *of)
