"""The history's pages of a real zaiond-web, as a browser without a script has them."""

from collections.abc import Iterator

import pytest

from tests.support.html import Html
from tests.support.sink import Sink
from tests.support.web import CONFIG, Browser, Web

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def web(inside: tuple[Web, dict[str, str]], sink: Sink) -> Web:
    web, _ = inside
    web.begin_anew(CONFIG.replace("port: 9", f"port: {sink.port}"))
    return web


def delivered(web: Web, *ids: str) -> None:
    def ended(history: dict[str, list[dict[str, str]]]) -> bool:
        found = {one["id"] for one in history["events"] if one["outcome"] == "delivered"}
        return found >= set(ids)

    web.daemon.becomes(ended, "history")


def shown(browser: Browser, url: str, status: int = 200) -> Html:
    answer = browser.get(url)
    assert answer.status == status, answer.text
    return Html(answer.text)


def test_what_became_of_events_is_listed_and_each_leads_to_everything_about_it(
    web: Web, browser: Browser
) -> None:
    web.daemon.emit(
        {
            "id": "a/b c", "type": "backup.failed", "severity": "err", "subject": "nightly",
            "message": "first\n\tsecond", "data": {"host": "db1", "n": [1, 2]}, "key": "disk:/",
            "status": "problem",
        }
    )  # fmt: skip
    delivered(web, "a/b c")
    page = shown(browser, "/history")
    assert "nightly" in page.text
    assert "delivered" in page.text
    (link,) = [
        one["href"] for tag, one in page.elements if tag == "a" and one.get("text") == "a/b c"
    ]
    page = shown(browser, link)
    for said in ("nightly", "err", "disk:/ (problem)", "db1", "[1, 2]", "admin@example.co.jp"):
        assert said in page.text
    assert "first\n        second" in browser.page.text
    assert "#1" in page.text
    assert "250" in page.text
    assert "Retry now" not in page.text  # it has arrived
    browser.headers["Accept-Language"] = "ja"
    page = shown(browser, link)
    assert "宛先ごとの結果" in page.text
    assert "送信済み" in page.text


def test_the_filters_stand_in_the_address_and_are_those_of_zaiond_ctl(
    web: Web, browser: Browser
) -> None:
    web.daemon.emit(
        {
            "id": "one",
            "type": "backup.failed",
            "source": "a.service",
            "subject": "1st",
            "job": "nightly",
        }
    )
    web.daemon.emit(
        {
            "id": "two",
            "type": "disk.low",
            "source": "b.timer",
            "subject": "2nd",
            "key": "disk:/ var",
            "status": "problem",
        }
    )
    delivered(web, "one", "two")
    for query, there in (
        ("type=backup.*", "1st"),
        ("source=*.timer", "2nd"),
        ("since=1h&type=disk.*", "2nd"),
        ("key=disk:/+var", "2nd"),
        ("job=nightly", "1st"),
        ("job=nightly&type=backup.*", "1st"),
    ):
        page = shown(browser, f"/history?{query}")
        assert there in page.text
        assert {"1st": "2nd", "2nd": "1st"}[there] not in page.text
    assert "No events" in shown(browser, "/history?failed=1").text
    assert "checked" in shown(browser, "/history?failed=1").field("failed")
    assert "No events" in shown(browser, "/history?key=disk").text  # no part of it
    assert "No events" in shown(browser, "/history?job=nightly&type=disk.*").text
    assert shown(browser, "/history?job=nightly").field("job")["value"] == "nightly"
    assert "No events" in shown(browser, "/history?since=2999-01-01").text


def test_a_time_that_is_none_is_said_at_its_field(web: Web, browser: Browser) -> None:
    page = shown(browser, "/history?since=<b>soon")
    assert "<b>soon is no time" in page.text
    assert page.by_id("since")["aria-invalid"] == "true"
    assert "since-error" in page.by_id("since")["aria-describedby"]
    assert "<b>" not in browser.page.text


def test_an_event_is_text_whatever_stands_in_it(web: Web, browser: Browser) -> None:
    web.daemon.emit(
        {
            "id": '"><img src=x>', "type": "t", "subject": HOSTILE, "message": HOSTILE,
            "source": HOSTILE, "data": {HOSTILE: HOSTILE, "list": [HOSTILE]}, "x": HOSTILE,
        }
    )  # fmt: skip
    delivered(web, '"><img src=x>')
    page = shown(browser, "/history")
    sources = [browser.page.text]
    (link,) = [
        one["href"] for tag, one in page.elements if tag == "a" and "img" in one.get("text", "")
    ]
    assert "evil" in shown(browser, link).text
    for source in (*sources, browser.page.text):
        assert "<script>alert" not in source
        assert "<img" not in source
        assert "\x1b" not in source
        assert "\u202e" not in source


def test_an_id_like_a_way_up_has_a_page(web: Web, browser: Browser) -> None:
    web.daemon.emit({"id": "../status", "type": "t", "subject": "upwards"})
    delivered(web, "../status")
    page = shown(browser, "/history")
    (link,) = [
        one["href"] for tag, one in page.elements if tag == "a" and one.get("text") == "../status"
    ]
    assert "/.." not in link
    assert "upwards" in shown(browser, link).text


def test_an_id_that_nobody_used_is_404_with_where_it_may_have_gone(browser: Browser) -> None:
    page = shown(browser, "/history/nobody-used-it", 404)
    assert "nobody-used-it: no event with this id" in page.text


def test_what_has_not_arrived_is_deleted_from_its_page(
    web: Web, browser: Browser, sink: Sink
) -> None:
    port = sink.port
    web.daemon.config.write_text(CONFIG)
    web.daemon.ctl("reload")
    web.daemon.emit({"id": "one", "type": "t", "subject": "first"})
    web.daemon.emit({"id": "two", "type": "t", "subject": "second"})
    web.daemon.becomes(lambda queue: queue["total"] == 2, "queue", "list")
    page = shown(browser, "/history/two")
    fields = {name: page.field(name)["value"] for name in ("mail", "back")}
    asked = browser.post("/queue/delete", fields)
    assert "second" in asked.text
    assert "first" not in asked.text
    answer = browser.post("/queue/delete", {**fields, "sure": "1"})
    assert answer.url == f"{web.base}/history/two"
    assert "Deliveries deleted: 1" in answer.text
    assert "deleted" in Html(answer.text).text
    web.daemon.config.write_text(CONFIG.replace("port: 9", f"port: {port}"))
    web.daemon.ctl("reload")
    delivered(web, "one")


def test_a_long_history_is_cut_with_a_word_about_it_and_goes_on(web: Web, browser: Browser) -> None:
    web.daemon.config.write_text(CONFIG + "route_defaults: {max_mails: null}\n")
    web.daemon.ctl("reload")
    web.daemon.emit(*({"id": f"id-{n}", "type": "t", "subject": "x"} for n in range(10_000)))
    page = shown(browser, "/history")
    assert "Only the newest 50 are shown." in page.text
    assert "id-9999" in page.text
    assert "id-9949" not in page.text
    (more,) = [one["href"] for tag, one in page.elements if one.get("text") == "Show more"]
    assert "limit=100" in more
    shown(browser, "/history?limit=1000")
    assert browser.page.text.count(' data-label="Event ID">') == 1000
    assert shown(browser, "/history?limit=10000000").by_id("limit")
    assert browser.page.text.count(' data-label="Event ID">') == 50


def older(page: Html) -> str | None:
    links = (one["href"] for _, one in page.elements if one.get("text") == "Older events")
    return next(links, None)


def ids(page: Html) -> list[str]:
    """Those that are listed, the newest first."""
    links = [one for tag, one in page.elements if tag == "a"]
    return [one["text"] for one in links if one["href"].startswith("/history/")]


def test_the_history_goes_on_page_by_page_to_its_beginning_by_addresses_that_can_be_linked(
    web: Web, browser: Browser
) -> None:
    web.daemon.config.write_text(CONFIG + "route_defaults: {max_mails: null}\n")
    web.daemon.ctl("reload")
    web.daemon.emit(*({"id": f"id-{n}", "type": f"t{n % 2}"} for n in range(2600)))
    page = shown(browser, "/history?limit=500&type=t1")
    seen, address = ids(page), older(page)
    assert "Back to the newest" not in page.text
    web.daemon.emit({"id": "later", "type": "t1"})
    while address is not None:
        assert "limit=500" in address
        assert "type=t1" in address
        page = shown(browser, address)
        assert "Mails of the last 24 hours" not in page.text
        seen += ids(page)
        before, address = address, older(page)
    assert seen == [f"id-{n}" for n in range(2599, 0, -2)]
    assert ids(shown(browser, before)) == seen[1000:]
    assert "Back to the newest" in page.text
    assert "There are no older events" in shown(browser, "/history?before=1").text
    for wrong in ("x", "-1", "9" * 40, "%D9%A3"):
        assert ids(shown(browser, f"/history?before={wrong}&type=t1"))[0] == "later"


def test_a_chart_shows_the_mails_of_the_day_by_hour_with_the_same_numbers_as_text(
    web: Web, browser: Browser
) -> None:
    page = shown(browser, "/history")
    assert "No mails in the last 24 hours" in page.text
    assert "<svg" not in browser.page.text
    web.daemon.emit(*({"id": f"id-{n}", "type": "t"} for n in range(3)))
    delivered(web, "id-0", "id-1", "id-2")
    page = shown(browser, "/history")
    assert page.by_id("mails-chart-description")["text"] == "3 delivered"
    assert browser.page.text.count('<rect class="fill-green"') in (1, 2)  # an hour may have ended
    assert ("svg", "img") in [(tag, one.get("role")) for tag, one in page.elements]
    numbers = [
        int(one["text"])
        for tag, one in page.elements
        if tag == "td" and one.get("data-label") == "delivered"
    ]
    assert len(numbers) == 24
    assert sum(numbers) == 3
    browser.headers["Accept-Language"] = "ja"
    shown(browser, "/history")
    assert ">この 24 時間のメール</title>" in browser.page.text


def test_without_a_daemon_the_pages_say_so(web: Web, browser: Browser) -> None:
    web.daemon.stop()
    shown(browser, "/history", 503)
    shown(browser, "/history/one", 503)
