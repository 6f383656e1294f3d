"""From an event to a mail, in microseconds and without the email package, which is its oracle in
the tests.
"""

from collections.abc import Sequence
from datetime import tzinfo

from zaiond.model import Event, Message
from zaiond.text import Language


def message_id_for(unique: str, fqdn: str) -> str:
    """A Message-ID with its angle brackets (RFC 5322 3.6.4), of `unique` and this machine's name.

    What neither may have there is left out.
    """
    raise NotImplementedError


def compose(
    event: Event,
    *,
    recipients: Sequence[str],
    sender: str,
    subject_prefix: str,
    language: Language,
    message_id: str,
    date: float,
    host: str,
    fqdn: str,
    tz: tzinfo | None = None,
) -> Message:
    """The mail about `event`.

    `recipients` and `sender` are as in the configuration, with or without display names; `{host}`
    and `{fqdn}` are already replaced in `sender` and `subject_prefix`. `message_id` has its angle
    brackets. `date` is in seconds since the epoch; `tz` None is the system's zone. `host` and
    `fqdn` are this machine's names. Raises AddressError.
    """
    raise NotImplementedError


def test_mail(
    *,
    recipient: str,
    sender: str,
    language: Language,
    message_id: str,
    date: float,
    tz: tzinfo | None = None,  # noqa: PT028 (it is no test)
) -> Message:
    """The mail of the self-test (interface 6) to one address; arguments as for `compose`."""
    raise NotImplementedError


def check_wire(content: bytes, *, smtputf8: bool = False) -> None:
    """Look at a mail's bytes before they leave (RFC 5321 2.3.8, 4.5.3.1.6; RFC 5322 3.6).

    Raises MessageError unless each line ends in CRLF and has at most 998 octets, there is no NUL
    and, without `smtputf8`, no octet above 127, and the header has exactly the fields of ours.
    """
    raise NotImplementedError
