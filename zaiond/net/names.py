"""This machine's own names, for EHLO, Message-ID and the placeholders `{host}` and `{fqdn}`."""

import socket
import threading
from typing import NamedTuple


class Names(NamedTuple):
    """`host` has no dot; `fqdn` is the fully qualified name, or `host` where none is known."""

    host: str
    fqdn: str


def machine_names(limit: float = 3.0) -> Names:
    """This machine's names; blocks for `limit` seconds at most, if DNS doesn't answer.

    A name without a dot is completed as the resolver does (as `hostname -f`).
    """
    name = socket.gethostname() or "localhost"
    found: list[str] = []

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(name, None, flags=socket.AI_CANONNAME)
        except (OSError, ValueError):
            return  # no name but the one we have
        found.extend(row[3] for row in rows if row[3])

    if "." not in name:
        thread = threading.Thread(target=look_up, name="names", daemon=True)
        thread.start()
        thread.join(limit)
    canonical = found[0].rstrip(".") if found else name
    # A host file that maps the name to "localhost" says nothing.
    fqdn = canonical if canonical.startswith(name.split(".")[0] + ".") else name
    return Names(name.split(".")[0], fqdn)
