"""A fleet beside one machine: a member's events until the hub has mailed them, and what an event
costs on the wire."""

import time

import yaml

from tests.bench.figures import Row, Target
from tests.bench.run import LINE, Run
from tests.support.daemon import Daemon
from tests.support.emitter import Emitter, emit_many
from tests.support.nats import Nats, Proxy, as_machine
from tests.support.postfix_load import SmtpSink

MEMBER, HUB = "m1.example.co.jp", "h1.example.co.jp"
CLIENTS, AHEAD = 8, 50
SINGLE = 300  # events, of which the time until the answer is taken

THROUGHPUT = Target(
    "fleet_throughput",
    "a member's events, mailed by a hub, 3 nodes here too",
    "one machine, in and out",
    "/s",
    "at least",
    0.2,
)
WIRE = Target(
    "fleet_wire",
    "a member's bytes on the wire for an event, answers and TLS too",
    "the event",
    "bytes",
    "at most",
    4,
)
ACKNOWLEDGEMENT = Target(
    "fleet_acknowledgement",
    "acknowledgement at a member, whose hub and nodes write to the same disk",
    "at one machine",
    "ms",
    "at most",
    3,
)


def measure(run: Run) -> list[Row]:
    """The rows `fleet_throughput`, `fleet_wire` and `fleet_acknowledgement`."""
    throughput, wire, answers = Row(THROUGHPUT), Row(WIRE), Row(ACKNOWLEDGEMENT)
    for _ in run.rounds:
        events = run.of(20_000, 2_000)
        mails, carried, latency = _fleet(run, events)
        throughput.measured.append(mails)
        wire.measured.append(carried)
        wire.reference.append(float(len(LINE)))
        answers.measured.append(latency)
        alone, latency = _alone(run, events)
        throughput.reference.append(alone)
        answers.reference.append(latency)
    return [throughput, wire, answers]


def _latency(daemon: Daemon) -> float:
    """Milliseconds until the `ok`, the median."""
    with Emitter(daemon.event_socket) as emitter:
        taken = sorted(emitter.emit(LINE) for _ in range(SINGLE))
    return 1000 * taken[len(taken) // 2]


def _alone(run: Run, events: int) -> tuple[float, float]:
    with SmtpSink(quit_after=events + SINGLE) as sink:
        daemon = run.daemon(sink.port)
        daemon.start()
        try:
            latency = _latency(daemon)
            begun = time.perf_counter()
            emit_many(daemon.event_socket, LINE, events, CLIENTS, AHEAD)
            sink.wait_until_full()
            return events / (time.perf_counter() - begun), latency
        finally:
            daemon.end()


def _fleet(run: Run, events: int) -> tuple[float, float, float]:
    """Mails a second, bytes an event, milliseconds of an acknowledgement."""
    place = run.place()
    with (
        SmtpSink(quit_after=events + SINGLE) as sink,
        Nats(place, 3, tls=True, accounts=True, members=[MEMBER], hubs=[HUB]) as nats,
        Proxy(nats.nodes[0].port) as link,
    ):
        nats.init()
        member = nats.settings(MEMBER) | {"servers": [f"tls://127.0.0.1:{link.port}"]}
        hub = nats.settings(HUB, "hub")
        daemons = [
            run.daemon(sink.port, more=yaml.safe_dump({"fleet": section}))
            for section in (hub, member)
        ]
        try:
            for daemon, name in zip(daemons, (HUB, MEMBER), strict=True):
                daemon.wrapper = as_machine(name)
                daemon.start()
            daemons[0].becomes(lambda now: bool((now["fleet"] or {}).get("works")), "status")
            latency = _latency(daemons[1])
            daemons[1].becomes(lambda queue: not queue["deliveries"], "queue", "list")
            carried, begun = link.carried, time.perf_counter()
            emit_many(daemons[1].event_socket, LINE, events, CLIENTS, AHEAD)
            sink.wait_until_full()
            taken = time.perf_counter() - begun
            return events / taken, (link.carried - carried) / events, latency
        finally:
            for daemon in daemons:
                daemon.end()
