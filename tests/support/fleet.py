"""A fleet on one machine: real daemons with names of their own, real nats-servers, and for each
machine a link of its own to every node, which can be cut."""

import contextlib
import itertools
import json
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import yaml

from tests.support.daemon import Daemon
from tests.support.fast_sink import Arrival, FastSink
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

    def mailed_last(self) -> Machine:
        """The hub that mailed last: the one that works, as far as can be seen from outside."""
        hubs = {hub.name: hub for hub in self.hubs}
        names = (one.by for one in reversed(list(self.sink.arrivals)) if one.by in hubs)
        return hubs[next(names, self._hub_names[0])]

    def twice(self) -> dict[str, list[Arrival]]:
        """The mails about each event that was mailed more than once, in order."""
        found: dict[str, list[Arrival]] = {}
        for one in list(self.sink.arrivals):
            found.setdefault(one.event, []).append(one)
        return {event: mails for event, mails in found.items() if len(mails) > 1}


class Program(threading.Thread):
    """Emits events at a member, so many a second, and each again until it was taken: as a program
    must that wants none to be lost. It goes on until `stop`. `taken` are the ids that the daemon
    said `ok` to, `sent` says when each was sent first (monotonic clock).
    """

    def __init__(self, machine: Machine, rate: float) -> None:
        super().__init__(daemon=True)
        self.taken: set[str] = set()
        self.sent: dict[str, float] = {}
        self._machine = machine
        self._rate = rate
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ends it, once what it has sent ahead is taken."""
        self._stopped.set()
        self.join(2 * _PATIENCE)
        assert not self.is_alive(), f"{self._machine.name} takes no events"

    def run(self) -> None:
        began = time.monotonic()
        for first in itertools.count(0, _AT_ONCE):
            ids = [f"{self._machine.name}/{n}" for n in range(first, first + _AT_ONCE)]
            while left := [one for one in ids if one not in self.taken]:
                with contextlib.suppress(OSError):
                    self._send(left)
                    continue
                time.sleep(0.1)  # as programs do; the daemon is killed, and comes again
            late = time.monotonic() - began - (first + _AT_ONCE) / self._rate
            if self._stopped.wait(max(0.0, -late)):
                return

    def _send(self, ids: list[str]) -> None:
        lines = [json.dumps({"type": "test.chaos", "id": one}).encode() + b"\n" for one in ids]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(str(self._machine.daemon.event_socket))
            for one in ids:
                self.sent.setdefault(one, time.monotonic())
            connection.sendall(b"".join(lines))
            with connection.makefile("rb") as replies:
                for one in ids:
                    if json.loads(replies.readline() or b"{}").get("status") == "ok":
                        self.taken.add(one)
