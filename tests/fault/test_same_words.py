"""What `zaiond-ctl route` says of an event before it comes is what `zaiond-ctl history` says of it
afterwards, whatever is decided: the same outcome, time and words.
"""

import base64
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.clocked_daemon import Clocked
from tests.support.sink import Sink

FRIDAY = datetime(2026, 6, 5, 8, tzinfo=UTC).timestamp()
CONFIGURATION = """
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: admin@x.example
language: en
notify: {{backup_auto_update: false}}
route_defaults: {{max_mails: null}}
times: {{saturday: {{days: sat}}}}
jobs:
  second: {{every: 30d, failures: 2}}
  own: {{every: 30d, to: [boss@x.example]}}
routes:
  told: {{match: {{type: told}}, to: [one@x.example]}}
  both: {{match: {{type: both}}, continue: true, to: [one@x.example]}}
  then: {{match: {{type: both}}, to: [two@x.example]}}
  nobody: {{match: {{type: nobody}}, to: []}}
  by-host: {{match: {{type: by-host}}, group_by: [data.host], group_interval: 1h}}
  waits: {{match: {{type: waits}}, group_wait: 1h}}
  morning: {{match: {{type: morning}}, digest: "0 8 * * *"}}
  weekend: {{match: {{type: weekend}}, active_time: saturday}}
  few: {{match: {{type: few}}, max_mails: 1/h}}
"""


def job(type_: str, name: str) -> dict[str, Any]:
    return {"type": f"job.{type_}", "job": name, "severity": "err"}


def key(name: str, status: str, **more: Any) -> dict[str, Any]:
    return {"type": "disk", "key": name, "status": status, "severity": "err", **more}


MAIL = base64.b64encode(b"Subject: s\n\nbody\n").decode()

# What was before, so that each kind of decision can be made next.
BEFORE: list[dict[str, Any]] = [
    {"type": "by-host", "data": {"host": "h1"}},
    {"type": "few"},
    key("again", "problem"),
    key("worse", "problem"),
    key("over", "problem"),
    key("secret", "problem", type="nobody"),
    job("failed", "mended"),
]
# An event, and what becomes of it by each route.
DECISIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "told by a route": ({"type": "told"}, ["mailed"]),
    "told by two": ({"type": "both"}, ["mailed", "mailed"]),
    "told by none": ({"type": "other"}, ["mailed"]),
    "to nobody": ({"type": "nobody"}, ["dropped"]),
    "notify is off": ({"type": "backup.auto_update.finished"}, ["dropped"]),
    "the first of a group": ({"type": "by-host", "data": {"host": "h2"}}, ["mailed"]),
    "one more of a group": ({"type": "by-host", "data": {"host": "h1"}}, ["grouped"]),
    "a group that waits": ({"type": "waits"}, ["grouped"]),
    "a digest": ({"type": "morning"}, ["grouped"]),
    "outside of active_time": ({"type": "weekend"}, ["held"]),
    "outside of active_time, and urgent": ({"type": "weekend", "severity": "crit"}, ["mailed"]),
    "beyond max_mails": ({"type": "few"}, ["held"]),
    "silenced": ({"type": "silent"}, ["silenced"]),
    "a problem": (key("new", "problem"), ["mailed"]),
    "a problem again": (key("again", "problem"), ["grouped"]),
    "a problem that is worse": (key("worse", "problem", severity="crit"), ["mailed"]),
    "a problem that is over": (key("over", "ok"), ["mailed"]),
    "a problem that is over, and was told to nobody": (
        key("secret", "ok", type="nobody"), ["dropped"],
    ),
    "ok without a problem": (key("none", "ok"), ["dropped"]),
    "a job that starts": (job("started", "any"), ["dropped"]),
    "a job that succeeds": (job("succeeded", "any"), ["dropped"]),
    "a job that fails": (job("failed", "new"), ["mailed"]),
    "a job that has not failed often enough": (job("failed", "second"), ["dropped"]),
    "a job with recipients of its own": (job("failed", "own"), ["mailed"]),
    "a job that succeeds after all": (job("succeeded", "mended"), ["mailed"]),
    "a drill": ({"type": "told", "drill": True}, ["mailed"]),
    "a mail to a named recipient": (
        {"type": "mail.local", "mail": MAIL, "data": {"recipients": ["c@x.example"]}}, ["mailed"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def daemon() -> Iterator[Clocked]:
    with tempfile.TemporaryDirectory(dir="/tmp") as directory, Sink() as sink:
        made = Clocked(Path(directory), CONFIGURATION.format(port=sink.port), FRIDAY)
        with made:
            yield made


def lines(events: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(event)}\n" for event in events)


def emit(daemon: Clocked, events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What `history` says of events by their ids, once no mail of them is under way."""
    ids = {reply["id"] for reply in daemon.emit(*events)}

    def left(found: dict[str, Any]) -> set[str]:
        return ids - {one["id"] for one in found["events"] if one["outcome"] != "waiting"}

    found = daemon.becomes(lambda document: not left(document), "history", "--limit", "100")
    return {one["id"]: one for one in found["events"]}


@pytest.fixture(scope="module")
def told(daemon: Clocked) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """By the name of each decision, what `route` says of the event, and what `history` does."""
    silenced = ("--match", "type=silent", "--for", "2h", "--comment", "c")
    assert daemon.ctl("silence", "add", *silenced).returncode == 0
    emit(daemon, BEFORE)
    events: list[dict[str, Any]] = [
        {"id": f"e{n}", "source": "s", **event} for n, (event, _) in enumerate(DECISIONS.values())
    ]
    before = json.loads(daemon.ctl("route", "--json", "--from", "-", given=lines(events)).stdout)
    after = emit(daemon, events)
    return {
        name: (said, after[said["id"]])
        for name, said in zip(DECISIONS, before["events"], strict=True)
    }


def moment(time: str | None) -> float:
    """In seconds since the epoch; 0 for none."""
    return datetime.fromisoformat(time).timestamp() if time else 0.0


@pytest.mark.parametrize("name", DECISIONS)
def test_route_says_before_what_history_says_after(
    told: dict[str, tuple[dict[str, Any], dict[str, Any]]], name: str
) -> None:
    before, after = told[name]
    decisions = before["decisions"]
    assert [one["outcome"] for one in decisions] == DECISIONS[name][1]
    became = {"mailed": "delivered"}
    assert after["outcome"] == became.get(decisions[0]["outcome"], decisions[0]["outcome"])
    if after["routing"]:
        assert sorted((one["route"] or "", one["reason"]) for one in after["routing"]) == sorted(
            (one["route"], one["reason"]) for one in decisions
        )
    else:
        assert [one["reason"] for one in decisions] == [after["reason"]]
    due = [moment(one["when"]) for one in decisions if one["outcome"] in ("grouped", "held")]
    found = [moment(one["due"]) for one in after["routing"] if due]
    assert found == pytest.approx(due, abs=60)  # of group_wait, it is so long after the event
    got = {one["recipient"] for one in after["deliveries"]}
    assert got == {to for one in decisions if one["outcome"] == "mailed" for to in one["to"]}


@pytest.mark.parametrize("name", ["told by none", "told by two", "a digest", "silenced"])
def test_a_person_reads_the_same_words_in_both(
    daemon: Clocked, told: dict[str, tuple[dict[str, Any], dict[str, Any]]], name: str
) -> None:
    before, after = told[name]
    page = " ".join(daemon.ctl("history", after["id"]).stdout.split())
    for one in before["decisions"]:
        assert one["reason"] in page
