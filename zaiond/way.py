"""On which way a message leaves: as mail, or as an event that a member of a fleet hands on to its
hubs. It follows from its user: those of what is handed on are in a range of their own.
"""

from typing import Literal

from zaiond.text import Text

Way = Literal["mail", "fleet"]
HUBS = "fleet:hubs"  # the recipient of what is handed on, which no address of mail is
BEYOND_MAIL = 1 << 59  # what is below is a user of mail: a hub has some up to 2^52
_FLEET_USERS = 1 << 60
_HUBS = Text("フリートのハブ", "hubs of the fleet")


def user_of_fleet(user: int) -> int:
    """This user, as one of whom events are handed on."""
    return user + _FLEET_USERS


def way_of(user: int) -> Way:
    """On which way the mails of this user leave."""
    return "mail" if user < BEYOND_MAIL else "fleet"


def shown(recipient: str) -> Text:
    """A recipient for a person."""
    return _HUBS if recipient == HUBS else Text(recipient, recipient)
