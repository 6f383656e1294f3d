"""A fleet on one machine: real daemons with names of their own, real nats-servers, and for each
machine a link of its own to every node, which can be cut."""

import json
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import yaml

from tests.support.daemon import Daemon
from tests.support.fast_sink import FastSink
from tests.support.nats import Nats, Proxy, as_machine

_AT_ONCE = 20  # events that a program sends ahead
_PATIENCE = 30.0  # seconds for an answer; a daemon may be stopped


class Machine:
    """A member or a hub. `patch` changes the code of its daemon from the next start on."""

    def __init__(
        self, directory: Path, name: str, role: str, nats: Nats, port: int, **fleet: Any
    ) -> None:
        self.name = name
        self.links = [Proxy(node.port) for node in nats.nodes]
        scheme = "tls" if nats.tls else "nats"
        section = nats.settings(name, role, **fleet)
        section["servers"] = [f"{scheme}://127.0.0.1:{link.port}" for link in self.links]
        settings = {
            "mail_server": {"host": "127.0.0.1", "port": port, "security": "none"},
            "admins": "admin@zaion.jp",
            "language": "en",
            "queue": {"retry_first": "1s", "retry_max": "2s"},
            "limits": {"events_waiting": 1_000_000, "bytes_waiting": "1G"},
            "route_defaults": {"max_mails": None},
            "fleet": section,
        }
        self.daemon = Daemon(directory, yaml.safe_dump(settings), wrapper=as_machine(name))

    def cut(self) -> None:
        for link in self.links:
            link.cut()

    def silence(self) -> None:
        for link in self.links:
            link.silence()

    def mend(self) -> None:
        for link in self.links:
            link.mend()

    def close(self) -> None:
        self.daemon.end()
        for link in self.links:
            link.close()

    @property
    def carried(self) -> int:
        """Bytes over its links, in both directions."""
        return sum(link.carried for link in self.links)


class Fleet:
    """Three nodes with TLS and accounts, `members` and two hubs, all running, and one mail server
    for all of them."""

    def __init__(self, directory: Path, members: int = 4, nodes: int = 3, **fleet: Any) -> None:
        names = [f"m{n}.zaion.jp" for n in range(1, members + 1)]
        hubs = ["h1.zaion.jp", "h2.zaion.jp"]
        (directory / "nats").mkdir()
        self._ended = ExitStack()
        self.sink = FastSink()
        self.nats = Nats(
            directory / "nats", nodes, tls=True, accounts=True, members=names, hubs=hubs
        )
        self._directory = directory
        self._names, self._hub_names, self._settings = names, hubs, fleet
        self.members: list[Machine] = []
        self.hubs: list[Machine] = []

    def _machine(self, name: str, role: str, **fleet: Any) -> Machine:
        place = self._directory / name.partition(".")[0]
        made = Machine(place, name, role, self.nats, self.sink.port, **fleet)
        self._ended.callback(made.close)
        made.daemon.start()
        return made

    def __enter__(self) -> Self:
        with ExitStack() as failed:
            failed.callback(self._ended.close)
            self._ended.enter_context(self.sink)
            self._ended.enter_context(self.nats)
            self.nats.init()
            self.hubs = [self._machine(name, "hub") for name in self._hub_names]
            self.members = [self._machine(name, "member", **self._settings) for name in self._names]
            failed.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.close()

    @property
    def machines(self) -> list[Machine]:
        return [*self.members, *self.hubs]

    def status(self) -> dict[str, Any]:
        """What `zaiond-ctl fleet status` says at a hub; {} where it can't say."""
        for hub in self.hubs:
            done = hub.daemon.ctl("fleet", "status", "--json")
            if done.stdout:
                return dict(json.loads(done.stdout))
        return {}

    def working_hub(self) -> Machine | None:
        leader = self.status().get("leader") or {}
        return next((hub for hub in self.hubs if hub.name == leader.get("hub")), None)

    def mailed(self) -> set[str]:
        """The ids of the events that were mailed."""
        return set(self.sink.events)

    def mailed_at(self) -> dict[str, float]:
        """When the first mail about each event came (monotonic clock)."""
        return {one.event: one.at for one in reversed(list(self.sink.arrivals))}

    def twice(self) -> dict[str, set[str]]:
        """The Message-IDs of the events that were mailed more than once."""
        found: dict[str, list[str]] = {}
        for one in list(self.sink.arrivals):
            found.setdefault(one.event, []).append(one.message_id)
        return {event: set(ids) for event, ids in found.items() if len(ids) > 1}


class Program(threading.Thread):
    """Emits events at a member, so many a second, and again until each was taken: as a program must
    that wants none to be lost. `taken` are the ids that the daemon said `ok` to, `sent` says when
    each was sent first (monotonic clock)."""

    def __init__(self, machine: Machine, ids: Sequence[str], rate: float) -> None:
        super().__init__(daemon=True)
        self.taken: list[str] = []
        self.sent: dict[str, float] = {}
        self._machine = machine
        self._ids = ids
        self._rate = rate
        self.ends = False

    def run(self) -> None:
        began = time.monotonic()
        for first in range(0, len(self._ids), _AT_ONCE):
            ids = list(self._ids[first : first + _AT_ONCE])
            while ids and not self.ends:
                try:
                    ids = self._send(ids)
                except OSError:
                    time.sleep(0.1)  # the daemon is killed, and comes again
            if self.ends:
                return
            late = time.monotonic() - began - (first + _AT_ONCE) / self._rate
            if late < 0:
                time.sleep(-late)

    def _send(self, ids: list[str]) -> list[str]:
        """Those that were not taken."""
        lines = [json.dumps({"type": "test.chaos", "id": one}).encode() + b"\n" for one in ids]
        refused = []
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(str(self._machine.daemon.event_socket))
            for one in ids:
                self.sent.setdefault(one, time.monotonic())
            connection.sendall(b"".join(lines))
            with connection.makefile("rb") as replies:
                for one in ids:
                    reply = json.loads(replies.readline() or b"{}")
                    if reply.get("status") == "ok":
                        self.taken.append(one)
                    else:
                        refused.append(one)
        if refused:
            time.sleep(0.2)
        return refused
