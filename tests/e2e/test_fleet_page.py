"""The page of a fleet in a real browser, before a real hub and a real nats-server; and where there
is no hub, or no fleet."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from nats.aio.client import Client
from nats.js import JetStreamContext
from playwright.sync_api import Browser, Page, expect

from tests.support import letters
from tests.support.chromium import NARROW, SCHEMES, TABLET, WIDE, Tab, chromium
from tests.support.daemon import Daemon
from tests.support.nats import Nats, as_machine
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.support.web import NAME, PASSWORD, Web
from tests.support.web import Browser as Reader
from zaiond.fleet import names
from zaiond.text import Language
from zaiond.web import words

pytestmark = pytest.mark.xdist_group("page")  # one browser for all
HUB, MEMBER = "hub1.example.jp", "web1.example.jp"
LANGUAGES: tuple[Language, ...] = ("ja", "en")
OF_FLEET = words.pages(of_fleet=True)

expect.set_options(timeout=30_000)


def members() -> dict[str, dict[str, Any]]:
    """The last words of 200 members, of which a few need a look."""
    said: dict[str, dict[str, Any]] = {
        f"web{n:03}.example.jp": {"state": "handing_on", "waiting": n % 3} for n in range(200)
    }
    said["web150.example.jp"] = {"state": "by_itself", "waiting": 12_345}
    said["web160.example.jp"] = {"state": "handing_on", "waiting": 70_000}
    said["web170.example.jp"] = {"state": "on_trial", "waiting": 5}
    said["web180.example.jp"] = {"state": "stopped", "waiting": 0}
    return said


def say(nats: Nats, said: dict[str, dict[str, Any]]) -> None:
    async def say_all(_: Client, jetstream: JetStreamContext) -> None:
        for machine, word in said.items():
            text = json.dumps({"version": "1.0.0", "since": 1.0, **word}).encode()
            await jetstream.publish(names.alive_subject(machine), text)

    letters.with_jetstream(nats, say_all)


def apart(do: Callable[..., None], *given: Any) -> None:
    """In another thread: in this one Playwright has a loop that runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(do, *given).result()


def machine(directory: Path, name: str, fleet: dict[str, Any] | None, **settings: Any) -> Daemon:
    settings |= {
        "mail_server": {"host": "127.0.0.1", "port": 9}, "admins": "a@example.jp", "language": "en"
    }  # fmt: skip
    if fleet is not None:
        settings["fleet"] = fleet
    return Daemon(directory, yaml.safe_dump(settings), wrapper=as_machine(name))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The pages of a hub with 200 members, for whoever has a name and a password."""
    directory = tmp_path_factory.mktemp("page")
    with Nats(directory / "nats") as nats:
        apart(nats.init)
        apart(say, nats, members())
        listen = f"127.0.0.1:{free_port()}"
        hub = machine(directory / "hub", HUB, nats.settings(role="hub"), web={"listen": listen})
        with hub, Web(hub, by_hand=f"http://{listen}") as pages:
            hub.becomes(lambda now: len(now["fleet"]["members"] or ()) == 200, "status")
            pages.inside()  # sets the password
            yield pages


@contextmanager
def tab(browser: Browser, web: Web, language: str = "en", **options: Any) -> Iterator[Tab]:
    """A browser, logged in. It ends without a complaint of Chromium's."""
    made = Tab(browser, language, **options)
    try:
        made.page.goto(f"{web.base}/login")
        made.page.fill("#name", NAME)
        made.page.fill("#password", PASSWORD)
        made.page.click("main button.primary")
        made.page.wait_for_url("**/status")
        yield made
        assert made.complaints == []
    finally:
        made.close()


def is_well(tab: Tab) -> None:
    """In light and dark, wide and narrow: axe finds nothing, and nothing is wider than the page."""
    for scheme in SCHEMES:
        for width in (WIDE, TABLET, NARROW):
            tab.show(scheme, width)
            where = f"{tab.page.url} {scheme} {width}"
            if width != TABLET:
                assert tab.violations() == [], where
            assert tab.too_wide() == [], where
            assert tab.broken_words() == [], where


def first_of_members(page: Page) -> list[str]:
    rows = page.locator("main table").last.locator("tbody tr td:first-child")
    return rows.all_inner_texts()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fleet_is_for_everybody_and_shows_first_who_needs_a_look(
    browser: Browser, web: Web, language: Language
) -> None:
    with tab(browser, web, language) as reader:
        page = reader.page
        page.goto(f"{web.base}/fleet")
        expect(page.locator("h1")).to_have_text(OF_FLEET["/fleet"].in_language(language))
        ordered = first_of_members(page)
        assert len(ordered) == 200
        assert [name.partition(".")[0] for name in ordered[:5]] == [
            "web150", "web170", "web180", "web160", "web000"
        ]  # fmt: skip
        assert "web150.example.jp" in page.locator("ul.problems").inner_text()
        assert page.locator("td .red, td .yellow").count() == 3
        is_well(reader)


@pytest.mark.parametrize("width", [NARROW, 833, 959, 961, WIDE])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_menu_of_a_hub_has_the_fleet_and_is_one_line(
    browser: Browser, web: Web, language: Language, width: int
) -> None:
    viewport = {"width": width, "height": 700}
    with tab(browser, web, language, java_script_enabled=False, viewport=viewport) as reader:
        page = reader.page
        height = page.locator("header").evaluate("one => one.getBoundingClientRect().height")
        assert height < (110 if width == NARROW else 90)
        if width <= 960:
            page.locator("header nav summary:visible").click()
        expect(page.locator("header nav a:visible")).to_have_count(len(OF_FLEET))
        name = OF_FLEET["/fleet"].in_language(language)
        page.locator("header").get_by_role("link", name=name, exact=True).click()
        page.wait_for_url("**/fleet")
        current = page.locator("header nav a[aria-current]:visible")
        expect(current).to_have_count(0 if width <= 960 else 1)
        assert reader.too_wide() == []


# -- where there is no hub, or no fleet


@pytest.fixture
def ended() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def reader_of(daemon: Daemon, ended: ExitStack) -> Reader:
    web = ended.enter_context(Web(daemon))
    reader = Reader(web.base)
    reader.get(web.link)
    return reader


def test_without_a_fleet_the_menu_has_none_and_its_page_says_so(
    tmp_path: Path, ended: ExitStack
) -> None:
    daemon = machine(tmp_path / "m", MEMBER, None)
    with daemon:
        reader = reader_of(daemon, ended)
        assert 'href="/fleet"' not in reader.get("/jobs").text
        page = reader.get("/fleet")
        assert page.status == 404
        assert "belongs to no fleet" in page.text
        # What is configured meanwhile is in the menu of the next page.
        text = daemon.config.read_text()
        fleet = {"servers": ["nats://127.0.0.1:9"], "role": "member"}
        daemon.config.write_text(text + yaml.safe_dump({"fleet": fleet}))
        assert daemon.ctl("reload").returncode == 0
        assert 'href="/fleet"' in reader.get("/jobs").text


def test_a_member_shows_how_it_is_and_where_the_fleet_is_shown(
    tmp_path: Path, ended: ExitStack
) -> None:
    fleet = {"servers": ["nats://127.0.0.1:9"], "role": "member"}
    daemon = machine(tmp_path / "m", MEMBER, fleet)
    with daemon:
        reader = reader_of(daemon, ended)
        page = reader.get("/fleet")
        assert page.status == 200
        assert "hands on to the hubs" in page.text
        assert "This machine is a member" in page.text
        assert "can&#39;t be shown" not in page.text


def test_a_hub_that_gets_no_answer_says_so_and_does_not_seem_to_hang(
    tmp_path: Path, ended: ExitStack
) -> None:
    with Nats(tmp_path / "nats") as nats:
        apart(nats.init)
        daemon = machine(tmp_path / "m", HUB, nats.settings(role="hub"))
        with daemon:
            daemon.becomes(lambda now: now["fleet"]["works"], "status")
            reader = reader_of(daemon, ended)
            assert "The fleet can" not in reader.get("/fleet").text
            nats.nodes[0].stop()
            try:
                page = reader.get("/fleet")
                assert "t be shown" in page.text
                assert "hangs" not in page.text
            finally:
                nats.nodes[0].go_on()
            until(lambda: "t be shown" not in reader.get("/fleet").text, lambda: daemon.printed())
