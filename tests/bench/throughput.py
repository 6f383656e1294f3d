"""Events in, one mail each out, durable both ways, to smtp-sink."""

import time

from tests.bench.figures import Row, Target
from tests.bench.run import LINE, Run
from tests.support.emitter import emit_many
from tests.support.ports import free_port
from tests.support.postfix import Postfix
from tests.support.postfix_load import SmtpSink, SmtpSource
from tests.support.process import cpu_seconds

CLIENTS, AHEAD = 8, 50
CONNECTIONS = 8  # the daemon's default, so all others have as many

AGAINST_POSTFIX = Target(
    "throughput",
    "events in, one mail each out, to smtp-sink",
    "Postfix relaying to the same sink",
    "/s",
    "at least",
    10,
)
AGAINST_SOURCE = Target(
    "share",
    "the same",
    "smtp-source -d into the sink",
    "/s",
    "at least",
    0.35,
)


def measure(run: Run) -> list[Row]:
    """The rows `throughput` and `share`."""
    against_postfix, against_source = Row(AGAINST_POSTFIX), Row(AGAINST_SOURCE)
    details = against_postfix.details
    details["mail_bytes"] = run.mail_bytes
    for _ in run.rounds:
        mails, used = _daemon(run, run.of(20_000, 2_000))
        against_postfix.measured.append(mails)
        against_source.measured.append(mails)
        for name, seconds in used.items():
            details.setdefault(name, []).append(seconds)
        against_postfix.reference.append(_postfix(run, run.of(3_000, 500)))
        against_source.reference.append(_source(run, run.of(40_000, 10_000)))
    return [against_postfix, against_source]


def _daemon(run: Run, events: int) -> tuple[float, dict[str, float]]:
    with SmtpSink(quit_after=events) as sink:
        daemon = run.daemon(sink.port)
        daemon.start()
        try:
            begun = time.perf_counter()
            accepted = emit_many(daemon.event_socket, LINE, events, CLIENTS, AHEAD)
            sink.wait_until_full()
            taken = time.perf_counter() - begun
            used = {
                "accepted_per_second": events / accepted,
                "daemon_cpu_us_per_mail": cpu_seconds(daemon.process.pid) / events * 1e6,
                "sink_cpu_us_per_mail": sink.cpu_seconds / events * 1e6,
            }
            # What was in flight when the sink ended may not be known to have arrived.
            left = daemon.document("status")["queue"]["waiting"]
            assert left <= CONNECTIONS, f"{left} mails that came are not recorded as delivered"
        finally:
            daemon.end()
    return events / taken, used


def _postfix(run: Run, messages: int) -> float:
    with SmtpSink(quit_after=messages) as sink:
        postfix = Postfix(run.place(), sink.port, {})
        postfix.start()
        try:
            begun = time.perf_counter()
            with SmtpSource(postfix.port, messages, run.mail_bytes, CONNECTIONS):
                sink.wait_until_full()
                return messages / (time.perf_counter() - begun)
        finally:
            postfix.stop()


def _source(run: Run, messages: int) -> float:
    with SmtpSink(free_port(), quit_after=messages) as sink:
        begun = time.perf_counter()
        with SmtpSource(sink.port, messages, run.mail_bytes, CONNECTIONS):
            sink.wait_until_full()
            return messages / (time.perf_counter() - begun)
