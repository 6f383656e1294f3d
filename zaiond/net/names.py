"""This machine's own names, for EHLO, Message-ID and the placeholders `{host}` and `{fqdn}`."""

import re
import socket
from typing import NamedTuple

from zaiond.net.lookup import look_up


class Names(NamedTuple):
    """`host` has no dot; `fqdn` is the fully qualified name, or `host` where none is known."""

    host: str
    fqdn: str


async def machine_names(limit: float = 5.0) -> Names:
    """This machine's names. A name without a dot is completed as the resolver does it, for which
    `limit` seconds are given: DNS may be as dead as the mail server.
    """
    host = _as_domain(socket.gethostname())
    if "." in host:
        return Names(host.partition(".")[0], host)

    def canonical() -> str:
        return socket.getaddrinfo(host, None, flags=socket.AI_CANONNAME)[0][3]

    try:
        found = await look_up(canonical, limit)
    except (OSError, ValueError):
        return Names(host, host)
    # Where a hosts file gives the name as one more of localhost's, that says nothing.
    return Names(host, host if not found or found.startswith("localhost") else _as_domain(found))


def _as_domain(name: str) -> str:
    # sethostname(2) takes any bytes; these names go into commands, addresses and Message-IDs.
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).strip(".-") or "localhost"
