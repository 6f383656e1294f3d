"""A fleet's engine, real nats-servers: what zaiond-ctl makes there and shows, and what is said
where something is wrong. Connections, links and rights too."""

import asyncio
import base64
import json
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nkeys
import pytest
import trustme
import yaml

from tests.support.daemon import Daemon
from tests.support.nats import ADMINISTRATOR, PASSWORD, Nats, Proxy, as_machine
from tests.support.ports import free_port
from tests.support.waiting import until
from zaiond.config.fleet import Fleet
from zaiond.config.kinds import Secret
from zaiond.fleet import names
from zaiond.fleet.letter import encode
from zaiond.fleet.link import Connection, FleetError, Link, connected
from zaiond.model import StoredEvent

pytestmark = pytest.mark.xdist_group("fleet")
MEMBER, OTHER, HUB = "web1.zaion.jp", "web2.zaion.jp", "hub1.zaion.jp"


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="zaiond-fleet-", dir="/tmp") as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def three(place: Path) -> Iterator[Nats]:
    """Three nodes with TLS and accounts, and the streams of a fleet."""
    directory = place / "three"
    directory.mkdir()
    with Nats(directory, 3, tls=True, accounts=True, members=[MEMBER, OTHER], hubs=[HUB]) as nats:
        nats.init()
        yield nats


def settings(nats: Nats, machine: str | None, **more: Any) -> Fleet:
    fleet = nats.settings(machine, **more)
    fleet["servers"] = tuple(fleet["servers"])
    if "password" in fleet:
        fleet["password"] = Secret(fleet["password"])
    return Fleet(**fleet)


def machine(directory: Path, fleet: dict[str, Any] | None, name: str = HUB) -> Daemon:
    """A machine whose daemon doesn't run: for zaiond-ctl."""
    config: dict[str, Any] = {
        "mail_server": {"host": "127.0.0.1"}, "admins": "a@zaion.jp", "language": "en"
    }  # fmt: skip
    if fleet is not None:
        config["fleet"] = fleet
    return Daemon(directory, yaml.safe_dump(config), wrapper=as_machine(name))


def credentials(directory: Path, user: str = ADMINISTRATOR) -> str:
    file = directory / "admin"
    file.write_text(f"{user}\n{PASSWORD}\n")
    file.chmod(0o600)
    return str(file)


# -- fleet init, fleet status


def test_init_makes_what_a_fleet_needs_and_then_says_that_it_is_there(directory: Path) -> None:
    with Nats(directory, 3, tls=True, accounts=True, hubs=[HUB]) as nats:
        one = machine(directory / "m", nats.settings(HUB, "hub"))
        admin = credentials(directory)
        first = one.document("fleet", "init", "--credentials", admin)
        assert {each["done"] for each in first["streams"]} == {"made"}
        again = one.ctl("fleet", "init", "--credentials", admin)
        assert again.returncode == 0, again
        assert again.stdout.count("is there already") == 3
        larger = one.document("fleet", "init", "--credentials", admin, "--max-events", "5000")
        assert [each["done"] for each in larger["streams"]] == ["mended", "same", "same"]
        kept = one.document("fleet", "init", "--credentials", admin)
        assert {each["done"] for each in kept["streams"]} == {"same"}
        for node in nats.nodes:
            assert node.asks("jsz?streams=1&config=1")["streams"] == 3
        status = one.document("fleet", "status")
        assert [each["state"] for each in status["streams"]] == ["ok", "ok", "ok"]
        assert all(len(each["replicas"]) == 3 for each in status["streams"])
        assert status["backlog"]["max_events"] == 5000
        assert not status["ok"]  # there is no hub
        assert "no hub works" in status["problems"][0]


@pytest.mark.parametrize("is_leader", [False, True], ids=["follower", "leader"])
def test_init_waits_for_a_node_that_comes_late(directory: Path, is_leader: bool) -> None:
    with Nats(directory, 3, tls=True, accounts=True, hubs=[HUB]) as nats:
        one = machine(directory / "m", nats.settings(HUB, "hub"))
        admin = credentials(directory)
        # Without the one that leads, the others first have to agree on another.
        leader = nats.nodes[0].asks("jsz")["meta_cluster"]["leader"]
        late = next(node for node in nats.nodes if (node.name == leader) is is_leader)
        late.kill()
        begins = threading.Timer(2.0, late.start)
        begins.start()
        try:
            made = one.ctl("fleet", "init", "--credentials", admin)
        finally:
            begins.join()
        assert made.returncode == 0, made


def test_one_node_has_a_fleet_without_replicas(directory: Path) -> None:
    with Nats(directory) as nats:
        one = machine(directory / "m", nats.settings())
        refused = one.ctl("fleet", "init")
        assert refused.returncode == 1
        assert "--replicas 1" in refused.stderr
        assert one.ctl("fleet", "init", "--replicas", "1").returncode == 0


def test_init_changes_no_stream_that_is_not_the_fleets(directory: Path) -> None:
    with Nats(directory) as nats:
        fleet = settings(nats, None)

        async def make() -> None:
            async with connected(fleet, MEMBER) as connection:
                await connection.jetstream.add_stream(name=names.STREAM, subjects=["orders.*"])

        asyncio.run(make())
        one = machine(directory / "m", nats.settings())
        refused = one.ctl("fleet", "init", "--replicas", "1")
        assert refused.returncode == 1
        assert "Nothing was changed" in refused.stderr
        assert "subjects" in refused.stdout
        assert nats.nodes[0].asks("jsz?streams=1")["streams"] == 1


def test_init_says_which_right_is_missing(three: Nats, directory: Path) -> None:
    one = machine(directory / "m", three.settings(MEMBER), MEMBER)
    refused = one.ctl("fleet", "init")
    assert refused.returncode == 77
    assert "$js.api.stream.info.zaiond" in refused.stderr.lower()
    assert "permissions" in refused.stderr


def test_status_shows_members_and_what_waits(three: Nats, directory: Path) -> None:
    async def speak() -> None:
        async with connected(settings(three, MEMBER), MEMBER) as connection:
            word = b'{"version": "1.2.3", "waiting": 7, "state": "by_itself"}'
            await connection.ask(connection.jetstream.publish(names.alive_subject(MEMBER), word))
            await hand_on(connection, "waits")

    asyncio.run(speak())
    one = machine(directory / "m", three.settings(HUB, "hub"))
    status = one.document("fleet", "status")
    (member,) = (each for each in status["members"] if each["machine"] == MEMBER)
    assert (member["version"], member["waiting"], member["state"]) == ("1.2.3", 7, "by_itself")
    assert member["age"] < 60
    assert status["backlog"]["events"] >= 1
    shown = one.ctl("fleet", "status").stdout
    assert MEMBER in shown
    assert f"{MEMBER} mails by itself" in shown


def test_status_says_that_a_node_is_down(directory: Path) -> None:
    with Nats(directory, 3, tls=True, accounts=True, hubs=[HUB]) as nats:
        nats.init()
        nats.nodes[1].kill()
        one = machine(directory / "m", nats.settings(HUB, "hub"))
        # Right after the node's end the others are choosing who leads.
        until(
            lambda: "degraded" in one.ctl("fleet", "status", "--json").stdout,
            lambda: f"{one.ctl('fleet', 'status')}",
        )
        status = one.document("fleet", "status")
        down = [each for each in status["streams"][0]["replicas"] if not each["current"]]
        assert [each["node"] for each in down] == ["n2"]
        until(
            lambda: "node n2 is not there" in one.ctl("fleet", "status").stdout,
            lambda: f"{one.ctl('fleet', 'status')}",
        )
        shown = one.ctl("fleet", "status").stdout
        assert "2 of 3" in shown
        assert "replicas are" not in shown  # of a stream


@pytest.mark.parametrize("command", [("status",), ("forget", MEMBER)])
def test_before_init_it_is_said_what_to_run(directory: Path, command: tuple[str, ...]) -> None:
    with Nats(directory) as nats:
        failed = machine(directory / "m", nats.settings()).ctl("fleet", *command)
        assert failed.returncode == 1
        assert "zaiond-ctl fleet init" in failed.stderr


def test_init_warns_of_a_single_replica_where_there_were_three(directory: Path) -> None:
    with Nats(directory, 3) as nats:
        nats.init()
        one = machine(directory / "m", nats.settings())
        fewer = one.ctl("fleet", "init", "--replicas", "1")
        assert fewer.returncode == 0, fewer
        assert "a node that breaks loses events" in fewer.stdout
        again = one.ctl("fleet", "init", "--replicas", "3")
        assert again.returncode == 0, again
        assert "warning" not in again.stdout


def test_init_with_more_replicas_than_nodes_says_how_many_there_can_be(directory: Path) -> None:
    with Nats(directory, 3) as nats:
        refused = machine(directory / "m", nats.settings()).ctl("fleet", "init", "--replicas", "5")
        assert refused.returncode == 1
        assert "--replicas" in refused.stderr
        assert nats.nodes[0].asks("jsz?streams=1")["streams"] == 0


def test_an_administrators_login_that_is_refused_is_said_by_its_file(
    three: Nats, directory: Path
) -> None:
    one = machine(directory / "m", three.settings(HUB, "hub"))
    file = Path(credentials(directory))
    file.write_text(f"{ADMINISTRATOR}\nanother password\n")
    refused = one.ctl("fleet", "status", "--credentials", str(file))
    assert refused.returncode == 77
    assert str(file) in refused.stderr


async def say(nats: Nats, machine: str, state: str) -> None:
    async with connected(settings(nats, machine), machine) as connection:
        word = json.dumps({"version": "1.2.3", "waiting": 0, "state": state}).encode()
        await connection.ask(connection.jetstream.publish(names.alive_subject(machine), word))


def test_forget_takes_the_last_word_out_and_no_event(three: Nats, directory: Path) -> None:
    asyncio.run(say(three, OTHER, "stopped"))

    async def wait() -> None:
        async with connected(settings(three, OTHER), OTHER) as connection:
            await hand_on(connection, "waits on", OTHER)

    asyncio.run(wait())
    one = machine(directory / "m", three.settings(HUB, "hub"))
    before = one.document("fleet", "status")
    assert OTHER in [each["machine"] for each in before["members"]]
    admin = ("--credentials", credentials(directory))
    done = one.document("fleet", "forget", OTHER.upper(), *admin)
    (forgotten,) = done["forgotten"]
    assert (forgotten["machine"], forgotten["role"]) == (OTHER, "member")
    assert not forgotten["alive"]
    after = one.document("fleet", "status")
    assert OTHER not in [each["machine"] for each in after["members"]]
    assert after["backlog"]["events"] == before["backlog"]["events"] >= 1


def test_forget_takes_a_hub_that_was_replaced_out_of_the_list(three: Nats, directory: Path) -> None:
    async def speak() -> None:
        async with connected(settings(three, HUB), HUB) as connection:
            key = f"$KV.{names.BUCKET}.{names.HUBS}.{names.token('hub9.zaion.jp')}"
            word = b'{"version": "1.2.3", "state": "waiting"}'
            await connection.ask(connection.jetstream.publish(key, word))

    asyncio.run(speak())
    one = machine(directory / "m", three.settings(HUB, "hub"))
    assert "hub9.zaion.jp" in [each["machine"] for each in one.document("fleet", "status")["hubs"]]
    admin = ("--credentials", credentials(directory))
    (done,) = one.document("fleet", "forget", "hub9.zaion.jp", *admin)["forgotten"]
    assert done["role"] == "hub"
    assert one.document("fleet", "status")["hubs"] == []


def test_forget_says_that_a_machine_which_is_alive_comes_back(three: Nats, directory: Path) -> None:
    asyncio.run(say(three, OTHER, "handing_on"))
    one = machine(directory / "m", three.settings(HUB, "hub"))
    admin = ("--credentials", credentials(directory))
    done = one.ctl("fleet", "forget", OTHER, *admin)
    assert done.returncode == 0, done
    assert f"{OTHER}: taken out" in done.stdout
    assert "within 30 seconds" in done.stdout
    again = one.ctl("fleet", "forget", OTHER, "no/name", *admin)
    assert again.returncode == 1
    assert f"{OTHER}: no such machine" in again.stderr
    assert "no/name: no such machine" in again.stderr
    assert again.stdout == ""


@pytest.mark.parametrize(("who", "role"), [(HUB, "hub"), (MEMBER, "member")])
def test_only_an_administrator_forgets_and_changes_streams(
    three: Nats, directory: Path, who: str, role: str
) -> None:
    asyncio.run(say(three, OTHER, "stopped"))
    one = machine(directory / "m", three.settings(who, role), who)
    for command in (("forget", OTHER), ("init", "--max-events", "7000")):
        refused = one.ctl("fleet", *command)
        assert refused.returncode == 77, refused
        assert "--credentials" in refused.stderr
        assert "Traceback" not in refused.stderr
    hub = machine(directory / "h", three.settings(HUB, "hub"))
    assert OTHER in [each["machine"] for each in hub.document("fleet", "status")["members"]]


def test_a_member_is_told_where_the_fleet_can_be_seen(three: Nats, directory: Path) -> None:
    refused = machine(directory / "m", three.settings(MEMBER), MEMBER).ctl("fleet", "status")
    assert refused.returncode == 77
    assert "on a hub" in refused.stderr


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"password": "wrong"}, 77, "refused the login"),
        ({"ca_file": None}, 69, "fleet.ca_file"),
        ({"servers": ["tls://127.0.0.1:1"]}, 69, "127.0.0.1:1"),
        (
            {"servers": ["tls://no-such-host.invalid:4222"]},
            69,
            "no-such-host.invalid:4222 can't be",
        ),
        ({"servers": ["tls://127.0.0.1:1", "tls://127.0.0.1:2"]}, 69, "none of the 2 servers"),
    ],
)
def test_what_is_wrong_is_said_with_the_server_and_what_to_do(
    three: Nats, directory: Path, changed: dict[str, Any], status: int, words: str
) -> None:
    fleet = {**three.settings(HUB, "hub"), **changed}
    failed = machine(directory / "m", fleet).ctl("fleet", "status")
    assert failed.returncode == status, failed
    assert words in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


def test_a_server_without_jetstream_is_said_to_have_none(directory: Path) -> None:
    with Nats(directory, accounts=True, hubs=[HUB], jetstream=False) as nats:
        failed = machine(directory / "m", nats.settings(HUB, "hub")).ctl("fleet", "status")
        assert failed.returncode == 1
        assert "has no JetStream" in failed.stderr


def test_without_the_section_it_says_so(directory: Path) -> None:
    failed = machine(directory / "m", None).ctl("fleet", "status")
    assert failed.returncode == 78
    assert "no section fleet" in failed.stderr


def test_credentials_that_others_can_read_are_refused(three: Nats, directory: Path) -> None:
    file = Path(credentials(directory))
    file.chmod(0o644)
    one = machine(directory / "m", three.settings(HUB, "hub"))
    failed = one.ctl("fleet", "init", "--credentials", str(file))
    assert failed.returncode == 1
    assert "chmod" in failed.stderr


# -- rights


async def hand_on(connection: Connection, id_: str, machine: str = MEMBER) -> Any:
    event = StoredEvent(1, id_, 0, "", 1.0, b'{"type": "a.b"}')
    packed = encode(event, machine, "root")
    publish = connection.jetstream.publish(packed.subject, packed.payload, headers=packed.headers)
    return await connection.ask(publish)


async def test_what_a_member_hands_on_twice_is_kept_twice_for_the_hubs_to_know(
    three: Nats,
) -> None:
    async with connected(settings(three, MEMBER), MEMBER) as connection:
        first = await hand_on(connection, "twice")
        again = await hand_on(connection, "twice")
    assert again.seq > first.seq


@pytest.mark.parametrize(
    "subject", [names.event_subject(OTHER), names.alive_subject(OTHER), "$JS.API.STREAM.NAMES"]
)
async def test_a_member_may_publish_nothing_but_its_own(three: Nats, subject: str) -> None:
    async with connected(settings(three, MEMBER), MEMBER) as connection:
        with pytest.raises(FleetError) as caught:
            await connection.ask(connection.jetstream.publish(subject, b"{}", timeout=1))
    assert caught.value.kind == "right"


async def test_a_member_can_read_nothing_and_purge_nothing(three: Nats) -> None:
    async with connected(settings(three, MEMBER), MEMBER) as connection:
        heard = await connection.client.subscribe("zaiond.>")
        await hand_on(connection, "purge")
        for header in ("Nats-Rollup", "KV-Operation"):
            publish = connection.jetstream.publish(
                names.event_subject(MEMBER), b"{}", headers={header: "all"}, timeout=1
            )
            if header == "Nats-Rollup":
                with pytest.raises(FleetError):
                    await connection.ask(publish)
            else:
                await connection.ask(publish)
        assert heard.pending_msgs == 0
    async with connected(settings(three, HUB), HUB) as connection:
        info = await connection.ask(connection.jetstream.stream_info(names.STREAM))
    assert info.state.messages >= 2


# -- the connection


@pytest.mark.parametrize(
    ("is_expired", "mend"), [(True, "put a new one on that node"), (False, "set fleet.ca_file")]
)
async def test_a_node_s_certificate_that_does_not_count_is_told_with_what_mends_it(
    place: Path, is_expired: bool, mend: str
) -> None:
    directory = place / f"certificate-{is_expired}"
    directory.mkdir()
    nats = Nats(directory, tls=True)
    by = nats.authority if is_expired else trustme.CA()
    until_when = datetime.now(UTC) - timedelta(days=1) if is_expired else None
    made = by.issue_cert("127.0.0.1", not_after=until_when)
    made.private_key_pem.write_to_path(str(directory / "server.key"))
    made.cert_chain_pems[0].write_to_path(str(directory / "server.crt"))
    with nats, pytest.raises(FleetError) as caught:
        async with connected(settings(nats, None), MEMBER):
            pass
    assert caught.value.kind == "tls"
    assert mend in caught.value.text.en


@pytest.mark.parametrize("nodes", [1, 3])
async def test_a_full_stream_refuses_and_keeps_what_it_has(directory: Path, nodes: int) -> None:
    with Nats(directory, nodes) as nats:
        await asyncio.to_thread(nats.init)
        fleet = settings(nats, None)
        async with connected(fleet, MEMBER) as connection:
            config = (await connection.jetstream.stream_info(names.STREAM)).config
            await connection.jetstream.update_stream(replace(config, max_msgs=10))
            for number in range(10):
                await hand_on(connection, f"e{number}")
            for number in range(10, 13):
                with pytest.raises(FleetError) as caught:
                    await hand_on(connection, f"e{number}")
                assert caught.value.kind == "full"
            info = await connection.jetstream.stream_info(names.STREAM)
    assert (info.state.messages, info.state.first_seq) == (10, 1)


async def test_what_is_beyond_the_storage_of_a_node_is_refused_and_the_rest_kept(
    directory: Path,
) -> None:
    with Nats(directory, max_file="330MB") as nats:
        await asyncio.to_thread(nats.init)
        async with connected(settings(nats, None), MEMBER) as connection:
            jetstream, kept = connection.jetstream, 0
            error: FleetError | None = None
            while error is None and kept < 500:
                try:
                    subject = names.event_subject(MEMBER)
                    await connection.ask(jetstream.publish(subject, b"x" * 1_000_000))
                    kept += 1
                except FleetError as refused:
                    error = refused
            info = await jetstream.stream_info(names.STREAM)
    assert error is not None
    assert error.kind == "full"
    assert (info.state.messages, info.state.first_seq) == (kept, 1)


async def test_a_link_comes_again_by_itself_after_each_kind_of_loss(directory: Path) -> None:
    """The server is killed; the link is cut; the link is silent, as a cable that was pulled."""
    with Nats(directory) as nats, Proxy(nats.nodes[0].port) as proxy:
        await asyncio.to_thread(nats.init)
        told: list[FleetError | None] = []
        fleet = replace(settings(nats, None), servers=(f"nats://127.0.0.1:{proxy.port}",))
        link = Link(fleet, MEMBER, told.append)
        link.start()
        try:
            for number, (lose, mend) in enumerate(
                [
                    (nats.nodes[0].kill, nats.nodes[0].start),
                    (proxy.cut, proxy.mend),
                    (proxy.silence, proxy.mend),
                ]
            ):
                async with asyncio.timeout(40):
                    before = await link.connection()
                    await hand_on(before, f"before{number}")
                    await asyncio.to_thread(lose)
                    await before.lost.wait()
                    assert link.now is None
                    await asyncio.to_thread(mend)
                    await hand_on(await link.connection(), f"after{number}")
        finally:
            await link.close()
    assert None in told
    assert any(fault is not None and fault.kind == "lost" for fault in told)


async def test_what_is_under_way_is_told_at_once_when_the_connection_is_lost(
    directory: Path,
) -> None:
    with Nats(directory) as nats, Proxy(nats.nodes[0].port) as proxy:
        await asyncio.to_thread(nats.init)
        fleet = replace(settings(nats, None), servers=(f"nats://127.0.0.1:{proxy.port}",))
        async with connected(fleet, MEMBER) as connection:
            nats.nodes[0].stop()
            try:
                under_way = asyncio.create_task(hand_on(connection, "e"))
                await asyncio.sleep(0)
                await asyncio.to_thread(proxy.cut)
                async with asyncio.timeout(3):
                    with pytest.raises(FleetError) as caught:
                        await under_way
            finally:
                nats.nodes[0].go_on()
        assert caught.value.kind == "lost"


async def test_a_changed_password_is_told_and_taken_when_it_is_right_again(
    directory: Path,
) -> None:
    """nats-py gives up for ever where a login is refused; a link doesn't."""
    with Nats(directory, accounts=True, members=[MEMBER]) as nats:
        await asyncio.to_thread(nats.init)
        refused = asyncio.Event()

        def tell(fault: FleetError | None) -> None:
            if fault is not None and fault.kind == "login":
                refused.set()

        link = Link(settings(nats, MEMBER), MEMBER, tell)
        link.start()
        try:
            async with asyncio.timeout(30):
                before = await link.connection()
                user = nats.users.pop(names.token(MEMBER))
                nats.configure()
                nats.reload()
                await before.lost.wait()
                await refused.wait()
                nats.users[names.token(MEMBER)] = user
                nats.configure()
                nats.reload()
                await hand_on(await link.connection(), "again")
        finally:
            await link.close()


def test_nothing_is_said_before_tls_where_the_url_demands_it() -> None:
    """A server, or somebody between, that claims to want no TLS gets no password."""
    port, got = free_port(), list[bytes]()

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(5)
                peer.sendall(b'INFO {"server_id":"x","version":"2.9.10","max_payload":1048576}\r\n')
                got.append(peer.recv(4096))

    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        fleet = Fleet(
            servers=(f"tls://127.0.0.1:{port}",), role="member", user="u", password=Secret("s3cret")
        )

        async def connect() -> None:
            async with connected(fleet, MEMBER):
                pass

        with pytest.raises(FleetError):
            asyncio.run(connect())
    assert got
    assert b"s3cret" not in b"".join(got)
    assert b"CONNECT" not in b"".join(got)


async def test_a_server_that_is_too_old_is_said_to_be() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.8.4","max_payload":1048576}\r\n')
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        fleet = Fleet(servers=(f"nats://127.0.0.1:{port}",), role="member")
        with pytest.raises(FleetError) as caught:
            async with connected(fleet, MEMBER):
                pass
    assert caught.value.kind == "too_old"
    assert "2.8.4" in caught.value.text.en


# -- logins without a password


def key(prefix: int) -> tuple[nkeys.KeyPair, str]:
    """A new key, and its public half."""
    seed = nkeys.encode_seed(os.urandom(32), prefix)
    pair = nkeys.from_seed(seed)
    return pair, pair.public_key.decode()


def signed(signer: nkeys.KeyPair, subject: str, kind: str, **claims: Any) -> str:
    """A token of NATS (ADR-14) of this kind."""

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    document = {
        "jti": "zaiond", "iat": 1, "iss": signer.public_key.decode(), "sub": subject,
        "name": "zaiond", "nats": {**claims, "type": kind, "version": 2},
    }  # fmt: skip
    said = (b'{"typ":"JWT","alg":"ed25519-nkey"}', json.dumps(document).encode())
    text = ".".join(map(part, said))
    return f"{text}.{part(signer.sign(text.encode()))}"


def has_logged_in(
    nats: Nats, *, nkey: Secret | None = None, credentials: Secret | None = None
) -> bool:
    fleet = Fleet(servers=tuple(nats.urls), role="member", nkey=nkey, credentials=credentials)

    async def make() -> bool:
        async with connected(fleet, MEMBER) as connection:
            await connection.ask(connection.jetstream.add_stream(name="A", subjects=["a"]))
            return True

    return asyncio.run(make())


def test_a_machine_logs_in_by_an_nkey_and_by_no_other(directory: Path) -> None:
    (pair, public), (other, _) = key(nkeys.PREFIX_BYTE_USER), key(nkeys.PREFIX_BYTE_USER)
    with Nats(directory, more=f"authorization {{ users: [ {{ nkey: {public} }} ] }}") as nats:
        assert has_logged_in(nats, nkey=Secret(pair.seed.decode()))
        with pytest.raises(FleetError) as refused:
            has_logged_in(nats, nkey=Secret(other.seed.decode()))
        assert refused.value.kind == "login"


def test_a_machine_logs_in_by_credentials_and_by_no_others(directory: Path) -> None:
    (operator, of_all), (account, of_fleet) = (
        key(nkeys.PREFIX_BYTE_OPERATOR), key(nkeys.PREFIX_BYTE_ACCOUNT)
    )  # fmt: skip
    _, of_system = key(nkeys.PREFIX_BYTE_ACCOUNT)
    limits = dict.fromkeys(
        ("subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage",
         "disk_storage", "streams", "consumer"), -1,
    )  # fmt: skip
    accounts = {
        of_fleet: signed(operator, of_fleet, "account", limits={**limits, "wildcards": True}),
        of_system: signed(operator, of_system, "account"),
    }
    more = (
        f"operator: {signed(operator, of_all, 'operator', system_account=of_system)}\n"
        f"system_account: {of_system}\nresolver: MEMORY\nresolver_preload: {{\n"
        + "\n".join(f"  {name}: {token}" for name, token in accounts.items())
        + "\n}"
    )

    def credentials_by(signer: nkeys.KeyPair) -> Secret:
        user, public = key(nkeys.PREFIX_BYTE_USER)
        token = signed(signer, public, "user", subs=-1, data=-1, payload=-1)
        return Secret(
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n"
            "------END USER NKEY SEED------\n"
        )

    with Nats(directory, more=more) as nats:
        assert has_logged_in(nats, credentials=credentials_by(account))
        other, _ = key(nkeys.PREFIX_BYTE_ACCOUNT)
        with pytest.raises(FleetError) as refused:
            has_logged_in(nats, credentials=credentials_by(other))
        assert refused.value.kind == "login"
