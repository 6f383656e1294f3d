"""zaiond-web before a real daemon: who comes in, and what is shown when the daemon is away."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.web import CONFIG, Web


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, CONFIG) as daemon:
        yield daemon


@pytest.fixture
def web(daemon: Daemon) -> Iterator[Web]:
    with Web(daemon) as web:
        yield web


def test_the_link_lets_in_one_browser_which_sees_the_status_in_its_language(web: Web) -> None:
    browser = web.inside()
    assert browser.page.url == f"{web.base}/status"
    assert '<html lang="en">' in browser.page.text
    assert "All is well" in browser.page.text
    browser.headers["Accept-Language"] = "ja,en;q=0.5"
    page = browser.get("/status").text
    assert '<html lang="ja">' in page
    assert "正常に動作しています" in page
    late = web.browser().get(web.link)
    assert late.status == 403
    assert "This link is used up" in late.text
    web.logged("logged in by the link (127.0.0.1)")


def test_without_a_daemon_a_page_says_so_and_shows_it_when_it_is_back(web: Web) -> None:
    browser = web.inside()
    web.daemon.stop()
    page = browser.get("/status")
    assert page.status == 503
    assert "systemctl start zaiond" in page.text
    assert 'data-live="5"' in page.text
    web.daemon.start()
    assert browser.get("/status").status == 200
