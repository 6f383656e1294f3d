"""The queue's page of a real zaiond-web, as a browser without a script has it."""

from typing import Any

import pytest

from tests.support.html import Html
from tests.support.ports import free_port
from tests.support.sink import Sink
from tests.support.waiting import until
from tests.support.web import CONFIG, Browser, Web

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil"


@pytest.fixture
def web(inside: tuple[Web, dict[str, str]]) -> Web:
    """No server takes mail: what comes, waits."""
    web, _ = inside
    web.begin_anew(CONFIG)
    return web


def queued(web: Web, *events: dict[str, Any]) -> None:
    """Mails of these events, which wait."""
    web.daemon.emit(*({"type": "backup.failed", **event} for event in events))
    ids = {event["id"] for event in events}
    web.daemon.becomes(
        lambda queue: (
            ids
            <= {
                one["event_ids"][0]
                for one in queue["deliveries"]
                if one["recipient"] and one["attempts"] is not None
            }
        ),
        "queue",
        "list",
    )


def shown(browser: Browser, url: str = "/queue") -> Html:
    answer = browser.get(url)
    assert answer.status == 200, answer.text
    return Html(answer.text)


def value_of(page: Html, id_: str) -> str:
    """What the checkbox of a mail sends."""
    (value,) = [
        one["value"]
        for tag, one in page.elements
        if tag == "input" and one.get("name") == "mail" and f'"{id_}"' in one["value"]
    ]
    return value


def waiting(web: Web) -> list[str]:
    return [one["event_ids"][0] for one in web.daemon.document("queue", "list")["deliveries"]]


def test_what_waits_is_shown_with_why_and_links_to_what_became_of_it(
    web: Web, browser: Browser
) -> None:
    queued(web, {"id": "one", "subject": "nightly backup"})
    until(lambda: "connection refused" in browser.get("/queue").text, lambda: browser.page.text)
    page = Html(browser.page.text)
    assert "nightly backup" in page.text
    assert "admin@example.co.jp" in page.text
    assert ("a", "/history/one") in [(tag, one.get("href")) for tag, one in page.elements]
    assert 'data-live="5"' in browser.page.text
    browser.headers["Accept-Language"] = "ja"
    page = shown(browser)
    assert "送信待ち: 1 件" in page.text or "再送待ち: 1 件" in page.text


def test_a_mail_to_come_has_the_time_at_which_it_is_due_and_no_next_try(
    web: Web, browser: Browser
) -> None:
    web.begin_anew(CONFIG + 'routes: {daily: {match: {type: "d.*"}, digest: "0 8 1 1 *"}}\n')
    web.daemon.emit({"type": "d.one", "id": "later"})
    web.daemon.becomes(
        lambda queue: any(one.get("when") for one in queue["deliveries"]), "queue", "list"
    )
    page = shown(browser)
    labels = [one.get("data-label") for tag, one in page.elements if tag == "td"]
    assert "Mail due" in labels
    assert "Next try" not in labels


def test_an_empty_queue_says_so(browser: Browser) -> None:
    assert "Nothing waits" in shown(browser).text


def test_the_filters_stand_in_the_address(web: Web, browser: Browser) -> None:
    queued(web, {"id": "one", "subject": "nightly backup"}, {"id": "two", "subject": "disk full"})
    page = shown(browser, "/queue?text=NIGHTLY")
    assert "nightly backup" in page.text
    assert "disk full" not in page.text
    assert page.by_id("text").get("value") == "NIGHTLY"
    assert "Nothing that waits matches" in shown(browser, "/queue?state=held").text
    assert "nightly backup" in shown(browser, "/queue?state=nonsense").text


def test_an_event_is_text_whatever_stands_in_it(web: Web, browser: Browser) -> None:
    queued(web, {"id": "<b>&1", "subject": HOSTILE, "source": 'a"b<i>*'})
    source = browser.get("/queue").text
    assert "<script>alert" not in source
    assert "\x1b" not in source
    assert "\u202e" not in source
    page = Html(source)
    assert r"<script>alert(1)</script>\x1b[31m\u202eevil" in page.text
    browser.post("/queue/delete", {"mail": value_of(page, "<b>&1")})
    answer = browser.post("/queue/delete", browser_form(browser))
    assert "Deliveries deleted: 1" in answer.text
    assert waiting(web) == []


def browser_form(browser: Browser) -> dict[str, list[str]]:
    """The hidden fields of the question."""
    fields: dict[str, list[str]] = {}
    for tag, one in Html(browser.page.text).elements:
        if tag == "input" and one.get("type") == "hidden" and one["name"] != "csrf":
            fields.setdefault(one["name"], []).append(one["value"])
    return fields


def test_what_is_chosen_is_deleted_once_the_question_is_answered(
    web: Web, browser: Browser
) -> None:
    queued(web, *({"id": id_, "subject": f"of {id_}"} for id_ in ("one", "two", "three")))
    page = shown(browser, "/queue?text=of")
    chosen = [value_of(page, "one"), value_of(page, "three")]
    asked = browser.post("/queue/delete", {"mail": chosen, "back": "/queue?text=of"})
    assert "Deliveries that would be deleted unsent: 2" in asked.text
    assert "of three" in asked.text
    assert "of two" not in asked.text
    assert len(waiting(web)) == 3
    answer = browser.post("/queue/delete", browser_form(browser))
    assert answer.url == f"{web.base}/queue?text=of"
    assert "Deliveries deleted: 2" in answer.text
    assert waiting(web) == ["two"]
    web.logged("deliveries deleted: 2")


def test_a_button_is_about_its_own_mail_whatever_is_chosen_beside(
    web: Web, browser: Browser
) -> None:
    queued(web, {"id": "one"}, {"id": "two"})
    page = shown(browser)
    both = [value_of(page, "one"), value_of(page, "two")]
    browser.post("/queue/delete", {"mail": both, "one": both[0]})
    browser.post("/queue/delete", browser_form(browser))
    assert waiting(web) == ["two"]


def test_nothing_chosen_is_no_choice_of_all(web: Web, browser: Browser) -> None:
    queued(web, {"id": "one"})
    shown(browser)
    for what in ("retry", "delete"):
        assert "Choose mails first" in browser.post(f"/queue/{what}").text
    assert "Choose mails first" in browser.post("/queue/delete", {"mail": "[1]"}).text
    assert waiting(web) == ["one"]


def test_all_that_match_are_deleted_but_none_that_came_after_the_question(
    web: Web, browser: Browser
) -> None:
    queued(web, {"id": "one", "subject": "disk"}, {"id": "two", "subject": "backup"})
    page = shown(browser, "/queue?text=disk")
    assert "Delete all 1" in page.text
    fields = {name: page.field(name)["value"] for name in ("all", "until")} | {"text": "disk"}
    browser.post("/queue/delete", fields)
    carried = browser_form(browser)
    queued(web, {"id": "late", "subject": "disk"})
    browser.post("/queue/delete", carried)
    assert waiting(web) == ["two", "late"]


def test_the_question_names_every_recipient_whose_mail_goes_with_what_matches(
    web: Web, browser: Browser
) -> None:
    admins = "admins: [one@example.co.jp, two@example.co.jp]"
    web.daemon.config.write_text(CONFIG.replace("admins: admin@example.co.jp", admins))
    web.daemon.ctl("reload")
    queued(web, {"id": "both"})
    page = shown(browser, "/queue?text=one@")
    fields = {name: page.field(name)["value"] for name in ("all", "until")} | {"text": "one@"}
    asked = Html(browser.post("/queue/delete", fields).text)
    assert "two@example.co.jp" in asked.text
    assert "Deliveries that would be deleted unsent: 2" in asked.text
    assert "Deliveries deleted: 2" in browser.post("/queue/delete", browser_form(browser)).text
    assert waiting(web) == []


def test_a_mail_about_several_events_goes_with_all_of_them_and_one_event_alone_leaves_it(
    web: Web, browser: Browser
) -> None:
    digest = 'routes: {all: {match: {type: "*"}, digest: "0 0 1 1 *"}}\n'
    web.daemon.config.write_text(CONFIG + digest)
    web.daemon.ctl("reload")
    web.daemon.emit(*({"id": id_, "type": "t"} for id_ in ("one", "two", "three")))
    web.daemon.becomes(lambda queue: queue["deliveries"][0]["events"] == 3, "queue", "list")
    event = shown(browser, "/history/one").field("mail")["value"]
    browser.post("/queue/delete", {"mail": event})
    browser.post("/queue/delete", browser_form(browser))
    (left,) = web.daemon.document("queue", "list")["deliveries"]
    assert left["event_ids"] == ["two", "three"]
    browser.post("/queue/delete", {"mail": value_of(shown(browser), "two")})
    browser.post("/queue/delete", browser_form(browser))
    assert waiting(web) == []


def test_an_id_of_two_sources_means_the_one_that_was_shown(web: Web, browser: Browser) -> None:
    queued(web, {"id": "same", "source": "a*", "subject": "first"})
    web.daemon.emit({"id": "same", "source": "ab", "type": "t", "subject": "second"})
    web.daemon.becomes(lambda queue: queue["total"] == 2, "queue", "list")
    page = shown(browser, "/queue?text=first")
    browser.post("/queue/delete", {"mail": value_of(page, "same")})
    answer = browser.post("/queue/delete", browser_form(browser))
    assert "Deliveries deleted: 1" in answer.text
    (left,) = web.daemon.document("queue", "list")["deliveries"]
    assert left["subject"] == "second"


def test_what_waits_is_sent_at_once_where_that_is_wished(web: Web, browser: Browser) -> None:
    port = free_port()
    web.daemon.config.write_text(CONFIG.replace("port: 9", f"port: {port}"))
    web.daemon.ctl("reload")
    queued(web, {"id": "one", "subject": "first"}, {"id": "two", "subject": "second"})
    with Sink(port):
        page = shown(browser)
        assert "Send all 2 now" in page.text
        tried = web.daemon.document("queue", "list")["deliveries"]
        assert page.text.count("Retry now") == sum(1 for one in tried if one["attempts"])
        answer = browser.post("/queue/retry", {"one": value_of(page, "one")})
        assert "Deliveries being sent now: 1" in answer.text
        web.logged("deliveries retried: 1")
        web.daemon.becomes(lambda queue: queue["total"] == 0, "queue", "list")


def test_ten_thousand_mails_are_parted_and_what_is_beyond_is_said(
    web: Web, browser: Browser
) -> None:
    web.daemon.config.write_text(CONFIG + "route_defaults: {max_mails: null}\n")
    web.daemon.ctl("reload")
    events = [{"type": "t", "id": f"id-{number}", "subject": "x"} for number in range(10_050)]
    web.daemon.emit(*events)
    web.daemon.becomes(lambda queue: queue["total"] == 10_050, "queue", "list")
    page = shown(browser)
    assert "only the first 10000 of 10050 are shown" in page.text
    assert "page 1 of" in page.text
    rows = [one for tag, one in page.elements if tag == "input" and one.get("name") == "mail"]
    assert len(rows) == 100
    assert len(browser.page.body) < 200_000
    assert 'data-live="30"' in browser.page.text
    last = shown(browser, "/queue?page=999999")
    assert "Next page" not in last.text
    assert "Previous page" in last.text
    assert shown(browser, "/queue?page=-1;drop").text.count("page 1 of") == 1


def test_without_a_daemon_the_page_says_so(web: Web, browser: Browser) -> None:
    shown(browser)
    web.daemon.stop()
    answer = browser.post("/queue/retry", {"all": "1"})
    assert answer.status == 503
    assert browser.get("/queue").status == 503
