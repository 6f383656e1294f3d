"""What becomes of Alertmanager's webhook."""

from typing import Any

import msgspec
import pytest

from zaiond import event_rules, wire
from zaiond.web import alertmanager
from zaiond.web.alertmanager import decode, events

# As Alertmanager 0.25 posts it.
POSTED: dict[str, Any] = {
    "receiver": "zaiond",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "DiskFull", "instance": "db1:9100", "severity": "critical"},
            "annotations": {
                "summary": "The disk of db1 is full",
                "description": "/srv has 1 % left.\nDelete something.",
                "runbook_url": "https://wiki.example.jp/disk",
            },
            "startsAt": "2026-11-30T05:00:00.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph?g0.expr=x",
            "fingerprint": "1f8a4c21b0d3e9f7",
        }
    ],
    "groupLabels": {"alertname": "DiskFull"},
    "commonLabels": {"alertname": "DiskFull"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "version": "4",
    "groupKey": '{}:{alertname="DiskFull"}',
    "truncatedAlerts": 0,
}


def posted(**of_alert: Any) -> bytes:
    return msgspec.json.encode({**POSTED, "alerts": [{**POSTED["alerts"][0], **of_alert}]})


def one(**of_alert: Any) -> dict[str, Any]:
    (event,) = events(decode(posted(**of_alert)))
    event_rules.check(event)
    return event


def test_an_alert_is_a_problem_with_its_fingerprint_as_key() -> None:
    event = one()
    assert event.pop("id").startswith("1f8a4c21b0d3e9f7/2026-11-30T05:00:00.123456789Z/firing/")
    assert event == {
        "type": "alertmanager.alert",
        "time": "2026-11-30T05:00:00.123456789Z",
        "severity": "crit",
        "key": "1f8a4c21b0d3e9f7",
        "status": "problem",
        "subject": "The disk of db1 is full",
        "message": "/srv has 1 % left.\nDelete something.",
        "data": {
            "labels": {"alertname": "DiskFull", "instance": "db1:9100", "severity": "critical"},
            "annotations": {"runbook_url": "https://wiki.example.jp/disk"},
            "url": "http://prometheus:9090/graph?g0.expr=x",
        },
    }


def test_its_end_closes_the_problem_at_the_time_at_which_it_ended() -> None:
    event = one(status="resolved", endsAt="2026-11-30T06:00:00Z")
    assert (event["key"], event["status"]) == ("1f8a4c21b0d3e9f7", "ok")
    assert event["time"] == "2026-11-30T06:00:00Z"
    assert event["id"] != one()["id"]


def test_a_repeat_is_the_same_event_whoever_posts_it() -> None:
    again = {
        **POSTED, "externalURL": "http://other:9093", "receiver": "other", "groupKey": "{}",
        "alerts": POSTED["alerts"] * 2,
    }  # fmt: skip
    first, second = events(decode(msgspec.json.encode(again)))
    assert first == second == one()
    ended = [one(status="resolved", endsAt=f"2026-11-30T06:00:0{n}Z") for n in (0, 1)]
    assert ended[0]["id"] == ended[1]["id"]
    assert wire.same_content(*map(msgspec.json.encode, ended))


def test_what_fires_again_and_what_has_another_text_is_another_event_of_the_same_problem() -> None:
    again = one(startsAt="2026-11-30T07:00:00Z")
    other = one(annotations={"summary": "The disk of db1 is full", "value": "99 %"})
    assert len({one()["id"], again["id"], other["id"]}) == 3
    assert one()["key"] == again["key"] == other["key"]


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("critical", "crit"), ("Warning", "warning"), ("info", "info"), ("error", "err"),
        ("page", "crit"), ("none", "info"), ("emerg", "emerg"), ("sev-of-ours", "warning"),
        (None, "warning"),
    ],
)  # fmt: skip
def test_its_severity_is_that_of_its_label(word: str | None, severity: str) -> None:
    labels = {"alertname": "a"} if word is None else {"alertname": "a", "severity": word}
    assert one(labels=labels)["severity"] == severity


def test_an_alert_without_annotations_is_told_by_its_name_and_where_it_is() -> None:
    event = one(annotations={})
    assert event["subject"] == "DiskFull db1:9100"
    assert "message" not in event
    assert "subject" not in one(annotations={}, labels={})


def test_an_alert_without_a_fingerprint_is_known_by_its_labels() -> None:
    keys = {
        one(fingerprint="", labels=labels)["key"]
        for labels in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "1"})
    }
    assert len(keys) == 2


def test_what_no_id_may_hold_is_none() -> None:
    assert one(startsAt="x" * 300)["id"]
    assert "time" not in one(startsAt="\n")


def test_that_alerts_were_left_out_is_an_event_of_its_own() -> None:
    cut = {**POSTED, "truncatedAlerts": 7}
    alert, truncated = events(decode(msgspec.json.encode(cut)))
    assert alert == one()
    assert truncated["type"] == alertmanager.TRUNCATED
    assert truncated["data"]["truncated_alerts"] == 7
    assert events(decode(msgspec.json.encode(cut)))[1] == truncated
    event_rules.check(truncated)


@pytest.mark.parametrize("key", ["labels", "annotations", "startsAt", "endsAt", "generatorURL"])
def test_null_is_as_if_left_out(key: str) -> None:
    (alert,) = POSTED["alerts"]
    left_out = {name: value for name, value in alert.items() if name != key}
    nulled = {"groupKey": None, "truncatedAlerts": None, "alerts": [{**left_out, key: None}]}
    expected = events(decode(msgspec.json.encode({**POSTED, "alerts": [left_out]})))
    assert events(decode(msgspec.json.encode({**POSTED, **nulled}))) == expected


def test_text_that_is_no_unicode_is_shown_by_its_code() -> None:
    body = msgspec.json.encode(POSTED).replace(b'"db1', b'"\\ud83d\xff')
    (event,) = events(decode(b"\xef\xbb\xbf" + body))
    assert event["data"]["labels"]["instance"] == "\\ud83d\\xff:9100"
    event_rules.check(event)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"alerts": [{}]}', b'{"alerts": [{"status": "on"}]}', b"\xff",
        b'{"alerts": [{"status": "firing", "labels": {"a": 1}}]}', b"[" * 10_000,
        b'{"alerts": [' + b'{"status": "firing"},' * 100_000 + b'{"status": "firing"}]}',
    ],
)  # fmt: skip
def test_what_is_no_webhook_is_not_taken_for_one(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^$|utf-8"):
        decode(body)
