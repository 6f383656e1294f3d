"""The daemon's numbers as Prometheus reads them (interface 10): OpenMetrics for who asks for it,
else the text format that it comes from. Pure: the document is that of the control command `metrics`
(daemon/metrics.py).
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import exposition
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    UnknownMetricFamily,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

_OPENMETRICS = "application/openmetrics-text"
OPENMETRICS_TYPE = f"{_OPENMETRICS}; version=1.0.0; charset=utf-8"
TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(document: Mapping[str, Any], accept: str) -> tuple[bytes, str]:
    """What is answered to who accepts this (RFC 9110 12.5.1), and its Content-Type."""
    is_open = 0 < _quality(accept, _OPENMETRICS) >= _quality(accept, "text/plain")
    numbers = _Numbers(document, is_open=is_open)
    if is_open:
        body: bytes = openmetrics.generate_latest(numbers)  # type: ignore[no-untyped-call]
        return body, OPENMETRICS_TYPE
    return exposition.generate_latest(numbers), TEXT_TYPE


def _quality(accept: str, wanted: str) -> float:
    """How much this type is liked, from 0 to 1; 0 where it isn't named."""
    best = 0.0
    for each in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        if kind == wanted:
            given = [part[2:] for part in parameters if part.startswith("q=")]
            with contextlib.suppress(ValueError):
                best = max(best, float(given[0]) if given else 1.0)
    return best


_OF_FLEET = {
    "hub_works": "1 at the hub that works, 0 at one that waits",
    "connected": "1 while there is a connection to the fleet's NATS servers",
    "hands_on": "1 while this machine hands its events on, 0 while it mails by itself",
    "to_hand_on": "Events of this machine that wait to be handed on",
    "backlog": "Events that wait for a hub, as the hub that works saw it last",
    "members": "Members that the hub that works has heard of",
    "members_silent": "Of these, the ones that are silent for longer than fleet.member_grace",
}


class _Numbers(Collector):
    def __init__(self, document: Mapping[str, Any], *, is_open: bool) -> None:
        self._document = document
        self._is_open = is_open

    def collect(self) -> Iterator[Metric]:
        found = self._document
        yield CounterMetricFamily(
            "zaiond_events_accepted",
            "Events put on disk since zaiond started, its own included, each once",
            found["events_accepted"],
        )
        yield _by_label(
            CounterMetricFamily(
                "zaiond_events_refused",
                "Events refused since zaiond started, by the code of the reply",
                labels=["code"],
            ),
            found["events_refused"],
        )
        # In OpenMetrics a counter's family is named without its _total: as the gauge below. So
        # there it goes without a type.
        ended = "Deliveries that have ended since zaiond started, by how they did"
        yield _by_label(
            UnknownMetricFamily("zaiond_deliveries_total", ended, labels=["outcome"])
            if self._is_open
            else CounterMetricFamily("zaiond_deliveries", ended, labels=["outcome"]),
            found["deliveries_ended"],
        )
        yield _by_label(
            GaugeMetricFamily(
                "zaiond_deliveries", "Deliveries that have not ended", labels=["state"]
            ),
            found["deliveries"],
        )
        yield GaugeMetricFamily(
            "zaiond_oldest_delivery_seconds",
            "Age of the oldest event whose mail is to be sent now, 0 where none is",
            found["oldest_delivery_seconds"],
        )
        yield _by_label(
            GaugeMetricFamily(
                "zaiond_mail_server_up",
                "0 where the mail server could not be used when it was last tried",
                labels=["server"],
            ),
            found["mail_server_up"],
        )
        yield _by_label(
            GaugeMetricFamily(
                "zaiond_config_state",
                "1 for the configuration in force: as on disk, the last good one, none",
                labels=["state"],
            ),
            found["config_state"],
        )
        yield _by_label(
            GaugeMetricFamily(
                "zaiond_job_last_success_timestamp_seconds",
                "When a job last succeeded, for each that ever has",
                labels=["job"],
            ),
            found["job_last_success"],
        )
        yield _by_label(
            GaugeMetricFamily(
                "zaiond_problems", "Open problems, by their worst severity", labels=["severity"]
            ),
            found["problems"],
        )
        for name, number in (found.get("fleet") or {}).items():
            yield GaugeMetricFamily(f"zaiond_fleet_{name}", _OF_FLEET[name], float(number))
        version = {"version": found["version"]}
        yield InfoMetricFamily("zaiond_build", "The version of zaiond", version)


Family = CounterMetricFamily | GaugeMetricFamily | UnknownMetricFamily


def _by_label(family: Family, values: Mapping[str, float]) -> Family:
    for label, value in values.items():
        family.add_metric([label], float(value))
    return family
