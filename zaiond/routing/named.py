"""Whom a mail's own program named (interface 7): an explicit recipient bypasses the routes."""

from functools import lru_cache

from zaiond.errors import AddressError
from zaiond.event_rules import MOST_RECIPIENTS
from zaiond.message.address import parse_recipient
from zaiond.model import Event

_LONGEST = 500  # characters of one: it has 254 octets at most (RFC 5321 4.5.3.1.3)


def named(event: Event) -> tuple[tuple[str, ...], bool]:
    """The addresses that the program gave its mail to, and whether the routes count beside them: it
    gave it to somebody of this machine, too, or to nobody. Any other event goes by the routes.
    """
    recipients = event.data.get("recipients") if event.mail else None
    if not isinstance(recipients, list):
        return (), True
    told = [one for one in recipients[:MOST_RECIPIENTS] if isinstance(one, str) and "@" in one]
    addresses = tuple(dict.fromkeys(filter(_is_address, told)))
    return addresses, not addresses or len(told) < len(recipients)


def _is_address(recipient: str) -> bool:
    return len(recipient) <= _LONGEST and _is_valid(recipient)


@lru_cache(1000)
def _is_valid(recipient: str) -> bool:
    try:
        parse_recipient(recipient)
    except AddressError:
        return False
    return True
