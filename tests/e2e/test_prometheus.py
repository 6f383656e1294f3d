"""Debian's Prometheus reads zaiond's numbers, and its Alertmanager sends zaiond its alerts."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import MakeDaemon
from tests.support.daemon import Daemon
from tests.support.monitors import AMTOOL, PROMTOOL, Alertmanager, Prometheus
from tests.support.postfix import Postfix
from tests.support.programs import Program, token
from tests.support.sink import Mail, Sink
from tests.support.waiting import until
from tests.support.web import Web
from tests.unit.web.test_metrics import NAMES

EXAMPLES = Path(__file__).parents[2] / "etc/examples/prometheus"
RULES_TEST = Path(__file__).with_name("rules_test.yml")


@pytest.fixture
def daemon(make_daemon: MakeDaemon, postfix: Postfix) -> Iterator[Daemon]:
    with make_daemon(postfix.port, language="en") as running:
        yield running


@pytest.fixture
def web(daemon: Daemon) -> Iterator[Web]:
    with Web(daemon) as running:
        yield running


def told_of(sink: Sink, text: str) -> list[Mail]:
    return [mail for mail in sink.mails if text in mail.subject]


def token_file(daemon: Daemon, name: str, use: str) -> Path:
    path = daemon.directory / f"{name}.token"
    path.write_text(token(daemon, name, use) + "\n")
    return path


def of_prometheus(daemon: Daemon, web: Web, alertmanager: str = "localhost:9093") -> str:
    text = (EXAMPLES / "prometheus.yml").read_text()
    for before, here in {
        "/etc/prometheus/zaiond.token": str(token_file(daemon, "prometheus", "metrics")),
        "/etc/prometheus/rules/zaiond.yml": str(EXAMPLES / "rules.yml"),
        "localhost:8025": web.base.removeprefix("http://"),
        "localhost:9093": alertmanager,
    }.items():
        assert before in text
        text = text.replace(before, here)
    return "global: {scrape_interval: 1s, evaluation_interval: 1s}\n" + text


def of_alertmanager(daemon: Daemon, web: Web) -> str:
    text = (EXAMPLES / "alertmanager.yml").read_text()
    for before, here in {
        "/etc/prometheus/zaiond-emit.token": str(token_file(daemon, "alertmanager", "emit")),
        "http://localhost:8025": web.base,
        "group_wait: 5s": "group_wait: 1s",
        "group_interval: 1m": "group_interval: 1s",
        "repeat_interval: 1d": "repeat_interval: 1s",
    }.items():
        assert before in text
        text = text.replace(before, here)
    return text


def run(*command: str | os.PathLike[str], given: str = "") -> str:
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_line_for_cron_tells_of_a_job_by_curl(
    daemon: Daemon, web: Web, directory: Path, sink: Sink
) -> None:
    lines = (EXAMPLES / "curl.cron").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]+=", line))
    (job,) = [line.split(maxsplit=6)[6] for line in lines if line.startswith("0 2 ")]
    given = directory / "token"
    given.write_text(f"Authorization: Bearer {token(daemon, 'backup', 'emit')}\n")
    log = directory / "backup.log"
    programs = directory / "bin"
    programs.mkdir()
    backup = programs / "backup"
    backup.write_text("#!/bin/sh\nprintf 'one\\ntwo\\n'; exit 3\n")
    backup.chmod(0o755)
    places = {
        "https://zaiond.example.co.jp:8025": web.base, "/etc/zaiond-token": str(given),
        "/var/log/backup.log": str(log),
    }  # fmt: skip
    for before, here in places.items():
        assert before in str(settings) + job
        settings = {name: value.replace(before, here) for name, value in settings.items()}
        job = job.replace(before, here)
    # cron takes the quotes off (crontab(5)).
    environment = {name: value.strip('"') for name, value in settings.items()}
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    done = subprocess.run(["sh", "-c", job], env=environment, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    (found,) = daemon.becomes(
        lambda found: any(one["state"] == "failed" for one in found["jobs"]), "jobs"
    )["jobs"]
    assert found["job"] == "nightly-backup"
    until(lambda: sink.mails, daemon.printed)
    assert "one\ntwo\n" in sink.mails[0].body
    assert "nightly-backup" in sink.mails[0].subject


def test_promtool_finds_nothing_against_the_metrics(daemon: Daemon, web: Web) -> None:
    daemon.emit({"type": "a.b"}, {"type": "job.succeeded", "job": '夜間 "x"'})
    daemon.becomes(lambda found: bool(found["jobs"]), "jobs")
    answer = Program(web, token(daemon, "a", "metrics")).send("GET", "/metrics")
    assert run(PROMTOOL, "check", "metrics", given=answer.text) == ""


def test_the_examples_are_what_promtool_and_amtool_take(directory: Path) -> None:
    shutil.copy(EXAMPLES / "rules.yml", directory)
    shutil.copy(RULES_TEST, directory)
    assert "SUCCESS" in run(PROMTOOL, "test", "rules", directory / RULES_TEST.name)
    assert "SUCCESS" in run(PROMTOOL, "check", "rules", EXAMPLES / "rules.yml")
    assert "SUCCESS" in run(AMTOOL, "check-config", EXAMPLES / "alertmanager.yml")
    for name in ("prometheus.yml",):
        text = (EXAMPLES / name).read_text().replace("/etc/prometheus/zaiond.token", "/dev/null")
        (directory / name).write_text(
            text.replace("/etc/prometheus/rules/zaiond.yml", str(EXAMPLES / "rules.yml"))
        )
        assert "SUCCESS" in run(PROMTOOL, "check", "config", directory / name)


def test_prometheus_reads_each_number_and_asks_all_that_the_dashboard_asks(
    daemon: Daemon, web: Web, directory: Path
) -> None:
    daemon.emit(
        {"type": "a.b"},
        {"type": "a b"},
        {"type": "job.succeeded", "job": "backup"},
        {"type": "c.d", "key": "k", "status": "problem", "severity": "crit"},
    )
    daemon.becomes(lambda found: found["delivered"] == 2, "status")
    with Prometheus(directory / "prometheus", of_prometheus(daemon, web)) as prometheus:
        until(
            lambda: prometheus.value('zaiond_deliveries_total{outcome="delivered"} == 2'),
            lambda: f"{prometheus.ask('/api/v1/targets')}\n{prometheus.printed()}",
        )
        assert {
            labels["__name__"] for labels, _ in prometheus.value('{__name__=~"zaiond_.+"}')
        } == (NAMES.keys())
        assert prometheus.value("zaiond_events_accepted_total")[0][1] == 3
        assert prometheus.value('zaiond_problems{severity="crit"}')[0][1] == 1
        ((labels, _),) = prometheus.value("zaiond_job_last_success_timestamp_seconds")
        assert labels["exported_job"] == "backup"
        # What is asked for openly is typed by it.
        types = {name: kinds[0]["type"] for name, kinds in
                 prometheus.ask("/api/v1/metadata")["data"].items()}  # fmt: skip
        assert types["zaiond_events_accepted"] == "counter"  # OpenMetrics' name of its family
        for panel in json.loads((EXAMPLES / "grafana-dashboard.json").read_text())["panels"]:
            for target in panel["targets"]:
                query = target["expr"].replace("$__rate_interval", "1m")
                query = query.replace("$job", "zaiond").replace("$instance", ".+")
                assert prometheus.ask("/api/v1/query", query=query)["status"] == "success"
        rules = prometheus.ask("/api/v1/rules")["data"]["groups"][0]["rules"]
        assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
        # What does not answer, and who has no token, is down.
        web.stop()
        until(lambda: prometheus.value('up{job="zaiond"} == 0'), prometheus.printed)


def alert(**labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": "DiskFull", "instance": "db1", **labels},
        "annotations": {"summary": "The disk of db1 is full", "description": "1 % left"},
        "generatorURL": "http://prometheus.example/graph",
    }


def test_an_alert_of_alertmanager_is_one_mail_and_its_end_another_whatever_it_repeats(
    daemon: Daemon, web: Web, directory: Path, sink: Sink
) -> None:
    with Alertmanager(directory / "am", of_alertmanager(daemon, web)) as alertmanager:
        add = [AMTOOL, "alert", "add", f"--alertmanager.url={alertmanager.url}"]
        told = ["--annotation=summary=The disk of db1 is full", "--annotation=description=1 %"]
        labels = ["alertname=DiskFull", "instance=db1", "severity=critical"]
        begun = "--start=2026-11-30T05:00:00Z"
        run(*add, *told, begun, *labels)
        until(lambda: len(told_of(sink, "The disk of db1 is full")) == 1, web.printed)
        (mail,) = told_of(sink, "The disk of db1 is full")
        assert mail.message["X-Priority"] == "1"
        # Three repeats come within a few seconds: repeat_interval is one.
        events = daemon.document("history", "--type", "alertmanager.*")["events"]
        assert [(one["type"], one["source"]) for one in events] == [
            ("alertmanager.alert", "web:alertmanager")
        ]

        def notified() -> float:
            name = 'alertmanager_notifications_total{integration="webhook"}'
            return float(metric(alertmanager, name))

        at_least = notified() + 2
        until(lambda: notified() >= at_least, alertmanager.printed, 60)
        assert len(daemon.document("history", "--type", "alertmanager.*")["events"]) == 1
        assert [one["count"] for one in daemon.document("problems")["problems"]] == [1]
        run(*add, *told, begun, "--end=2026-11-30T05:30:00Z", *labels)
        daemon.becomes(lambda found: not found["problems"], "problems")
        until(lambda: len(told_of(sink, "The disk of db1 is full")) == 2, web.printed)
        # It fires again: that is another problem.
        run(*add, *told, *labels)
        until(lambda: len(told_of(sink, "The disk of db1 is full")) == 3, web.printed)
        assert [one["count"] for one in daemon.document("problems")["problems"]] == [1]
        assert len(sink.mails) == 3
        failed = 'alertmanager_notifications_failed_total{integration="webhook"}'
        assert metric(alertmanager, failed) == "0"


def metric(alertmanager: Alertmanager, name: str) -> str:
    with urllib.request.urlopen(f"{alertmanager.url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next((line.rpartition(" ")[2] for line in lines if line.startswith(name)), "0")


def test_alertmanager_sends_again_what_zaiond_could_not_take(
    daemon: Daemon, web: Web, directory: Path, sink: Sink
) -> None:
    daemon.stop()
    with Alertmanager(directory / "am", of_alertmanager(daemon, web)) as alertmanager:
        add = [AMTOOL, "alert", "add", f"--alertmanager.url={alertmanager.url}"]
        run(*add, "alertname=DiskFull", "instance=db1", "severity=page")
        until(lambda: "503" in alertmanager.printed(), alertmanager.printed)
        daemon.start()
        until(lambda: len(told_of(sink, "DiskFull db1")) == 1, alertmanager.printed, 60)


def test_an_alert_of_the_examples_rules_goes_from_zaiond_by_prometheus_to_a_mail(
    daemon: Daemon, web: Web, directory: Path, sink: Sink
) -> None:
    with Alertmanager(directory / "am", of_alertmanager(daemon, web)) as alertmanager:
        where = alertmanager.url.removeprefix("http://")
        config = yaml.safe_load(of_prometheus(daemon, web, where))
        (rules,) = config["rule_files"]
        hasty = Path(rules).read_text().replace("for: 10m", "for: 1s")
        (directory / "rules.yml").write_text(hasty)
        config["rule_files"] = [str(directory / "rules.yml")]
        good = daemon.config.read_text()
        with Prometheus(directory / "prometheus", yaml.safe_dump(config)):
            daemon.config.write_text("mail_server: {host: [}\n")
            subject = "the configuration of zaiond on"
            until(lambda: told_of(sink, subject), daemon.printed, 60)
            daemon.config.write_text(good)
            until(lambda: len(told_of(sink, subject)) == 2, daemon.printed, 60)
            assert not daemon.document("problems")["problems"]
