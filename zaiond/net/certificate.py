"""A second look at a certificate that did not hold, for the self-test: Python tells nothing of it
once its verification has failed.
"""

import asyncio
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

from zaiond.net.connect import Address, connect
from zaiond.net.pump import Pump
from zaiond.net.tls import TlsContexts
from zaiond.smtp.certificate import Certificate
from zaiond.smtp.failure import DeliveryFailure
from zaiond.smtp.opening import SessionSettings
from zaiond.smtp.session import Session

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer


class _Looking(TlsContexts):
    def verified(self, ca_file: str | None) -> ssl.SSLContext:
        """In its place the context that overlooks name and time."""
        return self.looking(ca_file)


async def certificate_of(
    server: "MailServer", settings: SessionSettings, addresses: list[Address]
) -> Certificate | None:
    """The server's certificate, by a connection of its own over which no secret goes; None if it
    isn't by a known authority, or the server doesn't show it a second time.
    """
    anonymous = replace(settings, credentials=None, verify=True, trace=False)
    try:
        sock = await connect(server.address, addresses, server.timeout)
    except DeliveryFailure:
        return None
    deadline = asyncio.get_running_loop().time() + server.timeout
    pump = Pump(server, Session(anonymous), deadline, lambda _: None, lambda _: None)
    try:
        await pump.establish(sock, _Looking())
    except DeliveryFailure:
        pass  # what was seen before that is enough
    finally:
        await pump.close()
    return pump.tls.certificate if pump.tls is not None else None
