"""The numbers as Prometheus reads them."""

from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_text

from zaiond.web.metrics import OPENMETRICS_TYPE, TEXT_TYPE, render

DOCUMENT: dict[str, Any] = {
    "events_accepted": 12,
    "events_refused": {"invalid": 1, "quota": 0},
    "deliveries_ended": {"delivered": 9, "failed": 0, "expired": 1, "deleted": 2},
    "deliveries": {"waiting": 3, "deferred": 1, "held": 0},
    "oldest_delivery_seconds": 1.5,
    "mail_server_up": {"mailhost:25": True, "[::1]:25": False},
    "config_state": {"good": True, "last_good": False, "none": False},
    "job_last_success": {'a "b"\n\\c': 1767323045.25, "夜間": 1.0},
    "problems": {"crit": 1, "warning": 0},
    "version": "1.2.3",
}
# The contract, interface 10: of each the names of its samples and their labels.
NAMES = {
    "zaiond_events_accepted_total": (),
    "zaiond_events_refused_total": ("code",),
    "zaiond_deliveries_total": ("outcome",),
    "zaiond_deliveries": ("state",),
    "zaiond_oldest_delivery_seconds": (),
    "zaiond_mail_server_up": ("server",),
    "zaiond_config_state": ("state",),
    "zaiond_job_last_success_timestamp_seconds": ("job",),
    "zaiond_problems": ("severity",),
    "zaiond_build_info": ("version",),
}
# As Prometheus 2.42 asks.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "kind", "read"),
    [
        (PROMETHEUS, OPENMETRICS_TYPE, read_open),
        ("application/openmetrics-text", OPENMETRICS_TYPE, read_open),
        ("text/plain", TEXT_TYPE, read_text),
        ("*/*", TEXT_TYPE, read_text),
        ("", TEXT_TYPE, read_text),
        ("application/openmetrics-text; q=0, text/plain", TEXT_TYPE, read_text),
        ("application/openmetrics-text;q=0.1,text/plain;q=0.2", TEXT_TYPE, read_text),
        ("Application/OpenMetrics-Text;Q=0.2,text/plain;q=x", OPENMETRICS_TYPE, read_open),
    ],
)
def test_each_format_has_every_number_under_the_contracts_name(
    accept: str, kind: str, read: Any
) -> None:
    body, given = render(DOCUMENT, accept)
    assert given == kind
    families = list(read(body.decode()))  # the reader of OpenMetrics refuses names that clash
    samples = [sample for family in families for sample in family.samples]
    assert {sample.name: tuple(sample.labels) for sample in samples} == NAMES
    found = {(one.name, *one.labels.values()): one.value for one in samples}
    assert found["zaiond_events_accepted_total",] == 12
    assert found["zaiond_events_refused_total", "invalid"] == 1
    assert found["zaiond_deliveries_total", "deleted"] == 2
    assert found["zaiond_deliveries", "waiting"] == 3
    assert found["zaiond_oldest_delivery_seconds",] == 1.5
    assert found["zaiond_mail_server_up", "[::1]:25"] == 0
    assert found["zaiond_config_state", "good"] == 1
    assert found["zaiond_job_last_success_timestamp_seconds", 'a "b"\n\\c'] == 1767323045.25
    assert found["zaiond_problems", "crit"] == 1
    assert found["zaiond_build_info", "1.2.3"] == 1


def test_what_counts_up_is_a_counter_wherever_the_format_has_room_for_it() -> None:
    text = render(DOCUMENT, "")[0].decode()
    for name in ("zaiond_events_accepted", "zaiond_events_refused", "zaiond_deliveries"):
        assert f"# TYPE {name}_total counter\n" in text
    assert "_created" not in text


def test_a_hub_of_a_fleet_has_its_own_numbers_and_nobody_else_has_them() -> None:
    fleet = {"hub_works": True, "connected": True, "backlog": 7, "members": 3, "members_silent": 1}
    for accept, read in ((PROMETHEUS, read_open), ("*/*", read_text)):
        body, _ = render({**DOCUMENT, "fleet": fleet}, accept)
        samples = {
            sample.name: sample.value for family in read(body.decode()) for sample in family.samples
        }
        assert samples.keys() - NAMES.keys() == {f"zaiond_fleet_{name}" for name in fleet}
        assert samples["zaiond_fleet_backlog"] == 7.0
    assert b"fleet" not in render({**DOCUMENT, "fleet": None}, "*/*")[0]
