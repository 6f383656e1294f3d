"""Events, alerts and pings of jobs by HTTP, and metrics: a real zaiond-web before a real daemon."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon, accept
from tests.support.programs import Program, replies, token
from tests.support.sink import Sink
from tests.support.waiting import until
from tests.support.web import CONFIG, Answer, Web
from tests.unit.web.test_alertmanager import POSTED
from tests.unit.web.test_metrics import NAMES, PROMETHEUS
from zaiond import __version__
from zaiond.web.bodies import BATCH, BODY_BYTES, BYTES_IN_ALL
from zaiond.web.doors import MOST_LOG_BYTES


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, sink: Sink) -> Iterator[Daemon]:
    config = (
        f"mail_server: {{host: 127.0.0.1, port: {sink.port}}}\nadmins: a@example.co.jp\n"
        "language: en\nroute_defaults: {max_mails: null}\n"
        "routes: {quiet: {match: {type: 'quiet.*'}, to: []}}\n"
    )
    with Daemon(tmp_path_factory.mktemp("d"), config) as running:
        yield running


@pytest.fixture(scope="module")
def web(daemon: Daemon) -> Iterator[Web]:
    with Web(daemon) as running:
        yield running


@pytest.fixture(scope="module")
def emitter(web: Web) -> Program:
    return Program(web, token(web.daemon, "ci", "emit"))


@pytest.fixture(scope="module")
def watcher(web: Web) -> Program:
    return Program(web, token(web.daemon, "prometheus", "metrics"))


def history(daemon: Daemon, id_: str) -> dict[str, Any]:
    (event,) = daemon.document("history", id_)["events"]
    found: dict[str, Any] = event
    return found


# -- who may


@pytest.mark.parametrize("path", ["/metrics", "/v1/events", "/v1/jobs/a/start", "/v1/none"])
def test_without_a_token_or_with_one_that_is_not_known_no_door_opens(web: Web, path: str) -> None:
    for given in (None, "x" * 43, "", "a b"):
        answer = Program(web, given).send("GET", path)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith('Bearer realm="zaiond"')
    answer = web.browser().send("POST", path, b"{}", {"Authorization": "Basic YTpi"})
    assert answer.status == 401


def test_a_token_opens_only_the_doors_that_it_is_for(emitter: Program, watcher: Program) -> None:
    for program, path in ((emitter, "/metrics"), (watcher, "/v1/events")):
        answer = program.send("POST", path, b'{"type": "a"}')
        assert answer.status == 403
        assert "insufficient_scope" in answer.headers["www-authenticate"]


def test_a_token_is_no_session_and_a_session_is_no_token(web: Web, emitter: Program) -> None:
    assert emitter.send("GET", "/status").headers["location"].startswith("/login")
    assert emitter.send("POST", "/status", b"").status == 403
    browser = web.browser()
    browser.cookies = dict(emitter._browser.cookies)
    assert browser.send("GET", "/metrics").status == 401


def test_a_token_that_is_made_anew_or_removed_is_no_longer_good_at_once(web: Web) -> None:
    first = token(web.daemon, "short", "emit")
    assert Program(web, first).post("/v1/events", {"type": "a"}).status == 200
    second = token(web.daemon, "short", "emit")
    assert Program(web, first).post("/v1/events", {"type": "a"}).status == 401
    assert Program(web, second).post("/v1/events", {"type": "a"}).status == 200
    assert web.daemon.ctl("web", "remove", "short").returncode == 0

    def is_told() -> bool:  # once a second, where the tests before had many refused
        assert Program(web, second).post("/v1/events", {"type": "a"}).status == 401
        return "refused access to /v1/events (127.0.0.1)" in web.printed()

    until(is_told, web.printed)


def test_a_program_wakes_the_service_and_needs_no_password(daemon: Daemon) -> None:
    with Web(daemon, as_service=True) as service:
        answer = Program(service, token(daemon, "a", "emit")).post("/v1/events", {"type": "a"})
        assert answer.status == 200
        assert Program(service, token(daemon, "a", "metrics")).send("GET", "/metrics").status == 200
        given = {"Host": "some.name.example", "Origin": "https://elsewhere.example"}
        program = Program(service, token(daemon, "b", "metrics"))
        assert program.send("GET", "/metrics", headers=given).status == 200


# -- /v1/events


def test_an_event_is_answered_as_by_the_socket_and_mailed(
    daemon: Daemon, emitter: Program, sink: Sink
) -> None:
    answer = emitter.post("/v1/events", {"type": "a.b", "id": "by-http", "subject": "by HTTP"})
    assert (answer.status, answer.text) == (200, '{"status":"ok","id":"by-http"}\n')
    assert answer.headers["content-type"] == "application/json"
    event = history(daemon, "by-http")
    assert event["source"] == "web:ci"
    until(lambda: any("by HTTP" in mail.subject for mail in sink.mails), lambda: daemon.printed())
    again = emitter.post("/v1/events", {"type": "a.b", "id": "by-http", "subject": "by HTTP"})
    assert replies(again) == [{"status": "ok", "id": "by-http", "duplicate": True}]
    assert again.status == 200


def test_each_line_has_its_reply_and_a_bad_one_costs_itself_alone(emitter: Program) -> None:
    body = '{"type": "a", "id": "l1"}\n{"type": "a b"}\n\n{"type": "a", "id": "l2"}'
    answer = emitter.post("/v1/events", body, "application/x-ndjson")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    first, second, third = replies(answer)
    assert (first["id"], third["id"]) == ("l1", "l2")
    assert (second["code"], second["field"], second["retry"]) == ("invalid", "type", False)


def test_a_batch_of_thousands_of_events_is_sent_ahead(daemon: Daemon, emitter: Program) -> None:
    before = daemon.document("status")["rates"]["accepted"]["hour"]
    batch = [{"type": "quiet.a", "id": f"b{n}", "data": {"n": n}} for n in range(2000)]
    answer = emitter.post("/v1/events", batch, BATCH)
    assert answer.status == 200
    assert [reply["id"] for reply in replies(answer)] == [f"b{n}" for n in range(2000)]
    assert daemon.document("status")["rates"]["accepted"]["hour"] == before + 2000


def test_a_cloudevent_in_headers_is_taken(daemon: Daemon, emitter: Program) -> None:
    headers = {
        "ce-specversion": "1.0", "ce-type": "com.example.a", "ce-source": "/s", "ce-id": "ce1",
        "ce-subject": "%E6%97%A5%E6%9C%AC", "Content-Type": "application/json",
    }  # fmt: skip
    answer = emitter.send("POST", "/v1/events", b'{"n": 1}', headers)
    assert answer.status == 200
    event = history(daemon, "ce1")
    assert (event["source"], event["subject"], event["data"]) == ("/s", "日本", {"n": 1})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid"),
        (b"no JSON", 400, "invalid"),
        ({"type": "a b"}, 400, "invalid"),
        ({"type": "a", "message": "x" * 300_000}, 413, "too_large"),
        ({"type": "a", "id": "one", "subject": "other"}, 409, "conflict"),
        (b" " * (BODY_BYTES + 1), 413, "too_large"),
    ],
)
def test_what_is_not_taken_has_a_status_that_says_so(
    emitter: Program, body: Any, status: int, code: str
) -> None:
    emitter.post("/v1/events", {"type": "a.b", "id": "one", "subject": "by HTTP"})
    answer = emitter.post("/v1/events", body)
    (reply,) = replies(answer)
    assert (answer.status, reply["code"], reply["retry"]) == (status, code, False)
    assert reply["message"]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/alertmanager", "/v1/jobs/a/success"])
def test_a_packed_body_is_not_taken_for_what_it_holds(emitter: Program, path: str) -> None:
    packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert emitter.send("POST", path, b"\x1f\x8b", packed).status == 415


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/alertmanager", "/v1/jobs/a/success"])
def test_only_post_sends_anything(emitter: Program, method: str, path: str) -> None:
    answer = emitter.send(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or answer.text == f"this address takes POST, not {method}\n"


@pytest.mark.parametrize("path", ["/v1/", "/v1/event", "/v1/jobs", "/v1/jobs/a", "/v1/jobs/a/ok"])
def test_what_is_no_address_is_told_in_a_sentence(emitter: Program, path: str) -> None:
    answer = emitter.post(path, b"")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/plain")


def test_an_empty_batch_is_taken_and_answered_by_nothing(emitter: Program) -> None:
    answer = emitter.post("/v1/events", [], BATCH)
    assert (answer.status, answer.body) == (200, b"")


# -- /v1/alertmanager


def test_an_alert_opens_a_problem_and_its_end_closes_it(
    daemon: Daemon, emitter: Program, sink: Sink
) -> None:
    answer = emitter.post("/v1/alertmanager", POSTED)
    assert answer.status == 200
    again = emitter.post("/v1/alertmanager", POSTED)
    assert replies(again) == [{**replies(answer)[0], "duplicate": True}]
    key = POSTED["alerts"][0]["fingerprint"]

    def opened(found: dict[str, Any]) -> list[tuple[str, int]]:
        return [(one["severity"], one["count"]) for one in found["problems"] if one["key"] == key]

    assert opened(daemon.becomes(lambda found: bool(opened(found)), "problems")) == [("crit", 1)]
    alert = {**POSTED["alerts"][0], "status": "resolved", "endsAt": "2026-11-30T06:00:00Z"}
    ended = emitter.post("/v1/alertmanager", {**POSTED, "status": "resolved", "alerts": [alert]})
    assert ended.status == 200
    daemon.becomes(lambda found: not opened(found), "problems")
    about = [mail for mail in sink.mails if "The disk of db1 is full" in mail.subject]
    until(
        lambda: len([m for m in sink.mails if "The disk of db1 is full" in m.subject]) == 2,
        lambda: str([mail.subject for mail in about]),
    )


def test_an_alert_that_is_too_long_is_shortened(daemon: Daemon, emitter: Program) -> None:
    annotations = {"summary": "long", "description": "begins\n" + "x\n" * 200_000 + "ends"}
    alert = {"status": "firing", "labels": {}, "annotations": annotations, "fingerprint": "long"}
    (reply,) = replies(emitter.post("/v1/alertmanager", {"alerts": [alert]}))
    message = history(daemon, reply["id"])["message"]
    assert message.startswith("begins\n")
    assert message.endswith("\nends")
    assert "left out" in message


@pytest.mark.parametrize("body", [b"", b"{}", b'{"alerts": []}', b'{"alerts": [{}]}', b"\xff"])
def test_what_is_no_webhook_is_refused_for_good(emitter: Program, body: bytes) -> None:
    answer = emitter.post("/v1/alertmanager", body)
    assert answer.status == 400
    assert replies(answer)[0]["retry"] is False


# -- /v1/jobs


def test_a_job_is_told_of_by_its_address_and_its_log(daemon: Daemon, emitter: Program) -> None:
    path = "/v1/jobs/nightly%2F%E5%A4%9C"
    assert emitter.post(f"{path}/start", b"").status == 200

    def stands(found: dict[str, Any]) -> list[str]:
        return [one["state"] for one in found["jobs"] if one["job"] == "nightly/夜"]

    daemon.becomes(lambda found: stands(found) == ["running"], "jobs")
    log = "接続に失敗しました\n".encode("cp932")
    answer = emitter.post(f"{path}/3", log, "application/x-www-form-urlencoded")
    event = history(daemon, replies(answer)[0]["id"])
    assert (event["type"], event["severity"], event["job"]) == ("job.failed", "err", "nightly/夜")
    assert event["data"] == {"exit_status": 3, "output": "接続に失敗しました"}
    assert emitter.post(f"{path}/success", b"done").status == 200
    daemon.becomes(lambda found: stands(found) == ["ok"], "jobs")


def test_a_log_of_any_length_is_taken_and_shortened(daemon: Daemon, emitter: Program) -> None:
    log = b"".join(b"line %d\n" % n for n in range(1_000_000))
    answer = emitter.post("/v1/jobs/long/fail", log)
    assert answer.status == 200
    output = history(daemon, replies(answer)[0]["id"])["data"]["output"]
    assert output.startswith("line 0\nline 1\n")
    assert output.endswith("line 999999")
    assert "left out" in output


def test_a_log_beyond_all_bounds_is_answered_by_what_to_send(emitter: Program) -> None:
    (reply,) = replies(emitter.post("/v1/jobs/long/fail", b"x" * (MOST_LOG_BYTES + 1)))
    assert (reply["code"], reply["retry"]) == ("too_large", False)
    assert "tail -c 1M" in reply["message"]


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc-jp"])
def test_a_jobs_name_is_read_as_the_japanese_that_it_is(
    daemon: Daemon, emitter: Program, encoding: str
) -> None:
    name = "夜間バックアップ"
    answer = emitter.post(f"/v1/jobs/{quote(name.encode(encoding))}/fail", b"")
    assert history(daemon, replies(answer)[0]["id"])["job"] == name


def test_names_of_no_encoding_are_not_one_job(daemon: Daemon, emitter: Program) -> None:
    ids = [
        replies(emitter.post(f"/v1/jobs/{name}/fail", b""))[0]["id"] for name in ("%ff", "%FE/%ff")
    ]
    assert [history(daemon, one)["job"] for one in ids] == ["\\xff", "\\xfe/\\xff"]


def test_an_address_without_a_jobs_name_is_none(daemon: Daemon, emitter: Program) -> None:
    answer = emitter.post("/v1/jobs//start", b"")
    assert answer.status == 404
    assert "/v1/jobs/NAME/success" in answer.text
    assert "" not in [one["job"] for one in daemon.document("jobs")["jobs"]]


@pytest.mark.parametrize("name", ["x" * 20_000, "a%00%1b%5b2Jb", "%E3%81"])
def test_a_job_may_be_called_anything_that_is_one_line(emitter: Program, name: str) -> None:
    assert emitter.post(f"/v1/jobs/{name}/fail", b"\x00\x1b[2J\r\nx").status == 200


# -- /metrics


@pytest.mark.parametrize("accept", [PROMETHEUS, "text/plain", "*/*"])
def test_metrics_are_what_the_daemon_says(daemon: Daemon, watcher: Program, accept: str) -> None:
    daemon.becomes(lambda found: found["queue"]["waiting"] == 0, "status")
    answer = watcher.send("GET", "/metrics", headers={"Accept": accept})
    assert answer.status == 200
    assert ("openmetrics" in answer.headers["content-type"]) == (accept == PROMETHEUS)
    names = {line.split("{")[0].split(" ")[0] for line in answer.text.splitlines()} - {"#", ""}
    assert names <= NAMES.keys()
    assert f'zaiond_build_info{{version="{__version__}"}} 1' in answer.text
    delivered = daemon.document("status")["delivered"]
    assert f'zaiond_deliveries_total{{outcome="delivered"}} {float(delivered)}' in answer.text


def test_head_of_metrics_has_no_body(watcher: Program) -> None:
    answer = watcher.send("HEAD", "/metrics")
    assert (answer.status, answer.body) == (200, b"")


# -- what goes wrong


@pytest.fixture
def no_daemon(tmp_path: Path) -> Iterator[Web]:
    made = Daemon(tmp_path / "none", "")
    with Web(made) as web:
        yield web


def emitting(web: Web) -> Program:
    return Program(web, token(web.daemon, "a", "emit"))


def test_without_a_daemon_all_is_to_be_sent_again(no_daemon: Web) -> None:
    program = emitting(no_daemon)
    for path, body in (
        ("/v1/events", {"type": "a"}),
        ("/v1/alertmanager", POSTED),
        ("/v1/jobs/a/success", b""),
    ):
        answer = program.post(path, body)
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        (reply,) = replies(answer)
        assert (reply["code"], reply["retry"]) == ("unavailable", True)
        assert "zaiond is not running" in reply["message"]
    metrics = Program(no_daemon, token(no_daemon.daemon, "m", "metrics")).send("GET", "/metrics")
    assert metrics.status == 503
    assert "zaiond is not running" in metrics.text


def test_a_user_who_has_all_that_may_wait_sends_it_again_later(tmp_path: Path) -> None:
    config = (
        "mail_server: {host: 127.0.0.1, port: 9}\nadmins: a@example.co.jp\n"
        "limits: {events_waiting: 3}\nlanguage: ja\n"
    )
    with Daemon(tmp_path / "full", config) as daemon, Web(daemon) as web:
        program = emitting(web)
        body = "\n".join(f'{{"type":"a","id":"{n}"}}' for n in range(5))
        answer = program.post("/v1/events", body)
        assert (answer.status, answer.headers["retry-after"]) == (429, "10")
        assert [reply.get("code") for reply in replies(answer)] == [None] * 3 + ["quota"] * 2
        assert program.post("/v1/alertmanager", POSTED).status == 503
        assert daemon.document("status")["refused"]["count"] == 3


def refusal(code: str) -> bytes:
    return (
        json.dumps({"status": "error", "code": code, "message": "m", "retry": True}).encode()
        + b"\n"
    )


@pytest.mark.parametrize(("code", "status"), [("quota", 429), ("disk_full", 507)])
def test_what_has_no_room_now_is_to_be_sent_again_later(
    no_daemon: Web, code: str, status: int
) -> None:
    def answer(line: bytes) -> bytes:
        return refusal(code) if b'"no"' in line else accept(line)

    program = emitting(no_daemon)
    with FakeDaemon(no_daemon.daemon.runtime, events=answer):
        got = program.post("/v1/events", '{"type":"a","id":"1"}\n{"type":"a","id":"no"}')
        assert got.status == status
        assert int(got.headers["retry-after"]) > 0
        assert [reply["status"] for reply in replies(got)] == ["ok", "error"]
        # Alertmanager sends again what gets a 5xx, and that alone.
        alert = {"status": "firing", "labels": {"instance": "no"}}
        assert program.post("/v1/alertmanager", {"alerts": [alert]}).status == 503


def test_a_daemon_that_breaks_off_leaves_a_reply_for_each_event(no_daemon: Web) -> None:
    program = emitting(no_daemon)
    with FakeDaemon(
        no_daemon.daemon.runtime, events=lambda line: None if b'"2"' in line else accept(line)
    ):
        answer = program.post(
            "/v1/events", "\n".join(f'{{"type":"a","id":"{n}"}}' for n in range(1, 5))
        )
    assert answer.status == 503
    first, *others = replies(answer)
    assert first["status"] == "ok" or first["retry"]  # it may be lost with the connection
    assert [(reply["code"], reply["retry"]) for reply in others] == [("unavailable", True)] * 3


def test_accounts_that_can_not_be_read_are_told(no_daemon: Web) -> None:
    program = emitting(no_daemon)
    (no_daemon.daemon.state / "web" / "accounts.json").write_text("{")
    answer = program.post("/v1/events", {"type": "a"})
    assert answer.status == 503
    assert "accounts.json" in answer.text


def test_bodies_take_no_more_memory_than_there_is_for_all_of_them(tmp_path: Path) -> None:
    whole = b'{"type":"a"}' + b" " * (BODY_BYTES - 12)
    waiting: list[socket.socket] = []
    with Daemon(tmp_path / "d", CONFIG) as daemon, Web(daemon) as web:
        program = emitting(web)
        for _ in range(BYTES_IN_ALL // BODY_BYTES + 1):  # what is answered takes none
            assert program.post("/v1/events", whole).status == 200
        host, port = web.base.removeprefix("http://").split(":")
        head = (
            f"POST /v1/events HTTP/1.1\r\nHost: {host}\r\nContent-Length: {BODY_BYTES}\r\n"
            f"Authorization: {program.authorization}\r\n\r\n"
        ).encode()

        def full_with_one_more() -> Answer | None:  # who comes too late is one of those that wait
            waiting.append(socket.create_connection((host, int(port))))
            with suppress(ConnectionError):
                waiting[-1].sendall(head + whole[:-1000])
            answer = program.post("/v1/events", whole)
            return answer if answer.status == 503 else None

        answer = until(full_with_one_more, web.printed)
        assert answer is not None
        assert len(waiting) >= BYTES_IN_ALL // BODY_BYTES
        assert answer.headers["retry-after"] == "5"
        assert replies(answer)[0]["retry"] is True
        assert program.post("/v1/events", {"type": "a"}).status == 200  # for that there is
        for peer in waiting:
            peer.close()
        until(lambda: program.post("/v1/events", whole).status == 200, web.printed)
