"""A second look at a certificate that did not hold, for the self-test: Python tells nothing of it
once its verification has failed.
"""

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

from zaiond.net.connect import connect
from zaiond.net.memory import Address
from zaiond.net.pump import Machine, Pump
from zaiond.net.tls import TlsContexts
from zaiond.smtp.certificate import Certificate
from zaiond.smtp.failure import DeliveryFailure

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer


class _Looking(TlsContexts):
    def verified(self, ca_file: str | None) -> ssl.SSLContext:
        """In its place the context that overlooks name and time."""
        return self.looking(ca_file)


async def certificate_of(
    server: "MailServer", machine: Machine[Any], addresses: list[Address]
) -> Certificate | None:
    """The server's certificate, by a connection of its own that ends with the handshake; None if it
    isn't by a known authority, or the server doesn't show it a second time.

    `machine` brings the connection that far, and knows no secret.
    """
    try:
        sock = await connect(server.address, addresses, server.timeout)
    except DeliveryFailure:
        return None
    deadline = asyncio.get_running_loop().time() + server.timeout
    pump = Pump(server, machine, deadline, lambda _: None, lambda _: pump.abort())
    try:
        await pump.establish(sock, _Looking())
    except DeliveryFailure:
        pass  # for one, that we ended it
    finally:
        await pump.close()
    return pump.tls.certificate if pump.tls is not None else None
