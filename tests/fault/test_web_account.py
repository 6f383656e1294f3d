"""The account's page of a real zaiond-web: who is logged in sees where, ends it, and changes the
password."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.html import Html
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.support.web import CONFIG, NAME, PASSWORD, QUICK, Browser, Web
from zaiond import accounts
from zaiond.web.attempts import FREE
from zaiond.web.sessions import name_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0"
)
NEW = "another horse battery"


@contextmanager
def by_hand(directory: Path, environment: Mapping[str, str]) -> Iterator[Web]:
    listen = f"127.0.0.1:{free_port()}"
    config = f"{CONFIG}web: {{listen: '{listen}'}}\n"
    with (
        Daemon(directory, config, environment) as daemon,
        Web(daemon, by_hand=f"http://{listen}") as web,
    ):
        yield web


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """Where no password is changed, by little cost."""
    with by_hand(tmp_path_factory.mktemp("account"), QUICK) as web:
        yield web


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The real one, as what it starts to change a password is always that."""
    with by_hand(tmp_path_factory.mktemp("changing"), {}) as web:
        yield web


@pytest.fixture
def web(running: Web) -> Web:
    """Nobody is logged in or was refused; NAME has PASSWORD."""
    return anew(running)


def anew(running: Web) -> Web:
    if running.process.poll() is None:
        running.stop()
    shutil.rmtree(running.daemon.state / "web", ignore_errors=True)
    running.forget()
    running.start()
    return running


def came_in(web: Web, agent: str, name: str = NAME) -> Browser:
    browser = web.browser(User_Agent=agent)
    if name not in accounts.read(state(web)).accounts:
        done = web.daemon.ctl("web", "password", name, given=f"{PASSWORD}\n")
        assert done.returncode == 0, done
    assert browser.log_in(name).status == 200
    return browser


def is_inside(browser: Browser) -> bool:
    return browser.get("/status").url.endswith("/status")


def listed(browser: Browser) -> dict[str, str]:
    """What chooses a login, by what is said of it."""
    page = Html(browser.get("/account").text)
    return {
        one["aria-label"]: one["value"]
        for tag, one in page.elements
        if tag == "input" and one.get("type") == "checkbox"
    }


def test_the_page_shows_where_its_user_is_logged_in_and_nobody_else(web: Web) -> None:
    here, there, hostile = (came_in(web, a) for a in (FIREFOX, EDGE, "<script>\u00e9 evil"))
    came_in(web, EDGE, "suzuki")
    others = list(listed(here))
    assert [one.split(" (")[0] for one in others] == ["Choose unknown", "Choose Edge, Windows"]
    assert all("127.0.0.1" in one for one in others)
    page = Html(here.page.text)
    assert "this browser Firefox, Linux 127.0.0.1" in page.text
    assert "script>" not in here.page.text.replace("<script src=", "").replace("</script>", "")
    assert NAME in page.text
    assert "suzuki" not in page.text
    for browser in (there, hostile):
        assert "Firefox, Linux" in browser.get("/account").text


def test_a_login_elsewhere_is_ended_by_who_shows_the_present_password(web: Web) -> None:
    here, there, third = (came_in(web, agent) for agent in (FIREFOX, EDGE, ""))
    another = came_in(web, EDGE, "suzuki")
    (of_suzuki,) = map(name_of, another.cookies.values())
    chosen = next(value for said, value in listed(here).items() if "Edge" in said)
    for present in ("", "guessed password"):
        refused = here.post("/account/end", {"session": chosen, "present": present})
        assert refused.status == 403
        assert "the current password is wrong" in refused.text
        assert f'value="{chosen}" ' in refused.text
        assert "checked" in refused.text
        assert is_inside(there)
        here.get("/account")
    none = here.post("/account/end", {"present": PASSWORD})
    assert (none.status, "Choose what is to be" in none.text) == (422, True)
    foreign = here.post("/account/end", {"session": of_suzuki, "present": PASSWORD})
    assert foreign.status == 422
    answer = here.post("/account/end", {"session": chosen, "present": PASSWORD})
    assert (answer.url, "Logged out: 1" in answer.text) == (f"{web.base}/account", True)
    assert [is_inside(one) for one in (here, there, third, another)] == [True, False, True, True]
    web.logged(f"{NAME} (127.0.0.1): Logged out: 1")
    assert f"{NAME} could not show the current password (127.0.0.1)" in web.printed()


def test_all_other_logins_are_ended_at_once(web: Web) -> None:
    here, there, third = (came_in(web, agent) for agent in (FIREFOX, EDGE, ""))
    another, kept = came_in(web, EDGE, "suzuki"), dict(here.cookies)
    here.get("/account")
    answer = here.post("/account/end", {"others": "1", "present": PASSWORD})
    assert "Logged out: 2" in answer.text
    assert "You are logged in nowhere else" in answer.text
    assert [is_inside(one) for one in (here, there, third, another)] == [True, False, False, True]
    assert here.cookies != kept, "OWASP ASVS 5 7.2.4"
    web.stop()
    web.forget()
    web.start()
    assert not is_inside(there), "nor after a restart"
    assert is_inside(here)


def test_the_password_is_changed_by_who_shows_the_present_one_and_the_others_are_out(
    changing: Web,
) -> None:
    web = anew(changing)
    here, there = came_in(web, FIREFOX), came_in(web, EDGE)
    another = came_in(web, EDGE, "suzuki")
    kept = dict(here.cookies)
    here.get("/account")
    wanted = {"present": PASSWORD, "new": NEW, "again": NEW}
    for wrong, status, why in [
        ({"present": "guessed password"}, 403, "the current password is wrong"),
        ({"again": "yet another horse"}, 422, "The two new passwords differ"),
        ({"new": "short", "again": "short"}, 422, "8 characters at least"),
        ({"new": "password1", "again": "password1"}, 422, "tried first"),
        ({"new": f"{NAME}2026", "again": f"{NAME}2026"}, 422, "made of the name"),
    ]:
        refused = here.post("/account/password", {**wanted, **wrong})
        assert refused.status == status, refused.text
        assert why in refused.text
        assert NEW not in refused.text
        assert PASSWORD not in refused.text
    assert is_inside(there)
    here.get("/account")
    answer = here.post("/account/password", wanted)
    assert answer.url == f"{web.base}/account"
    assert "Password changed, other logins ended: 1" in answer.text
    assert [is_inside(one) for one in (here, there, another)] == [True, False, True]
    assert here.cookies != kept, "another token"
    old = web.browser()
    old.cookies = kept
    assert not is_inside(old)
    assert web.browser().log_in().status == 403
    assert web.browser().log_in(password=NEW).status == 200
    web.logged(f"{NAME} (127.0.0.1): Password changed, other logins ended: 1")
    for secret in (PASSWORD, NEW):
        assert secret not in web.printed()


def test_wrong_present_passwords_are_a_wait_for_the_right_one_too(changing: Web) -> None:
    web = anew(changing)
    here, wanted = came_in(web, FIREFOX), {"new": NEW, "again": NEW}
    here.get("/account")
    for number in range(FREE):
        answer = here.post("/account/password", {**wanted, "present": f"guess {number}"})
        assert answer.status == 403
    answer = here.post("/account/password", {**wanted, "present": PASSWORD})
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0
    assert web.browser().log_in().status == 429
    assert accounts.is_right(PASSWORD, accounts.read(state(web)).accounts[NAME])


def test_who_came_by_a_link_sees_his_login_and_has_no_password(running: Web) -> None:
    with Web(running.daemon) as web:
        inside = web.inside(User_Agent=FIREFOX)
        page = inside.get("/account")
        assert "Firefox, Linux" in page.text
        assert "there is no password" in page.text
        assert 'type="password"' not in page.text
        wanted = {"present": "", "new": NEW, "again": NEW}
        assert inside.post("/account/password", wanted).status == 422
        assert is_inside(inside)


def test_without_the_program_that_may_write_the_password_the_page_says_so(
    running: Web,
) -> None:
    with Web(running.daemon, as_service=True) as web:  # without systemd there is no socket
        shutil.rmtree(state(web), ignore_errors=True)
        inside = web.inside()
        inside.get("/account")
        wanted = {"present": PASSWORD, "new": NEW, "again": NEW}
        answer = inside.post("/account/password", wanted)
        assert answer.status == 503
        assert "zaiond-web-settings.socket" in answer.text
        assert is_inside(inside)


def state(web: Web) -> str:
    return str(web.daemon.state / "web")


def test_the_journal_follows_the_language_also_before_anybody_has_logged_in(running: Web) -> None:
    daemon = running.daemon
    with Web(daemon, as_service=True, faster={"web.serving.LANGUAGE_INTERVAL": 0.1}) as web:
        web.inside()
        web.logged("logged in")
        before = daemon.config.read_text()
        daemon.config.write_text(before.replace("language: en", "language: ja"))
        assert daemon.ctl("reload").returncode == 0

        def refused() -> bool:
            web.browser().log_in(password="guessed password")
            return "ログインを拒否しました" in web.printed()

        try:
            until(refused, web.printed)
        finally:
            daemon.config.write_text(before)
            daemon.ctl("reload")
