"""Real nats-servers of our own (Debian's package) on loopback: one, or a cluster of three; with or
without TLS; with accounts and the least rights, as docs/fleet.md has them; and links to cut.

Ports are free ones; nothing of the system's own is touched. A node that is started again keeps its
port and its store.
"""

import asyncio
import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Self

import trustme

from tests.support.ports import free_port
from tests.support.waiting import until
from zaiond.config.fleet import Fleet
from zaiond.config.kinds import Secret
from zaiond.fleet import admin, names
from zaiond.fleet.link import connected

NATS_SERVER = os.environ.get("ZAIOND_NATS_SERVER", "/usr/sbin/nats-server")  # another version of it
PASSWORD = "s3cret-of-the-tests"  # of every user
ADMINISTRATOR = "fleet-admin"
SYSTEM = "sys"


class Rights(NamedTuple):
    """What a user of the engine may publish and subscribe."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    is_member: bool = False


def of_member(machine: str) -> Rights:
    """A member's: its own subjects and its own answers."""
    token = names.token(machine)
    return Rights((f"zaiond.{token}.*",), (f"_INBOX_{token}.>",), is_member=True)


def of_hub(machine: str) -> Rights:
    """A hub's: to read the streams and make consumers, and to write the bucket."""
    token = names.token(machine)
    return Rights(
        (
            f"zaiond.{token}.*",
            "$JS.API.INFO",
            "$JS.API.STREAM.INFO.*",
            "$JS.API.STREAM.MSG.GET.*",
            "$JS.API.DIRECT.GET.>",
            "$JS.API.CONSUMER.>",
            "$JS.ACK.>",
            f"$KV.{names.BUCKET}.>",
        ),
        (f"_INBOX_{token}.>",),
    )


def of_administrator() -> Rights:
    """What `zaiond-ctl fleet` needs."""
    return Rights(("$JS.API.>", f"$KV.{names.BUCKET}.>"), ("_INBOX.>",))


def as_machine(name: str) -> tuple[str, ...]:
    """A command below which this machine has another name: several machines on one (root)."""
    return ("unshare", "--uts", "sh", "-c", f'hostname {name} && exec "$@"', "sh")


class Node:
    """One nats-server: started, killed, stopped as a process, gone on with."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.name = name
        self.port, self.cluster_port, self.monitor = free_port(), free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True)

    @property
    def configuration(self) -> Path:
        return self.directory / "nats-server.conf"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts it, and waits until it listens; not until it has joined the others."""
        if self.runs:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [NATS_SERVER, "-c", str(self.configuration)], stdout=log, stderr=log
            )
        until(self._listens, lambda: f"no nats-server: {self.log.read_text()[-2000:]}")

    def _listens(self) -> bool:
        assert self.runs, self.log.read_text()[-2000:]
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()

    def terminate(self) -> None:
        """An orderly end."""
        if self.runs:
            self._signal(signal.SIGTERM)
            assert self._process is not None
            self._process.wait(30)

    def stop(self) -> None:
        """SIGSTOP: its sockets stay, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def asks(self, path: str) -> dict[str, Any]:
        """A document of its monitoring: `jsz`, `healthz`, `varz`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/{path}", timeout=5) as reply:
            return dict(json.load(reply))

    def is_healthy(self) -> bool:
        """Whether it is there and has all that the others have."""
        with contextlib.suppress(OSError, ValueError):
            return self.runs and self.asks("healthz").get("status") == "ok"
        return False


class Nats:
    """The engine of a fleet. `members` and `hubs` are the machines that may log in, each with its
    token as its user name; without `accounts` anybody may do anything."""

    def __init__(
        self,
        directory: Path,
        nodes: int = 1,
        *,
        tls: bool = False,
        accounts: bool = False,
        members: Iterable[str] = (),
        hubs: Iterable[str] = (),
        jetstream: bool = True,
        max_file: str = "8GB",
        max_payload: str = "16MB",
        more: str = "",
    ) -> None:
        self.directory = directory
        self.tls = tls
        self.users = {names.token(each): of_member(each) for each in members}
        self.users |= {names.token(each): of_hub(each) for each in hubs}
        self.users[ADMINISTRATOR] = of_administrator()
        self.accounts = accounts
        self.more = more
        self._jetstream = jetstream
        self._max_file, self._max_payload = max_file, max_payload
        self.nodes = [Node(directory / f"n{n}", f"n{n}") for n in range(1, nodes + 1)]
        self.ca_file = directory / "ca.pem"
        self._make_certificates()
        self.configure()

    def _make_certificates(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        made = authority.issue_cert("127.0.0.1", "localhost")
        made.private_key_pem.write_to_path(str(self.directory / "server.key"))
        made.cert_chain_pems[0].write_to_path(str(self.directory / "server.crt"))
        self.authority = authority

    def configure(self) -> None:
        """Writes every node's configuration; `reload` puts it into force where a node runs."""
        for node in self.nodes:
            node.configuration.write_text(self._text(node))

    def reload(self) -> None:
        for node in self.nodes:
            if node.runs:
                os.kill(node.pid, signal.SIGHUP)

    def _text(self, node: Node) -> str:
        tls = (
            f"tls {{ cert_file: {self.directory}/server.crt, key_file: {self.directory}/server.key,"
            f" ca_file: {self.ca_file}, timeout: 5 }}\n"
        )
        lines = [
            f"server_name: {node.name}\nlisten: 127.0.0.1:{node.port}\n"
            f"http: 127.0.0.1:{node.monitor}\n",
            f"max_payload: {self._max_payload}\nmax_pending: 64MB\n",
            f"{self.more}\n",
        ]
        if self._jetstream:
            lines.append(
                f"jetstream {{ store_dir: {node.directory}/store, max_file: {self._max_file} }}\n"
            )
        if self.tls:
            lines.append(tls)
        if len(self.nodes) > 1:
            routes = ", ".join(
                f"nats-route://127.0.0.1:{other.cluster_port}" for other in self.nodes
            )
            lines.append(
                f"cluster {{ name: zaiond, listen: 127.0.0.1:{node.cluster_port},"
                f" routes: [{routes}]\n{tls if self.tls else ''}}}\n"
            )
        if self.accounts:
            lines.append(self._accounts())
        return "".join(lines)

    def _accounts(self) -> str:
        hubs, members = list[str](), list[str]()
        for user, rights in self.users.items():
            # As docs/fleet.md has it: members are in an account of their own.
            (members if rights.is_member else hubs).append(
                f'    {{ user: "{user}", password: "{PASSWORD}", permissions: {{'
                f" publish: {json.dumps(rights.publish)},"
                f" subscribe: {json.dumps(rights.subscribe)} }} }}\n"
            )
        return (
            'accounts {\n  ZAIOND { jetstream: enabled, exports: [ { service: "zaiond.*.*" } ],'
            f" users: [\n{''.join(hubs)}  ] }}\n"
            '  MEMBERS { imports: [ { service: { account: ZAIOND, subject: "zaiond.*.*" } } ],'
            f" users: [\n{''.join(members)}  ] }}\n"
            f'  SYS {{ users: [ {{ user: "{SYSTEM}", password: "{PASSWORD}" }} ] }}\n}}\n'
            "system_account: SYS\n"
        )

    def url(self, node: Node) -> str:
        return f"{'tls' if self.tls else 'nats'}://127.0.0.1:{node.port}"

    @property
    def urls(self) -> list[str]:
        return [self.url(node) for node in self.nodes]

    def settings(
        self, machine: str | None = None, role: str = "member", **more: Any
    ) -> dict[str, Any]:
        """The section `fleet` of a machine; with `accounts` it logs in as the machine's token."""
        fleet: dict[str, Any] = {"servers": self.urls, "role": role, **more}
        if self.tls:
            fleet["ca_file"] = str(self.ca_file)
        if self.accounts:
            fleet |= {
                "user": ADMINISTRATOR if machine is None else names.token(machine),
                "password": PASSWORD,
            }
        return fleet

    def start(self) -> None:
        """Starts what doesn't run, and waits until all of it is one cluster that works."""
        for node in self.nodes:
            node.start()
        self.wait_until_healthy()

    def init(self, replicas: int | None = None) -> None:
        """Makes the streams and the bucket, as `zaiond-ctl fleet init` does."""
        fleet = Fleet(
            servers=tuple(self.urls),
            role="member",
            ca_file=str(self.ca_file) if self.tls else None,
            user=ADMINISTRATOR if self.accounts else None,
            password=Secret(PASSWORD) if self.accounts else None,
        )

        async def make() -> None:
            async with connected(fleet, "administrator", inbox="_INBOX") as connection:
                await admin.init(connection, replicas or (1 if len(self.nodes) < 3 else 3))

        asyncio.run(make())

    def wait_until_healthy(self) -> None:
        """Waits until every node that runs has a leader over it and all that the others have."""
        until(
            lambda: all(
                node.is_healthy() and self._has_leader(node) for node in self.nodes if node.runs
            ),
            lambda: "\n".join(node.log.read_text()[-1500:] for node in self.nodes),
            60,
        )

    def _has_leader(self, node: Node) -> bool:
        if len(self.nodes) == 1 or not self._jetstream:
            return True
        with contextlib.suppress(OSError, ValueError):
            return bool(node.asks("jsz").get("meta_cluster", {}).get("leader"))
        return False

    def close(self) -> None:
        for node in self.nodes:
            node.kill()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_installed() -> bool:
    return shutil.which(NATS_SERVER) is not None


class Proxy:
    """A way to a port of this machine that can be cut: a link of the network. Bytes pass as they
    are, TLS too, since both ends are 127.0.0.1."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._is_cut = False
        self._silent = False
        self._ends = False
        self.carried = 0  # bytes, in both directions
        self.swallowed = 0  # bytes, while it was silent
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Ends every connection, and refuses new ones."""
        with self._lock:
            self._is_cut = True
            for one in list(self._pairs):
                self._drop(one)

    def silence(self) -> None:
        """Carries nothing any more, and tells nobody: as a cable that was pulled."""
        with self._lock:
            self._silent = True

    def mend(self) -> None:
        with self._lock:
            self._is_cut = False
            if self._silent:
                self._silent = False
                for one in list(self._pairs):  # what was lost meanwhile can't be carried
                    self._drop(one)

    def close(self) -> None:
        self._ends = True
        self._thread.join()
        self._listener.close()

    def _drop(self, one: socket.socket) -> None:
        other = self._pairs.pop(one, None)
        for each in (one, other):
            if each is not None:
                self._pairs.pop(each, None)
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(each)
                each.close()

    def _run(self) -> None:
        while not self._ends:
            for key, _ in self._selector.select(0.05):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._pairs:
                        self._carry(key.fileobj)
        with self._lock:
            for one in list(self._pairs):
                self._drop(one)

    def _accept(self) -> None:
        try:
            one, _ = self._listener.accept()
        except OSError:
            return
        if self._is_cut:
            one.close()
            return
        try:
            other = socket.create_connection(("127.0.0.1", self._to), 1)
        except OSError:
            one.close()
            return
        for each, peer in ((one, other), (other, one)):
            each.settimeout(5)
            self._pairs[each] = peer
            self._selector.register(each, selectors.EVENT_READ)

    def _carry(self, one: socket.socket) -> None:
        try:
            read = one.recv(262144)
            if not read:
                raise OSError
            if self._silent:
                self.swallowed += len(read)
            else:
                self._pairs[one].sendall(read)
                self.carried += len(read)
        except OSError:
            self._drop(one)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
