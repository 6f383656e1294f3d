"""The pages about problems, jobs, silences and routes of a real zaiond-web, as a browser without a
script has them."""

import json
from collections.abc import Iterator

import pytest

from tests.support.html import Html
from tests.support.sink import Sink
from tests.support.web import Browser, Web

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil"
ROUTES = """\
mail_server: {host: 127.0.0.1, port: %d}
admins: admin@example.co.jp
language: en
route_defaults: {max_mails: null}
routes:
  db: {match: {type: "db.*", data.host: db1}, to: dba@example.co.jp}
  backup: {match: {job: nightly}, to: backup@example.co.jp}
jobs:
  nightly: {every: 1d}
"""


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def web(inside: tuple[Web, dict[str, str]], sink: Sink) -> Web:
    web, _ = inside
    web.begin_anew(ROUTES % sink.port)
    return web


def shown(browser: Browser, url: str, status: int = 200) -> Html:
    answer = browser.get(url)
    assert answer.status == status, answer.text
    return Html(answer.text)


def problem(key: str, **more: object) -> dict[str, object]:
    return {"type": "disk.full", "key": key, "status": "problem", "severity": "err", **more}


def opened(web: Web, number: int) -> None:
    web.daemon.becomes(lambda found: len(found["problems"]) == number, "problems")


def fields_of(page: Html, *names: str, holding: str = "") -> dict[str, str]:
    """The hidden fields of the first form whose first field holds a text."""
    for place, (_, one) in enumerate(page.elements):
        if one.get("name") == names[0] and holding in one["value"]:
            later = [field for _, field in page.elements[place:]]
            return {
                name: next(field["value"] for field in later if field.get("name") == name)
                for name in names
            }
    raise AssertionError(f"no {names[0]} with {holding}")


# -- problems


def test_problems_are_shown_by_severity_and_text_and_lead_to_their_event(
    web: Web, browser: Browser
) -> None:
    assert "No problem is open" in shown(browser, "/problems").text
    web.daemon.emit(problem("disk:/", subject="disk full", id="one"))
    web.daemon.emit(problem("cpu", subject="hot", severity="warning", id="two"))
    opened(web, 2)
    page = shown(browser, "/problems")
    assert page.text.index("disk full") < page.text.index("hot")
    assert "/history/one" in [one.get("href") for tag, one in page.elements if tag == "a"]
    linked = [one.get("href") for tag, one in page.elements if tag == "a"]
    assert "/history?key=disk%3A%2F" in linked
    browser.get("/history?key=disk%3A%2F")
    assert "disk full" in browser.page.text
    assert "hot" not in browser.page.text
    page = shown(browser, "/problems?severity=err")
    assert "disk full" in page.text
    assert "hot" not in page.text
    page = shown(browser, "/problems?text=CPU")
    assert "hot" in page.text
    assert "disk full" not in page.text
    assert "No open problem matches" in shown(browser, "/problems?text=nothing").text
    browser.headers["Accept-Language"] = "ja"
    assert "最後の報告" in shown(browser, "/problems").text


def test_a_problem_is_closed_by_hand_with_a_comment_that_history_has(
    web: Web, browser: Browser
) -> None:
    web.daemon.emit(problem("disk:/", subject="disk full"))
    web.daemon.emit(problem(HOSTILE, subject=HOSTILE))
    opened(web, 2)
    page = shown(browser, "/problems")
    assert "<script>alert" not in browser.page.text
    assert "\x1b" not in browser.page.text
    assert "\u202e" not in browser.page.text
    for holding in ("disk:/", "script"):
        fields = fields_of(page, "problem", "back", holding=holding)
        assert "Enter a comment" in browser.post("/problems/close", {**fields, "comment": " "}).text
        answer = browser.post("/problems/close", {**fields, "comment": "replaced it"})
        assert "closed after" in answer.text
        again = browser.post("/problems/close", {**fields, "comment": "replaced it"})
        assert "no problem of this key is open" in again.text
    opened(web, 0)
    web.logged("closed the problem disk:/: replaced it")
    closing, *_ = web.daemon.document("history", "--type", "zaiond.*")["events"]
    assert "replaced it" in json.dumps(web.daemon.document("history", closing["id"]))


def test_what_was_opened_of_a_problem_stays_its_own_when_a_worse_one_comes(
    web: Web, browser: Browser
) -> None:
    def opened_by() -> dict[str, str]:
        page = shown(browser, "/problems")
        details = [one for tag, one in page.elements if tag == "details"]
        ids = [one["id"] for one in details if one.get("class") != "menu"]
        names = [one["text"] for tag, one in page.elements if tag == "h2"]
        return dict(zip(names, ids, strict=True))

    web.daemon.emit(problem("cpu", severity="warning"))
    opened(web, 1)
    before = opened_by()
    web.daemon.emit(problem("disk", severity="crit"))
    opened(web, 2)
    after = opened_by()
    assert list(after) == ["disk", "cpu"]
    assert after["cpu"] == before["cpu"] != after["disk"]


def test_many_problems_are_parted(web: Web, browser: Browser) -> None:
    web.daemon.emit(*(problem(f"key-{number}") for number in range(130)))
    opened(web, 130)
    page = shown(browser, "/problems")
    assert "page 1 of 2" in page.text
    assert browser.page.text.count("<section") == 100
    assert shown(browser, "/problems?page=2").text.count("Close by hand") == 30


# -- jobs


def test_jobs_are_shown_those_that_need_a_look_first_and_by_state(
    web: Web, browser: Browser
) -> None:
    page = shown(browser, "/jobs")
    assert "nightly" in page.text
    assert "not heard of yet" in page.text
    web.daemon.emit({"type": "job.failed", "job": "zz<script>", "severity": "err"})
    web.daemon.becomes(lambda found: len(found["jobs"]) == 2, "jobs")
    page = shown(browser, "/jobs")
    assert page.text.index("zz<script>") < page.text.index("nightly")
    assert "failed once" in page.text
    linked = [one.get("href") for tag, one in page.elements if tag == "a"]
    assert "/history?job=nightly" in linked
    assert "/history?job=zz%3Cscript%3E" in linked
    assert "undeclared" in page.text
    page = shown(browser, "/jobs?state=failed")
    assert "nightly" not in page.text
    assert "No job matches" in shown(browser, "/jobs?text=nothing").text
    browser.headers["Accept-Language"] = "ja"
    assert "連続失敗 1 回" in shown(browser, "/jobs").text


def test_the_last_runs_of_a_job_are_a_chart_and_a_list_and_outlive_a_restart(
    web: Web, browser: Browser
) -> None:
    assert "<svg" not in shown_text(browser, "/jobs")
    for ended, type_ in (("09:00:12", "job.succeeded"), ("10:00:30", "job.failed")):
        web.daemon.emit(
            {"type": "job.started", "job": "x", "time": f"2013-05-25T{ended[:5]}:00Z"},
            {"type": type_, "job": "x", "time": f"2013-05-25T{ended}Z"},
        )
    web.daemon.becomes(lambda found: found["jobs"][-1]["state"] == "failed", "jobs")
    web.daemon.restart()
    page = shown(browser, "/jobs")
    assert "of the last 2, 1 failed" in page.text
    assert "ok (12 s)" in page.text
    assert "failed (30 s)" in page.text
    assert browser.page.text.count("<rect") == 2


def shown_text(browser: Browser, url: str) -> str:
    shown(browser, url)
    return browser.page.text


# -- silences


def test_a_silence_is_added_shown_and_ended(web: Web, browser: Browser) -> None:
    page = shown(browser, "/silences?match=type%3Ddisk.*&for=2h")
    assert "Nothing is silenced" in page.text
    assert page.by_id("matchers")["text"].strip() == "type=disk.*"
    fields = {"matchers": "type=disk.*\r\n\r\n severity=warning+ ", "for": "2h", "comment": HOSTILE}
    answer = browser.post("/silences/add", fields)
    assert "Silenced (" in answer.text
    assert "<script>alert" not in answer.text
    (one,) = web.daemon.document("silence", "list")["silences"]
    assert one["matchers"] == ["type=disk.*", "severity=warning+"]
    page = Html(answer.text)
    assert "type=disk.*, severity=warning+" in page.text
    answer = browser.post("/silences/expire", {"id": page.field("id")["value"]})
    assert "The silence has ended" in answer.text
    assert web.daemon.document("silence", "list")["silences"] == []
    again = browser.post("/silences/expire", {"id": "nonsense\x1b"})
    assert "no silence with this id" in again.text
    web.logged(f"silenced events: {one['id']}")


def test_what_is_wrong_with_a_silence_is_said_at_its_field_and_what_was_entered_stays(
    web: Web, browser: Browser
) -> None:
    shown(browser, "/silences")
    answer = browser.post(
        "/silences/add", {"matchers": "type", "for": "soon", "comment": "", "all": ""}
    )
    assert answer.status == 422
    page = Html(answer.text)
    assert "Write it as FIELD=PATTERN: type" in page.by_id("matchers-error")["text"]
    assert "soon" in page.by_id("for-error")["text"]
    assert page.by_id("comment")["aria-invalid"] == "true"
    assert page.by_id("for")["value"] == "soon"
    assert page.by_id("matchers")["text"].strip() == "type"
    fields = {"matchers": "colour=red", "for": "2h", "comment": "c"}
    answer = browser.post("/silences/add", fields)
    assert answer.status == 422
    assert "colour" in Html(answer.text).text
    assert web.daemon.document("silence", "list")["silences"] == []


def test_all_events_are_silenced_only_by_who_was_asked(web: Web, browser: Browser) -> None:
    shown(browser, "/silences")
    fields = {"matchers": " ", "for": "1h", "comment": "c"}
    answer = browser.post("/silences/add", fields)
    assert "press the button again" in answer.text
    assert web.daemon.document("silence", "list")["silences"] == []
    browser.post("/silences/add", {**fields, "all": Html(answer.text).field("all")["value"]})
    (one,) = web.daemon.document("silence", "list")["silences"]
    assert one["matchers"] == []


def test_a_silence_for_a_problem_is_one_link_away_and_hides_just_that(
    web: Web, browser: Browser
) -> None:
    web.daemon.emit(problem("disk[1]"))
    opened(web, 1)
    page = shown(browser, "/problems")
    (link,) = [
        one["href"]
        for tag, one in page.elements
        if tag == "a" and one.get("href", "").startswith("/silences?")
    ]
    page = shown(browser, link)
    matchers = page.by_id("matchers")["text"].strip()
    browser.post("/silences/add", {"matchers": matchers, "for": "1h", "comment": "c"})
    web.daemon.emit(problem("disk[1]", id="hidden"))
    web.daemon.becomes(
        lambda history: history["events"][0]["outcome"] == "silenced", "history", "hidden"
    )


# -- routes


def test_where_an_event_would_go_stands_at_an_address_that_can_be_linked(
    web: Web, browser: Browser
) -> None:
    page = shown(browser, "/routes?type=db.failed&severity=err&data=host%3Ddb1%0D%0Ax%3D1")
    assert "db: mailed" in page.text
    assert "dba@example.co.jp" in page.text
    assert page.by_id("type")["value"] == "db.failed"
    assert "host=db1" in page.by_id("data")["text"]
    page = shown(browser, "/routes?type=job.failed&job=nightly")
    assert "backup@example.co.jp" in page.text
    page = shown(browser, "/routes?type=other")
    assert "admin@example.co.jp" in page.text
    assert web.daemon.document("history")["events"] == []
    assert web.daemon.document("jobs")["jobs"][0]["state"] == "unknown"
    browser.headers["Accept-Language"] = "ja"
    assert "メールで送信" in shown(browser, "/routes?type=other").text


def test_what_is_wrong_with_an_event_is_said_at_its_field(browser: Browser) -> None:
    page = shown(browser, "/routes?type=not+one&data=nonsense", 422)
    assert "type" in page.by_id("type-error")["text"]
    assert "Write it as NAME=VALUE: nonsense" in page.by_id("data-error")["text"]
    page = shown(browser, "/routes?type=t&status=problem", 422)
    assert page.by_id("status-error")["text"]
    page = shown(browser, "/routes?subject=no+type", 422)
    assert page.by_id("type-error")["text"]


def test_events_in_json_are_pasted_one_over_lines_or_several(web: Web, browser: Browser) -> None:
    shown(browser, "/routes")
    event = {"type": "db.x", "subject": HOSTILE, "data": {"host": "db1"}}
    answer = browser.post("/routes", {"lines": json.dumps(event, indent=2)})
    assert "dba@example.co.jp" in answer.text
    assert "<script>alert" not in answer.text
    assert "\x1b" not in answer.text
    lines = '{"type": "db.y", "subject": "first"}\n\n{"type": "t", "subject": "second"}\n'
    page = Html(browser.post("/routes", {"lines": lines}).text)
    assert page.text.index("first") < page.text.index("second")
    page = Html(browser.post("/routes", {"lines": '{"type": "t"}\n{"type": 1}'}).text)
    assert "line 2:" in page.by_id("lines-error")["text"]
    page = Html(browser.post("/routes", {"lines": '{"type": "t"}\n' * 101}).text)
    assert "At most 100 events at once" in page.by_id("lines-error")["text"]
    for nonsense in ("", "{", "[" * 50_000, '"' * 10):
        answer = browser.post("/routes", {"lines": nonsense})
        assert answer.status == 422, nonsense[:10]
    assert web.daemon.document("history")["events"] == []


def test_without_a_daemon_the_pages_say_so(web: Web, browser: Browser) -> None:
    web.daemon.stop()
    for path in ("/problems", "/jobs", "/silences", "/routes?type=t"):
        shown(browser, path, 503)
    shown(browser, "/routes")  # nothing is asked yet


def test_the_status_says_once_what_waits_and_leads_to_queue_and_jobs(
    web: Web, browser: Browser
) -> None:
    web.daemon.config.write_text(
        web.daemon.config.read_text().replace(
            "max_mails: null", 'max_mails: null, digest: "0 0 1 1 *"'
        )
    )
    web.daemon.ctl("reload")
    web.daemon.emit({"type": "db.failed", "data": {"host": "db1"}, "severity": "notice"})
    web.daemon.becomes(lambda found: found["routes"]["mails_to_come"] == 1, "status")
    page = shown(browser, "/status")
    assert "1 waiting (1 of them not before their time, as digests and groups)" in page.text
    assert "Mails to come" not in page.text
    linked = [one.get("href") for tag, one in page.elements if tag == "a"]
    assert linked.count("/queue") >= 2  # in the navigation, and beside the number
    assert linked.count("/jobs") >= 2
    browser.headers["Accept-Language"] = "ja"
    said = shown(browser, "/status").text
    assert "送信待ち 1 件（うち、まとめ送信や時間帯などで予定の時刻を待つもの 1 件）" in said
