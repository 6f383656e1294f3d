"""Where zaiond-web listens, as whom, and with which certificate: the section `web` of the
configuration, which another program reads for it; or systemd's sockets, which count where there are
any. Beyond this machine nothing is served without TLS.
"""

import asyncio
import contextlib
import os
import socket
import ssl
from typing import Any, NamedTuple

from zaiond.journal import Journal
from zaiond.net.machine import MachineNames
from zaiond.sockets import host_and_port
from zaiond.text import Text
from zaiond.web import words
from zaiond.web.guard import Place, is_loopback
from zaiond.web.settings_service import NoSettings, SettingsService

DEFAULT = "127.0.0.1:8025"
LOOK_INTERVAL = 3600.0  # seconds between two looks whether there is a new certificate
BACKLOG = 128
_FIRST_OF_SYSTEMD = 3  # sd_listen_fds(3)


class CannotListen(Exception):  # noqa: N818 - its text is for an administrator
    """It can't be served there; `exit_status` of sysexits.h."""

    def __init__(self, text: Text, exit_status: int) -> None:
        super().__init__(text.en)
        self.text = text
        self.exit_status = exit_status


class Listening(NamedTuple):
    """Sockets that listen; `context` where they speak TLS."""

    sockets: list[socket.socket]
    place: Place
    context: ssl.SSLContext | None

    @property
    def scheme(self) -> str:
        """What they speak."""
        return "http" if self.context is None else "https"

    @property
    def url(self) -> str:
        """The first one's address, for a browser."""
        return f"{self.scheme}://{shown(self.sockets[0])}"


def from_systemd() -> list[socket.socket]:
    """The sockets that systemd listens on for us (sd_listen_fds(3)); none where it does not."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    return [socket.socket(fileno=_FIRST_OF_SYSTEMD + one) for one in range(count)]


def for_one_user() -> Listening:
    """At the default port of this machine, or at any that is free, as the service may have that
    one. Raises CannotListen.
    """
    host, port = _split(DEFAULT)
    try:
        listening = socket.create_server((host, port), backlog=BACKLOG)
    except OSError:
        listening = _bound(host, 0)
    return Listening([listening], Place(frozenset(), None), None)


async def as_configured(
    sockets: list[socket.socket], settings: SettingsService, journal: Journal
) -> Listening:
    """On `sockets` of systemd, else where the configuration says. Raises CannotListen."""
    try:
        found = await _asked(settings)
    except NoSettings as error:
        if not all(map(_is_local, sockets)):
            raise CannotListen(error.text, os.EX_CONFIG) from None
        journal.warning(error.text)  # the page is there, and says itself what it lacks
        found = {
            "listen": DEFAULT,
            "url": None,
            "cert": None,
            "key": None,
            "errors": [],
            "language": None,
        }
    journal.language = found["language"] or journal.language
    for why in _wrong(found):
        journal.error(why)
    context = _context(found)
    listen = _split(found["listen"])
    sockets = sockets or [_bound(*listen)]
    open_to_others = [one for one in sockets if not _is_local(one)]
    if open_to_others and context is None:
        needs = words.mend_certificate if found["errors"] else words.needs_certificate
        text = needs(address=shown(open_to_others[0]))
        raise CannotListen(text, os.EX_CONFIG)
    if listen != _split(DEFAULT) and listen not in [one.getsockname()[:2] for one in sockets]:
        journal.warning(words.listens_elsewhere(listen=found["listen"], address=shown(sockets[0])))
    names = await MachineNames().current() if open_to_others else ()
    place = Place(frozenset(name.lower() for name in names), found["url"])
    return Listening(sockets, place, context)


async def renew(listening: Listening, settings: SettingsService, journal: Journal) -> None:
    """Takes a new certificate for new connections, as long as this runs; where there is none that
    can be used, the one before stays.
    """
    while listening.context is not None:
        await asyncio.sleep(LOOK_INTERVAL)
        try:
            found = await _asked(settings)
            for why in _wrong(found):
                journal.warning(words.not_renewed(why=why))
            # First by itself: a certificate whose key is still to come would spoil what is in use.
            if _context(found) is not None:
                _load(listening.context, found["cert"], found["key"])
        except (NoSettings, CannotListen) as error:
            journal.warning(words.not_renewed(why=error.text))


async def _asked(settings: SettingsService) -> dict[str, Any]:
    """The section `web`. Raises NoSettings."""
    found = await settings.ask("listen")
    if not found["ok"]:
        raise NoSettings(Text(found["message"]["ja"], found["message"]["en"]))
    return found


def shown(listening: socket.socket) -> str:
    """Its address, for a person."""
    return host_and_port(*listening.getsockname()[:2])


def _is_local(listening: socket.socket) -> bool:
    return is_loopback(listening.getsockname()[0])


def _split(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return "127.0.0.1" if host == "localhost" else host.strip("[]"), int(port)


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        address = host_and_port(host, port)
        raise CannotListen(words.cant_listen(address=address, why=error), 1) from None


def _wrong(found: dict[str, Any]) -> list[Text]:
    """What is wrong with the section `web`."""
    return [
        words.wrong_setting(key=error["key"], what=Text(error["ja"], error["en"]))
        for error in found["errors"]
    ]


def _context(found: dict[str, Any]) -> ssl.SSLContext | None:
    """TLS 1.2 or newer, by the texts of certificate and key; None where there are none."""
    if found["errors"] or not (found["cert"] and found["key"]):
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        _load(context, found["cert"], found["key"])
    except OSError as error:  # ssl.SSLError is one
        raise CannotListen(words.bad_certificate(why=error), os.EX_CONFIG) from None
    return context


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """OpenSSL reads files only: these are in memory alone."""
    with contextlib.ExitStack() as stack:
        paths = []
        for text in (certificate, key):
            descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
            stack.callback(os.close, descriptor)
            os.write(descriptor, text.encode())
            paths.append(f"/proc/self/fd/{descriptor}")
        context.load_cert_chain(*paths)
