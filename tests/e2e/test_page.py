"""The pages in a real browser: Chromium, with axe-core, before a real daemon; and the seed's page
against a real Postfix.
"""

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import MakeDaemon, MakePostfix
from tests.support.chromium import NARROW, SCHEMES, TABLET, WIDE, Tab, chromium
from tests.support.daemon import Daemon
from tests.support.names import no_such_name
from tests.support.ports import free_port
from tests.support.postfix import Dovecot
from tests.support.scene import GONE, fill, scene
from tests.support.sink import Sink
from tests.support.waiting import until
from tests.support.web import NAME, PASSWORD, Web
from zaiond.text import Language
from zaiond.web import words
from zaiond.web.words import login, queue, settings, status

pytestmark = pytest.mark.xdist_group("page")  # one browser for all

LANGUAGES: tuple[Language, ...] = ("ja", "en")
TO = "test@example.co.jp"
EVENT = "one event"  # whose page is meant
PATHS = [
    *words.PAGES,
    EVENT,
    "/account",
    "/queue?state=held&text=sales",
    "/history?since=yesterday+evening&type=*.failed&failed=1",
    "/routes?type=disk.full&severity=crit",
    "/no-such-page",
]
UPDATE = "button[form=settings]:not([hidden])"

expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


class Site:
    """The pages of a daemon at `listen`, for whoever knows a name and a password."""

    def __init__(self, daemon: Daemon, listen: str, browser: Browser) -> None:
        self.daemon = daemon
        self.web = Web(daemon, by_hand=f"http://{listen}")
        self.browser = browser
        set_ = daemon.ctl("web", "password", NAME, given=f"{PASSWORD}\n")
        assert set_.returncode == 0, set_

    @contextmanager
    def tab(self, language: str = "en", inside: bool = True, **options: Any) -> Iterator[Tab]:
        """A browser, logged in where it is `inside`. It ends without a complaint of Chromium's."""
        tab = Tab(self.browser, language, **options)
        try:
            if inside:
                tab.page.goto(f"{self.web.base}/login")
                tab.page.fill("#name", NAME)
                tab.page.fill("#password", PASSWORD)
                tab.page.click("main button.primary")
                tab.page.wait_for_url("**/status")
            yield tab
            assert tab.complaints == []
        finally:
            tab.close()

    def at(self, path: str) -> str:
        """The URL of a path, or of EVENT."""
        if path == EVENT:
            (failed, *_) = self.daemon.document("history", "--type", "backup.*failed")["events"]
            path = f"/history/{quote(failed['id'])}"
        return self.web.base + path


@pytest.fixture(scope="module")
def site(browser: Browser) -> Iterator[Site]:
    directory = Path(tempfile.mkdtemp(prefix="zaiond-page-"))
    listen = somewhere()
    with Sink() as sink, scene(directory, sink, listen=listen) as daemon:
        fill(daemon)
        made = Site(daemon, listen, browser)
        with made.web:
            yield made
    shutil.rmtree(directory)


def somewhere() -> str:
    return f"127.0.0.1:{free_port()}"


@contextmanager
def site_of(
    make_daemon: MakeDaemon, browser: Browser, port: int = 25, **settings: Any
) -> Iterator[Site]:
    """A running daemon without a past, and its pages in English."""
    listen = somewhere()
    daemon = make_daemon(port, language="en", web={"listen": listen}, **settings)
    daemon.start()
    made = Site(daemon, listen, browser)
    with made.web:
        yield made


@pytest.fixture(scope="module", params=LANGUAGES)
def reader(site: Site, request: pytest.FixtureRequest) -> Iterator[Tab]:
    with site.tab(request.param) as tab:
        yield tab


# -- every page


def is_well(tab: Tab) -> None:
    """In light and dark, wide and narrow: axe finds nothing, and nothing is wider than the page."""
    for scheme in SCHEMES:
        for width in (WIDE, NARROW):
            tab.show(scheme, width)
            where = f"{tab.page.url} {scheme} {width}"
            assert tab.violations() == [], where
            assert tab.too_wide() == [], where
            assert tab.broken_words() == [], where
    tab.show("light", TABLET)
    assert tab.too_wide() == [], tab.page.url
    assert tab.broken_words() == [], tab.page.url
    assert tab.complaints == []


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_for_everybody_wherever_it_is_read(site: Site, reader: Tab, path: str) -> None:
    answer = reader.page.goto(site.at(path))
    assert answer is not None
    assert answer.status == (404 if path == "/no-such-page" else 200)
    expect(reader.page.locator("h1")).to_have_count(1)
    # Though the daemon's is Japanese; but for what events say.
    if reader.language == "en" and "history" not in path and path != EVENT:
        assert re.findall("[\u3040-\u30ff]+", reader.page.locator("main").inner_text()) == []
    is_well(reader)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_login_is_for_everybody_also_when_it_refuses(site: Site, language: Language) -> None:
    with site.tab(language, inside=False) as tab:
        tab.page.goto(site.at("/queue"))
        is_well(tab)
        tab.page.fill("#name", "tanaka")
        tab.page.fill("#password", "not the password")
        tab.page.keyboard.press("Enter")
        expect(tab.page.locator("#why")).to_have_text(login.WRONG.in_language(language))
        is_well(tab)


@pytest.mark.parametrize("language", LANGUAGES)
def test_errors_at_fields_are_for_everybody(site: Site, language: Language) -> None:
    with site.tab(language) as tab:
        tab.page.goto(site.at("/settings"))
        field(tab.page, "mail_server.port").fill("no port")
        field(tab.page, "admins").fill("nobody@@example")
        tab.page.check("input[name='mail_server.auth.mechanism'][value=basic]")
        tab.page.click(UPDATE)
        expect(field(tab.page, "mail_server.port")).to_have_attribute("aria-invalid", "true")
        expect(field(tab.page, "mail_server.port")).to_be_focused()
        is_well(tab)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_can_be_read_without_javascript(site: Site, plain: Tab, path: str) -> None:
    plain.page.goto(site.at(path))
    expect(plain.page.locator("header nav a:visible")).to_have_count(len(words.PAGES))
    expect(plain.page.locator("main")).not_to_be_empty()
    assert plain.complaints == []


@pytest.mark.parametrize("width", [NARROW, WIDE // 2, 831, 833, 860, WIDE])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_are_one_line_whatever_the_width_is(
    site: Site, language: Language, width: int
) -> None:
    viewport = {"width": width, "height": 700}
    with site.tab(language, java_script_enabled=False, viewport=viewport) as tab:
        links = tab.page.locator("header nav a:visible")
        # The product, who is there (beside it, where there is room), and the pages.
        height = tab.page.locator("header").evaluate("one => one.getBoundingClientRect().height")
        assert height < (110 if width == NARROW else 90)
        menu = tab.page.locator("header nav summary:visible")
        if width <= 832:
            expect(links).to_have_count(0)
            menu.click()
        else:
            expect(menu).to_have_count(0)
        expect(links).to_have_count(len(words.PAGES))
        name = words.PAGES["/jobs"].in_language(language)
        tab.page.locator("header").get_by_role("link", name=name, exact=True).click()
        tab.page.wait_for_url("**/jobs")
        assert tab.too_wide() == []


@pytest.fixture(scope="module")
def plain(site: Site) -> Iterator[Tab]:
    with site.tab(java_script_enabled=False) as tab:
        yield tab


# -- by keyboard alone


# There is an outline, some of it is in view, and nothing lies over that (WCAG 2.2, 2.4.7, 2.4.11).
_IS_SEEN = """() => {
    const one = document.activeElement;
    if (one === document.body) return true;
    const style = getComputedStyle(one), box = one.getBoundingClientRect();
    const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
    const there = document.elementFromPoint((box.left + box.right) / 2, (top + bottom) / 2);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
        && (one.contains(there) || there?.contains(one));
}"""
_USABLE = """() => {
    const radios = new Set();
    return [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
        .filter(one => one.checkVisibility() && !one.disabled && one.type !== "hidden")
        .filter(one => one.type !== "radio" || !radios.has(one.name) && radios.add(one.name))
        .length;
}"""


def focused(page: Page) -> Locator:
    return page.locator(":focus")


def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    """Presses Tab until it is there; whatever is on the way shows that it has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        until(
            lambda: bool(page.evaluate(_IS_SEEN)),
            lambda: f"nobody sees where he is: {focused(page).evaluate('one => one.outerHTML')}",
        )
        if wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"Tab never comes to {wanted}")


def test_the_first_tab_skips_to_what_the_page_is_about(site: Site) -> None:
    with site.tab() as tab:
        page = tab.page
        page.goto(site.at("/status"))
        page.keyboard.press("Tab")
        expect(focused(page)).to_have_text(words.SKIP.en)
        expect(focused(page)).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("Tab")
        assert focused(page).evaluate("one => one.closest('header') === null")


@pytest.mark.parametrize("path", PATHS)
def test_all_that_can_be_used_can_be_reached_by_tab_in_its_order(
    site: Site, reader: Tab, path: str
) -> None:
    reader.show("light", WIDE)
    page = reader.page
    page.goto(site.at(path))
    usable = page.evaluate(_USABLE)
    last = page.locator("main :is(a[href], button, summary):visible").last
    if last.count() == 0:
        last = page.locator(".logout button")
    tab_to(page, last, most=usable + 5)


def test_the_settings_are_filled_in_and_saved_by_keyboard(site: Site) -> None:
    before = site.daemon.config.read_text()
    with site.tab("ja") as tab:
        page = tab.page
        page.goto(site.at("/settings"))
        tab_to(page, field(page, "admins"))
        page.keyboard.press("Control+a")
        page.keyboard.type("tanaka@example.co.jp, yamada@example.co.jp")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")  # in a field: what is entered is saved
        page.wait_for_url("**/settings")
        expect(page.locator("#messages .message").first).to_be_visible()
        expect(field(page, "admins")).to_have_value("tanaka@example.co.jp, yamada@example.co.jp")
        assert "tanaka@example.co.jp" in site.daemon.config.read_text()
    site.daemon.config.write_text(before)


# -- the seed's page


def field(page: Page, key: str) -> Locator:
    return page.locator(f"input[name='{key}']")


@contextmanager
def settings_page(
    daemon: Daemon, browser: Browser, language: str = "ja", **options: Any
) -> Iterator[Tab]:
    """The page as `zaiond-ctl web` shows it; the daemon needs not run."""
    with Web(daemon) as web:
        tab = Tab(browser, language, **options)
        try:
            tab.page.goto(web.link)
            tab.page.goto(f"{web.base}/settings")
            yield tab
            assert tab.complaints == []
        finally:
            tab.close()


def try_it(page: Page) -> str:
    """実行; returns the line of the result."""
    page.fill("#addresses", TO)
    page.click("#run")
    expect(page.locator("#result .line")).to_have_count(1)
    return page.locator("#result .line").inner_text()


@pytest.fixture
def guarded(
    make_postfix: MakePostfix, directory: Path, request: pytest.FixtureRequest
) -> Iterator[int]:
    """The port of a Postfix that wants a name and a password."""
    with ExitStack() as stack:
        dovecot = Dovecot(directory / "dovecot", [("zaion", "himitsu p@ss")], "cram-md5")
        dovecot.start()
        stack.callback(dovecot.stop)
        yield make_postfix(
            smtpd_sasl_auth_enable="yes",
            smtpd_sasl_type="dovecot",
            smtpd_sasl_path=str(dovecot.path),
            smtpd_relay_restrictions="permit_sasl_authenticated, reject",
        ).port


@pytest.mark.parametrize("has_javascript", [True, False])
def test_the_seeds_page_from_the_first_entry_to_the_mail(
    browser: Browser, guarded: int, make_daemon: MakeDaemon, sink: Sink, has_javascript: bool
) -> None:
    daemon = make_daemon(25)
    daemon.start()
    with settings_page(daemon, browser, java_script_enabled=has_javascript) as tab:
        page = tab.page
        expect(page.locator("h1")).to_have_text("メールサーバー設定")
        expect(page.get_by_label("送信メールサーバー")).to_have_value("localhost")
        page.get_by_label("SMTP ポート番号").fill(str(guarded))
        assert field(page, "mail_server.auth.username").is_visible() is False
        page.get_by_role("radiogroup", name="SMTP 認証").get_by_label("CRAM-MD5").check()
        page.get_by_label("ユーザーID", exact=True).fill("zaion")
        page.get_by_label("パスワード", exact=True).fill("wrong")
        page.get_by_label("送信元メールアドレス").fill("zaionnex@example.co.jp")
        refused = f"Auth failed 535 localhost:{guarded} {TO} zaionnex@example.co.jp"
        assert try_it(page) == f"[Error] 送信エラー {refused}"
        assert page.locator("#result .advice").count() > 0
        # What was tried was not saved, and nothing was mailed.
        assert "zaion\n" not in daemon.config.read_text()
        assert sink.mails == []

        page.get_by_label("パスワード", exact=True).fill("himitsu p@ss")
        assert try_it(page) == "正常に送信されました"
        (mail,) = sink.wait(1)
        assert mail.subject == "[Zaionnex] Test Mail"
        assert mail.body == "Zaionnex からのメール送信テストです。\n"

        page.get_by_label("パスワード", exact=True).fill("himitsu p@ss")
        page.click(UPDATE)
        expect(page.locator("#messages .message").first).to_be_visible()
        assert "himitsu" not in page.content()
        assert field(page, "mail_server.auth.username").input_value() == "zaion"
    daemon.emit({"type": "certificate.renewed"})
    assert len(sink.wait(2)) == 2


@pytest.mark.parametrize(
    ("language", "error"), [("ja", "送信エラー"), ("en", "Send error")], ids=["ja", "en"]
)
def test_a_name_that_does_not_exist_is_told_in_the_seeds_words(
    browser: Browser, make_daemon: MakeDaemon, directory: Path, language: str, error: str
) -> None:
    daemon = make_daemon(25, no_such_name(directory))
    with settings_page(daemon, browser, language) as tab:
        field(tab.page, "mail_server.host").fill("mailhost")
        line = try_it(tab.page)
    assert line == f"[Error] {error} Cant connect Server 11001 mailhost:25 {TO} zaionnex"


def test_the_steps_of_the_test_appear_as_they_happen(
    browser: Browser, make_daemon: MakeDaemon, make_postfix: MakePostfix
) -> None:
    with settings_page(make_daemon(make_postfix().port), browser) as tab:
        assert try_it(tab.page) == "正常に送信されました"
        assert tab.page.locator("#result .step").count() >= 3
        is_well(tab)


def test_what_cannot_be_written_stays_in_the_fields_with_why(
    browser: Browser, make_daemon: MakeDaemon
) -> None:
    auth = {"mechanism": "basic", "username": "zaion", "password_file": "none/password"}
    with settings_page(make_daemon(25, mail_server={"auth": auth}), browser, "en") as tab:
        page = tab.page
        field(page, "mail_server.auth.password").fill("himitsu p@ss")
        field(page, "sender").fill("one@example.co.jp")
        page.click(UPDATE)
        said = page.locator("#said .message.error")
        expect(said).to_contain_text("none/password: can't be written: No such file or directory")
        expect(field(page, "sender")).to_have_value("one@example.co.jp")
        expect(field(page, "mail_server.auth.password")).to_have_value("himitsu p@ss")


def test_what_is_entered_stays_while_nobody_can_write_it(
    browser: Browser, make_daemon: MakeDaemon
) -> None:
    daemon = make_daemon(25)
    with Web(daemon) as web, closing(Tab(browser, "en")) as tab:
        page = tab.page
        page.goto(web.link)
        page.goto(f"{web.base}/settings")
        field(page, "sender").fill("one@example.co.jp")
        with ThreadPoolExecutor(1) as thread, ExitStack() as stack:
            over = Event()
            stack.callback(over.set)
            thread.submit(kill_children, web.process.pid, over)
            page.click(UPDATE)
            said = page.locator("#said .message.error")
            expect(said).to_contain_text(settings.NO_REPLY.en)
        expect(field(page, "sender")).to_have_value("one@example.co.jp")
        page.click(UPDATE)
        expect(page.locator("#messages .message").first).to_be_visible()
        assert "one@example.co.jp" in daemon.config.read_text()
        assert tab.complaints == []


def kill_children(process: int, over: Event) -> None:
    """Whatever it starts meanwhile gets nowhere."""
    while not over.is_set():
        for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)


# -- two at once, and what happens meanwhile


def test_what_another_administrator_has_changed_is_shown_and_not_overwritten(
    browser: Browser, make_daemon: MakeDaemon
) -> None:
    with site_of(make_daemon, browser) as site:
        daemon = site.daemon
        with site.tab() as one, site.tab() as other:
            for tab in (one, other):
                tab.page.goto(site.at("/settings"))
            field(one.page, "admins").fill("tanaka@example.co.jp")
            one.page.click(UPDATE)
            expect(one.page.locator("#messages .message").first).to_be_visible()

            field(other.page, "admins").fill("suzuki@example.co.jp")
            other.page.click(UPDATE)
            said = other.page.locator("#said .message.error")
            expect(said).to_contain_text(settings.CHANGED_MEANWHILE.en)
            theirs = settings.by_other(text="tanaka@example.co.jp").en
            expect(other.page.locator(".other")).to_have_text(theirs)
            expect(field(other.page, "admins")).to_have_value("suzuki@example.co.jp")
            assert "suzuki" not in daemon.config.read_text()
            is_well(other)

            other.page.click(UPDATE)
            expect(other.page.locator("#messages .message").first).to_be_visible()
            assert "suzuki@example.co.jp" in daemon.config.read_text()


def test_a_mail_is_deleted_only_after_a_question_and_retried_without_one(site: Site) -> None:
    with site.tab(java_script_enabled=False) as tab:
        page = tab.page
        page.goto(site.at("/queue?state=held"))
        page.get_by_role("button", name=words.DELETE_ASKS.en).first.click()
        expect(page.locator("h1")).to_have_text(queue.SURE.en)
        expect(page.locator("main")).to_contain_text(GONE)
        page.get_by_role("link", name=words.CANCEL.en).click()
        page.get_by_role("button", name=re.compile("Retry now|Send now")).first.click()
        expect(page.locator("#messages .message")).to_have_text("Deliveries being sent now: 1")
        expect(page).to_have_url(site.at("/queue?state=held"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_asks_and_what_complains_is_for_everybody(site: Site, language: Language) -> None:
    with site.tab(language) as tab:
        page = tab.page
        page.goto(site.at("/queue"))
        page.locator("main button.danger[name=one]").first.click()
        expect(page.locator("h1")).to_have_text(queue.SURE.in_language(language))
        is_well(tab)
        page.goto(site.at("/silences"))
        page.fill("#matchers", "no condition")
        page.fill("#for", "long")
        page.fill("#comment", "x")
        page.click("main button.primary")
        expect(page.locator("#for")).to_have_attribute("aria-invalid", "true")
        is_well(tab)
        page.goto(site.at("/problems"))
        page.locator("main summary").first.click()
        is_well(tab)


def test_a_silence_begins_and_ends_by_keyboard(site: Site) -> None:
    with site.tab() as tab:
        page = tab.page
        page.goto(site.at("/silences"))
        tab_to(page, page.locator("#matchers"))
        page.keyboard.type("type=disk.*")
        page.keyboard.press("Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type("30m")
        page.keyboard.press("Tab")
        page.keyboard.type("the disk of db1 is replaced")
        page.keyboard.press("Enter")
        mine = page.locator("section.one", has_text="the disk of db1 is replaced")
        expect(mine).to_be_visible()
        tab_to(page, mine.get_by_role("button"))
        page.keyboard.press("Enter")
        expect(mine).to_have_count(0)


def test_what_is_chosen_on_a_page_that_is_live_stays_chosen(site: Site) -> None:
    with site.tab() as tab:
        page = tab.page
        page.clock.install()
        page.goto(site.at("/queue"))
        box = page.locator("main input[type=checkbox]").first
        box.check()
        box.blur()
        site.daemon.emit({"type": "certificate.expired", "data": {"target": "Sales"}})
        site.daemon.becomes(lambda status: status["queue"]["held"] > 1, "status")
        for _ in range(3):
            page.clock.run_for(6000)
            page.evaluate("() => fetch('/status').then(answer => answer.text())")
        expect(box).to_be_checked()
        box.uncheck()
        box.blur()
        page.clock.run_for(6000)
        expect(page.locator("main")).to_contain_text("certificate.expired")


_SEEN = "() => document.querySelector('main').dataset.seen"


def test_a_choice_on_a_page_that_is_live_stays_until_it_is_made(site: Site) -> None:
    with site.tab() as tab:
        page = tab.page
        page.clock.install()
        for path, name, choice in (("/queue", "state", "held"), ("/history", "limit", "500")):
            page.goto(site.at(path))
            page.evaluate("() => { document.querySelector('main').dataset.seen = 'another' }")
            chosen = page.locator(f"main select[name={name}]")
            first = chosen.input_value()
            chosen.select_option(choice)
            chosen.blur()
            for _ in range(3):
                page.clock.run_for(6000)
                page.evaluate("() => fetch('/status').then(answer => answer.text())")
            expect(chosen).to_have_value(choice)
            assert page.evaluate(_SEEN) == "another"
            chosen.select_option(first)
            chosen.blur()
            page.clock.run_for(6000)
            until(lambda: page.evaluate(_SEEN) != "another", lambda: "never looked again")


def without_reload(page: Page) -> Callable[[], bool]:
    """Returns what tells whether the page is still the one that was loaded."""
    page.evaluate("() => { window.loaded = true }")
    return lambda: bool(page.evaluate("() => window.loaded === true"))


def test_what_happens_is_shown_without_a_reload(
    browser: Browser, make_daemon: MakeDaemon, sink: Sink
) -> None:
    sink.refuse[GONE] = "550 5.1.1 User unknown"
    with site_of(make_daemon, browser, sink.port, admins=GONE) as site, site.tab() as tab:
        stays = without_reload(tab.page)
        expect(tab.page.locator("main")).not_to_contain_text(GONE)
        site.daemon.emit({"type": "certificate.renewed"})
        expect(tab.page.locator("main")).to_contain_text(f"mail to {GONE} is held")
        assert stays()


def test_a_page_says_that_the_daemon_is_down_and_comes_back_by_itself(
    browser: Browser, make_daemon: MakeDaemon
) -> None:
    with site_of(make_daemon, browser) as site, site.tab() as tab:
        heading, stays = tab.page.locator("h1"), without_reload(tab.page)
        expect(heading).to_have_text(status.TITLE.en)
        site.daemon.stop()
        expect(heading).to_have_text(words.NO_DAEMON.en)
        assert stays()
        is_well(tab)
        answer = tab.page.goto(site.at("/status"))
        assert answer is not None
        assert answer.status == 503
        stays = without_reload(tab.page)
        site.daemon.start()
        expect(heading).to_have_text(status.TITLE.en)
        assert stays()


def test_a_page_without_javascript_comes_back_by_itself_too(
    browser: Browser, make_daemon: MakeDaemon
) -> None:
    with (
        site_of(make_daemon, browser) as site,
        site.tab(java_script_enabled=False) as tab,
    ):
        site.daemon.stop()
        tab.page.goto(site.at("/status"))
        expect(tab.page.locator("h1")).to_have_text(words.NO_DAEMON.en)
        site.daemon.start()
        expect(tab.page.locator("h1")).to_have_text(status.TITLE.en)
