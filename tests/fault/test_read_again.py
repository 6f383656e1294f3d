"""What the system or a server has changed is seen by the next connection, whatever is remembered:
the certificate store, a certificate that was bad, this machine's name.
"""

import asyncio
import os
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.delivery import connection_context
from tests.support.scripted_server import Peer, Script, ScriptedServer, ordinary, server_context
from zaiond.config.schema import Auth, MailServer, Secret
from zaiond.net.connection import SmtpConnection
from zaiond.net.context import ConnectionContext
from zaiond.net.machine import MachineNames
from zaiond.oauth.tokens import Tokens
from zaiond.smtp.failure import DeliveryFailure, Failure, Stage

LOGIN = Auth(mechanism="basic", username="zaion", password=Secret("secret"))
UNPROTECTED = Auth(
    mechanism="basic", username="zaion", password=Secret("secret"), allow_unprotected_password=True
)


async def opened(given: MailServer, context: ConnectionContext) -> bool:
    """Whether a new connection is encrypted and verified."""
    connection = await SmtpConnection.open(given, context)
    await connection.close()
    return connection.tls is not None and connection.tls.verified


async def failed(given: MailServer, context: ConnectionContext) -> Failure:
    with pytest.raises(DeliveryFailure) as raised:
        await opened(given, context)
    return raised.value.failure


def at(server: ScriptedServer, security: str, **given: Any) -> MailServer:
    settings: dict[str, Any] = {"security": security, "timeout": 5.0, **given}
    return MailServer(host="127.0.0.1", port=server.port, **settings)


def write(authority: trustme.CA, path: Path, how: str) -> None:
    pem = authority.cert_pem.bytes()
    if how == "in place":
        path.write_bytes(pem)
    else:
        new = path.with_suffix(".new")
        new.write_bytes(pem)
        os.replace(new, path)


@pytest.mark.parametrize("how", ["in place", "renamed"])
@pytest.mark.parametrize("store", ["system", "ca_file"])
async def test_an_authority_that_is_put_into_the_store_counts_for_the_next_connection(
    store: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = trustme.CA(), trustme.CA()
    path = tmp_path / "ca.pem"
    old.cert_pem.write_to_path(str(path))
    ca_file = str(path) if store == "ca_file" else None
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    if store == "system":
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = connection_context()
    async with ScriptedServer(ordinary(starttls=server_context(new))) as server:
        given = at(server, "starttls", ca_file=ca_file)
        for _ in range(2):
            failure = await failed(given, context)
            assert (failure.stage, failure.cause) == (Stage.TLS, "certificate")
        write(new, path, how)
        assert await opened(given, context)


async def test_an_authority_that_is_taken_out_of_the_store_counts_no_more(tmp_path: Path) -> None:
    authority = trustme.CA()
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    context = connection_context()
    async with ScriptedServer(ordinary(starttls=server_context(authority))) as server:
        given = at(server, "starttls", ca_file=str(path))
        assert await opened(given, context)
        write(trustme.CA(), path, "renamed")
        assert (await failed(given, context)).cause == "certificate"
        path.unlink()
        assert "ca.pem" in (await failed(given, context)).detail
        write(authority, path, "in place")
        assert await opened(given, context)


async def test_a_store_that_has_not_changed_is_not_read_again(ca_file: str) -> None:
    context = connection_context()
    assert context.tls.verified(ca_file) is context.tls.verified(ca_file)
    assert context.tls.verified(None) is context.tls.verified(None)


class Renewing:
    """A server whose certificate can be replaced."""

    def __init__(self, context: ssl.SSLContext, *offers: str) -> None:
        self.context = context
        self.offers = offers

    @property
    def script(self) -> Script:
        async def script(peer: Peer) -> None:
            await ordinary(offers=self.offers, starttls=self.context)(peer)

        return script


@pytest.mark.parametrize("auth", [Auth(), LOGIN, UNPROTECTED], ids=["none", "login", "unprotected"])
async def test_a_certificate_that_was_bad_is_found_renewed_by_the_next_connection(
    auth: Auth, authority: trustme.CA, ca_file: str
) -> None:
    renewing = Renewing(server_context(trustme.CA()), "AUTH PLAIN")
    context = connection_context()
    async with ScriptedServer(renewing.script) as server:
        given = at(server, "opportunistic", ca_file=ca_file, auth=auth)
        for tries in (2, 3):
            if auth is LOGIN:
                failure = await failed(given, context)
                assert (failure.stage, failure.cause) == (Stage.AUTH, "unprotected")
            else:
                assert not await opened(given, context)
                assert len(server.peers) == tries  # the second knows it already
        renewing.context = server_context(authority)
        assert await opened(given, context)
        known = len(server.peers)
        assert await opened(given, context)
        assert len(server.peers) == known + 1


async def test_a_certificate_that_was_bad_is_good_when_its_authority_is_in_the_store(
    authority: trustme.CA, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    write(trustme.CA(), path, "in place")
    context = connection_context()
    async with ScriptedServer(ordinary(starttls=server_context(authority))) as server:
        given = at(server, "opportunistic", ca_file=str(path))
        for _ in range(2):
            assert not await opened(given, context)
        write(authority, path, "renamed")
        for _ in range(2):
            assert await opened(given, context)


async def test_a_server_that_shows_another_bad_certificate_each_time_is_served_all_the_same(
    ca_file: str,
) -> None:
    renewing = Renewing(server_context(trustme.CA()))
    context = connection_context()
    async with ScriptedServer(renewing.script) as server:
        for _ in range(3):
            assert not await opened(at(server, "opportunistic", ca_file=ca_file), context)
            renewing.context = server_context(trustme.CA())


# This machine's name


class Machine:
    """A machine whose name the test gives, and what its resolver makes of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.host, self.fqdn = "fs1", ""
        self.lookups = 0
        self.answers = threading.Event()  # or leaves who asks waiting
        self.answers.set()
        self.hosts = tmp_path / "hosts"
        self.now = 0.0
        monkeypatch.setattr(socket, "gethostname", lambda: self.host)
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)
        self.names = MachineNames(clock=lambda: self.now, files=(str(self.hosts),))

    def _look_up(self, *_: object, **__: object) -> list[Any]:
        self.lookups += 1
        self.answers.wait()
        if self.fqdn == "dead":
            raise socket.gaierror(socket.EAI_AGAIN, "later")
        if not self.fqdn:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(0, 0, 0, self.fqdn, ())]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path)


async def test_a_name_that_dns_brings_late_is_found(machine: Machine) -> None:
    known = machine.names
    assert await known.current() == ("fs1", "fs1")
    machine.fqdn = "fs1.example.jp"
    machine.now += 5.0
    assert await known.current() == ("fs1", "fs1.example.jp")


async def test_a_name_that_the_hosts_file_brings_is_found_at_once(machine: Machine) -> None:
    known = machine.names
    assert await known.current() == ("fs1", "fs1")
    machine.fqdn = "fs1.example.jp"
    machine.hosts.write_text("192.0.2.1 fs1.example.jp fs1\n")
    assert await known.current() == ("fs1", "fs1.example.jp")


async def test_a_new_host_name_is_found_at_once(machine: Machine) -> None:
    known = machine.names
    assert await known.current() == ("fs1", "fs1")
    machine.host = "fs2.example.jp"
    assert await known.current() == ("fs2", "fs2.example.jp")
    machine.host, machine.fqdn = "fs3", "fs3.example.jp"
    assert await known.current() == ("fs3", "fs3.example.jp")


async def test_a_resolver_that_gives_no_answer_takes_no_name_away(machine: Machine) -> None:
    machine.fqdn = "fs1.example.jp"
    known = machine.names
    assert await known.current() == ("fs1", "fs1.example.jp")
    machine.fqdn = "dead"
    machine.now += 5.0
    assert await known.current() == ("fs1", "fs1.example.jp")
    machine.host = "fs2"
    assert await known.current() == ("fs2", "fs2")


async def test_no_mail_waits_for_a_resolver_that_has_completed_the_name_before(
    machine: Machine,
) -> None:
    machine.fqdn = "fs1.example.jp"
    known = machine.names
    assert await known.current() == ("fs1", "fs1.example.jp")
    machine.answers.clear()
    machine.fqdn = "fs1.example.com"
    machine.now += 5.0
    async with asyncio.timeout(1.0):  # the resolver is given two
        for _ in range(3):
            assert await known.current() == ("fs1", "fs1.example.jp")
    machine.answers.set()
    machine.hosts.write_text("")  # who asks now waits for what is being looked up
    assert await known.current() == ("fs1", "fs1.example.com")
    assert machine.lookups == 2


async def test_nothing_is_looked_up_for_each_mail(machine: Machine) -> None:
    known = machine.names
    for _ in range(10):
        await known.current()
    assert machine.lookups == 1
    machine.host = "fs1.example.jp"
    for _ in range(10):
        machine.now += 100.0
        await known.current()
    assert machine.lookups == 1  # it is complete


async def test_ehlo_has_the_name_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ConnectionContext(Tokens())
    async with ScriptedServer(ordinary()) as server:
        for host in ("fs1.example.jp", "fs2.example.jp"):
            monkeypatch.setattr(socket, "gethostname", lambda host=host: host)
            await opened(at(server, "none"), context)
        await server.finished()
        said = [peer.plain.partition(b"\r\n")[0] for peer in server.peers]
    assert said == [b"EHLO fs1.example.jp", b"EHLO fs2.example.jp"]
