"""The spool's page of a real zaiond-web, as a browser without a script has it."""

import os
from pathlib import Path

import pytest

from tests.support.html import Html
from tests.support.waiting import until
from tests.support.web import CONFIG, Browser, Web

BAD = b'{"type":"a b","id":"2"}'
NAME = "one\n\u202e<b>.json"  # as a file has it
SHOWN = r"one\x0a"  # how its name begins on the page


@pytest.fixture
def web(inside: tuple[Web, dict[str, str]]) -> Web:
    """No server takes mail."""
    web, _ = inside
    web.begin_anew(CONFIG)
    return web


def put(web: Web, name: str, content: bytes) -> Path:
    """As a client does it; gives the file once it is refused."""
    temporary = web.daemon.spool / f".tmp-{os.getpid()}"
    temporary.write_bytes(content)
    temporary.rename(web.daemon.spool / name)
    refused = web.daemon.spool / ".refused" / name
    until(refused.exists, lambda: f"{name} is not refused")
    return refused


def spool(browser: Browser, url: str = "/spool") -> Html:
    answer = browser.get(url)
    assert answer.status == 200, answer.text
    return Html(answer.text)


def value_of(page: Html, name: str) -> str:
    """What the checkbox of a file sends."""
    (value,) = [
        one["value"]
        for tag, one in page.elements
        if tag == "input" and one.get("name") == "file" and name in one["aria-label"]
    ]
    return value


def test_an_empty_spool_says_so(web: Web, browser: Browser) -> None:
    assert "The spool is empty" in spool(browser).text


def test_a_refused_file_is_told_by_status_listed_with_why_and_taken_again_once_it_is_mended(
    web: Web, browser: Browser
) -> None:
    file = put(web, NAME, BAD)
    status = spool(browser, "/status")
    assert "files of the spool that were refused are kept" in status.text
    assert "zaiond-ctl" not in status.text
    assert ("a", "the spool") in [
        (tag, one.get("text")) for tag, one in status.elements if one.get("href") == "/spool"
    ]
    page = spool(browser)
    assert "refused: 1" in page.text
    assert "line 1: type: must be" in page.text
    assert SHOWN in page.text
    assert "\u202e" not in browser.page.text
    assert "<b>" not in browser.page.text
    file.write_bytes(b'{"type":"a.b","id":"2"}')
    browser.post("/spool/retry", {"file": value_of(page, SHOWN), "back": "/spool?state=refused"})
    assert "Files tried again: 1" in browser.page.text
    assert browser.page.url.endswith("/spool?state=refused")
    web.daemon.becomes(lambda listed: not listed["files"], "spool", "list")
    assert "The spool is empty" in spool(browser).text


def test_what_is_chosen_is_deleted_once_the_question_is_answered(
    web: Web, browser: Browser
) -> None:
    gone, stays = put(web, NAME, BAD), put(web, "two.json", BAD)
    page = spool(browser)
    browser.post("/spool/delete", {"one": value_of(page, SHOWN), "file": value_of(page, "two")})
    question = Html(browser.page.text)
    assert "Delete these files?" in question.text
    assert "two.json" not in question.text
    assert gone.exists()
    browser.post("/spool/delete", browser.hidden)
    assert "Files deleted: 1" in browser.page.text
    assert (gone.exists(), stays.exists()) == (False, True)
    assert browser.post("/spool/delete", browser.hidden).status == 200


def test_all_that_the_filters_let_through_are_deleted_but_none_that_came_after_the_question(
    web: Web, browser: Browser
) -> None:
    file = put(web, "one.json", BAD)
    put(web, "two.json", BAD)
    assert "No file matches" in spool(browser, "/spool?state=waiting").text
    page = spool(browser, "/spool?text=ONE")
    assert "two.json" not in page.text
    browser.post("/spool/delete", {"all": "1", "text": "one"})
    later = put(web, "one-more.json", BAD)
    browser.post("/spool/delete", browser.hidden)
    assert (file.exists(), later.exists()) == (False, True)


def test_nothing_chosen_is_no_choice_of_all_and_what_is_gone_is_told(
    web: Web, browser: Browser
) -> None:
    file = put(web, "one.json", BAD)
    value = value_of(spool(browser), "one.json")
    for path in ("/spool/retry", "/spool/delete"):
        browser.post(path, {})
        assert "Choose files first" in browser.page.text
    assert file.exists()
    file.unlink()
    browser.post("/spool/delete", {"file": value, "sure": "1"})
    assert "one.json: no such file in the spool" in browser.page.text
    assert "Nothing to delete" in browser.page.text


def test_all_that_were_refused_are_taken_again_at_once(web: Web, browser: Browser) -> None:
    for name in ("one.json", "two.json"):
        put(web, name, BAD)
    spool(browser)
    browser.post("/spool/retry", {"all": "1"})
    assert "Files tried again: 2" in browser.page.text
