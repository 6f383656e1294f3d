"""The name that a server gives to a mail it has taken: what its administrator can search for."""

import re

from zaiond.smtp.reply import Reply, printable

# RFC 5321 4.2.5 leaves the words to the server. In this order: who says two of them says the
# better one first.
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rb"\bqueued (?:as|with id):? <?([a-z0-9][\w.@+-]*)",  # Postfix, and most of the rest
        rb"\bid=([a-z0-9][\w-]*)",  # Exim
        rb"\[internalid=(\d+)",  # Exchange since 2007, Microsoft 365
        rb"(<[^<>\s]+>) queued mail for delivery",  # Exchange before, IIS
        rb"(?:^|\s)([a-z0-9]{8,}) message accepted for delivery",  # Sendmail, OpenSMTPD
        rb"\bok (\d+ qp \d+)",  # qmail
        rb"\bok +\d+ (\S+) - gsmtp\b",  # Google
        rb"\bmessage queued \(([0-9a-f][0-9a-f.-]+)\)",  # Haraka
        rb"^(?:2\.\d+\.\d+ +)?ok[.:]? +([0-9a-z][0-9a-z.-]{15,})$",  # Amazon SES, Courier
    )
)


def queue_id(reply: Reply) -> str | None:
    """The queue id in the reply to a mail's end, printable; None if there is none to be seen."""
    said = b" ".join(line.strip() for line in reply.shown)
    for form in _FORMS:
        found = form.search(said)
        if found is not None:
            return printable(found[1].rstrip(b"."))
    return None
