"""zaiond-web before a real daemon: who comes in and how long, what is closed to others, and what is
shown when the daemon is away."""

import json
import re
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.html import Html
from tests.support.terminal import Terminal
from tests.support.web import CONFIG, NAME, PASSWORD, QUICK, Browser, Web
from zaiond.web.app import ROUTES
from zaiond.web.attempts import FREE
from zaiond.web.serving import LINK_SECONDS

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """With passwords of little cost: `running` has those of the real one."""
    with Daemon(tmp_path_factory.mktemp("daemon"), CONFIG, QUICK) as daemon:
        yield daemon


@pytest.fixture
def daemon(shared: Daemon) -> Daemon:
    """Nobody has ever used zaiond-web before it."""
    shutil.rmtree(shared.state / "web", ignore_errors=True)
    if shared.process.poll() is not None:
        shared.start()
    return shared


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web, dict[str, str]]]:
    """As systemd starts it; with the account NAME, and the cookies of a browser of his."""
    directory = tmp_path_factory.mktemp("web")
    with Daemon(directory, CONFIG) as daemon, Web(daemon, as_service=True) as web:
        yield web, web.inside().cookies


@pytest.fixture
def used(running: tuple[Web, dict[str, str]]) -> Web:
    """The same for all tests that neither stop it nor change the account."""
    web, _ = running
    web.forget()
    if web.process.poll() is not None:  # as systemd does when it has ended, being idle
        web.start()
    return web


@pytest.fixture
def browser(used: Web, running: tuple[Web, dict[str, str]]) -> Browser:
    """It has logged in, and shows the status."""
    _, cookies = running
    browser = used.browser()
    browser.cookies = dict(cookies)
    assert browser.get("/status").status == 200
    return browser


@pytest.fixture
def web(daemon: Daemon) -> Iterator[Web]:
    """In the foreground, with a link."""
    with Web(daemon) as web:
        yield web


@pytest.fixture
def service(daemon: Daemon) -> Iterator[Web]:
    """As systemd starts it."""
    with Web(daemon, as_service=True) as web:
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
    assert "This link does not work" in late.text
    web.logged("logged in by the link (127.0.0.1)")


def test_a_link_is_good_for_ten_minutes_and_what_began_it_goes_on(daemon: Daemon) -> None:
    assert LINK_SECONDS == 600  # OWASP ASVS 5 6.5.5
    with Web(daemon, faster={"web.serving.LINK_SECONDS": 0}) as late:
        answer = late.browser().get(late.link)
        assert answer.status == 403
        assert "within 10 minutes. Run zaiond-ctl web again" in answer.text
        assert late.process.poll() is None, "it ends after 30 minutes without use"


def test_a_browser_that_only_looks_ahead_does_not_use_the_link_up(web: Web) -> None:
    assert web.browser().get(web.link, Sec_Purpose="prefetch;prerender").status == 503
    assert web.inside().page.status == 200


def test_without_a_daemon_a_page_says_so_and_shows_it_when_it_is_back(web: Web) -> None:
    browser = web.inside()
    web.daemon.stop()
    page = browser.get("/status")
    assert page.status == 503
    assert "systemctl start zaiond" in page.text
    assert 'data-live="5"' in page.text
    web.daemon.start()
    assert browser.get("/status").status == 200


def test_a_name_and_its_password_let_in_and_lead_to_the_page_that_was_asked_for(
    used: Web,
) -> None:
    browser = used.browser()
    answer = browser.log_in(to="/status?a=1")
    assert answer.status == 200
    assert answer.url == f"{used.base}/status?a=1"
    used.logged(f"{NAME} logged in (127.0.0.1)")


def test_the_login_leads_nowhere_else(used: Web) -> None:
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        browser = used.browser()
        browser.get("/login")
        fields = {"name": NAME, "password": PASSWORD, "next": elsewhere}
        assert browser.post("/login", fields).url == f"{used.base}/status"


def test_who_has_logged_out_is_out_and_the_token_of_then_is_of_no_use(used: Web) -> None:
    browser = used.browser()
    assert browser.log_in().status == 200
    cookies = dict(browser.cookies)
    assert browser.post("/logout").url == f"{used.base}/login"
    browser.cookies = cookies
    assert browser.get("/status").url.endswith("/login?next=%2Fstatus")
    used.logged(f"{NAME} (127.0.0.1): logged out")


def test_another_password_ends_the_sessions_that_began_by_the_one_before(service: Web) -> None:
    browser = service.inside()
    assert browser.get("/status").url == f"{service.base}/status"
    service.daemon.ctl("web", "password", NAME, given="another passphrase\n")
    assert "/login" in browser.get("/status").url
    assert browser.log_in().status == 403
    assert browser.log_in(password="another passphrase").status == 200
    assert service.daemon.ctl("web", "remove", NAME).returncode == 0
    assert "/login" in browser.get("/status").url


def test_a_session_outlives_the_process_which_ends_when_idle(service: Web) -> None:
    browser = service.inside()
    assert service.stop() == 0
    service.start()
    assert browser.get("/status").url == f"{service.base}/status"
    (token,) = browser.cookies.values()
    kept = (service.daemon.state / "web/sessions.json").read_text()
    assert NAME in kept
    assert token not in kept


def test_ten_wrong_passwords_are_a_wait_for_the_right_one_too_and_after_a_restart(
    service: Web,
) -> None:
    service.inside()
    browser = service.browser()
    for _ in range(FREE):
        assert browser.log_in(password="wrong password").status == 403
    answer = browser.log_in()
    assert answer.status == 429
    assert "Try again in 1 min" in answer.text
    assert 0 < int(answer.headers["retry-after"]) <= 60
    service.stop()
    service.start()
    assert browser.log_in().status == 429
    service.logged(f"the login of {NAME} was refused (127.0.0.1)")


def test_ten_names_tried_from_one_address_are_a_wait_for_it(service: Web) -> None:
    service.inside()
    browser = service.browser()
    for number in range(FREE):
        answer = browser.log_in(name=f"name{number}", password="wrong password")
        assert answer.status == 403
        assert "The name or the password is wrong." in answer.text  # which of them, is not said
    assert browser.log_in().status == 429


def test_what_is_kept_of_sessions_and_wrong_passwords_is_for_its_user_alone(service: Web) -> None:
    service.inside()
    service.browser().log_in(password="wrong password")
    kept = service.daemon.state / "web"
    for file in ("sessions.json", "attempts.json"):
        assert stat.S_IMODE((kept / file).stat().st_mode) == 0o600, file


def test_a_password_typed_as_the_name_is_nowhere_afterwards(service: Web) -> None:
    service.inside()
    assert service.browser().log_in(name="hush-hush-0123", password="yamada yamada").status == 403
    service.logged("the login of an unknown name was refused (127.0.0.1)")
    service.stop()
    written = [path for path in service.daemon.directory.rglob("*") if path.is_file()]
    for path in written:
        content = path.read_bytes()
        assert b"hush-hush-0123" not in content, path
        assert PASSWORD.encode() not in content, path


def test_without_a_session_there_is_only_the_login_and_what_has_a_token(used: Web) -> None:
    browser = used.browser()
    for route in ROUTES:
        path = re.sub(r"{\w+(:\w+)?}", "x", route.path)
        if path.startswith(("/login", "/once/", "/static/", "/metrics", "/v1/")):
            continue
        for method in ("GET", "POST", "PUT", "DELETE", "HEAD"):
            answer = browser.send(method, path, b"" if method == "POST" else None, FORM)
            if method in ("GET", "HEAD"):
                assert answer.status == 303, (method, path)
                assert answer.headers["location"].startswith("/login?next=%2F")
            else:
                assert answer.status == 403, (method, path)
    assert browser.send("GET", "/no-such-page").status == 303  # nor what there is


HOSTS = {
    "127.0.0.1": 200,
    "localhost:9000": 200,  # ssh -L 9000:127.0.0.1:8025
    "[::1]:8025": 200,
    "192.0.2.1": 200,
    "evil.example": 400,
    "evil.example:8025": 400,
    "127.0.0.1.evil.example": 400,
    "localhost.evil.example": 400,
    "": 400,
    "a@localhost": 400,
    "localhost:x": 400,
    "localhost, evil.example": 400,
}


def test_a_host_that_is_not_ours_gets_nothing(browser: Browser) -> None:
    got = {host: browser.send("GET", "/status", headers={"Host": host}) for host in HOSTS}
    assert {host: answer.status for host, answer in got.items()} == HOSTS
    for answer in got.values():
        assert ("All is well" in answer.text) == (answer.status == 200)


# What a browser says of a form, whether the form has its secret, and what becomes of it.
FORMS: list[tuple[dict[str, str], bool, int]] = [
    ({}, True, 303),
    ({"Origin": "BASE"}, True, 303),
    ({"Origin": "BASE", "Sec-Fetch-Site": "same-origin"}, True, 303),
    ({}, False, 403),
    ({"Origin": "BASE"}, False, 403),
    ({"Origin": "https://evil.example"}, True, 403),
    ({"Origin": "null"}, True, 403),
    ({"Origin": "http://localhost"}, True, 403),
    ({"Sec-Fetch-Site": "cross-site"}, True, 403),
    ({"Sec-Fetch-Site": "same-site"}, True, 403),
    ({"Content-Type": "text/plain"}, True, 415),
    ({"Content-Type": "multipart/form-data; boundary=x"}, True, 415),
]


def test_a_form_counts_only_if_it_was_on_a_page_of_ours(used: Web, browser: Browser) -> None:
    csrf = browser.csrf
    for headers, has_secret, status in FORMS:
        given = FORM | {name: value.replace("BASE", used.base) for name, value in headers.items()}
        body = urlencode({"csrf": csrf if has_secret else "0" * 64}).encode()
        answer = browser.send("POST", "/status/ack", body, given)
        assert answer.status == status, (headers, has_secret, answer.text)


def test_a_form_of_another_session_does_not_count(used: Web, browser: Browser) -> None:
    other = used.browser()
    other.log_in()
    body = urlencode({"csrf": other.csrf}).encode()
    assert other.csrf != browser.csrf
    assert browser.send("POST", "/status/ack", body, FORM).status == 403


def test_what_is_too_large_or_no_form_is_refused(browser: Browser) -> None:
    csrf = browser.csrf.encode()
    large = b"csrf=" + csrf + b"&a=" + b"x" * 1024 * 1024
    assert browser.send("POST", "/status/ack", large, FORM).status == 413
    assert browser.send("POST", "/status/ack", b"csrf=%ff", FORM).status == 400
    many = b"csrf=" + csrf + b"&a=1" * 3000
    assert browser.send("POST", "/status/ack", many, FORM).status == 400


def test_every_answer_has_the_headers_that_keep_it_to_itself(used: Web, browser: Browser) -> None:
    for answer in (
        browser.send("GET", "/status"),
        browser.send("GET", "/no-such-page"),
        browser.send("DELETE", "/status"),
        used.browser().send("GET", "/login"),
        used.browser().send("GET", "/status"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
    cookie = used.browser().send("GET", "/login").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_a_live_request_does_not_make_a_session_last(service: Web) -> None:
    browser = service.inside()
    kept = service.daemon.state / "web/sessions.json"
    service.stop()
    (session,) = json.loads(kept.read_text()).values()
    used = time.time() - 29 * 60
    kept.write_text(json.dumps({_only(kept): session | {"used": used}}))
    service.start()
    assert browser.send("GET", "/status", headers={"X-Live": "1"}).status == 200
    service.stop()
    (session,) = json.loads(kept.read_text()).values()
    assert session["used"] == used
    service.start()
    assert browser.send("GET", "/status").status == 200
    service.stop()
    (session,) = json.loads(kept.read_text()).values()
    assert session["used"] > used


def test_a_session_ends_after_a_while_and_when_the_clock_is_set_back(service: Web) -> None:
    browser = service.inside()
    kept = service.daemon.state / "web/sessions.json"
    service.stop()
    whole = kept.read_text()
    (session,) = json.loads(whole).values()
    for over in ({"used": 31 * 60}, {"began": 12 * 3600 + 1}, {"began": -3600}, {}):
        past = {name: time.time() - ago for name, ago in over.items()}
        kept.write_text(json.dumps({_only(kept): session | past}))
        service.start()
        assert browser.send("GET", "/status").status == (303 if over else 200), over
        service.stop()
        kept.write_text(whole)


def _only(path: Path) -> str:
    (name,) = json.loads(path.read_text())
    return str(name)


def test_accounts_are_for_their_owner_alone_and_hold_no_password(daemon: Daemon) -> None:
    assert daemon.ctl("web", "password", NAME, given=f"{PASSWORD}\n").returncode == 0
    file = daemon.state / "web/accounts.json"
    assert stat.S_IMODE(file.stat().st_mode) & 0o007 == 0
    token = daemon.ctl("web", "token", "prometheus", "--metrics").stdout.strip()
    assert len(token) >= 43
    content = file.read_text()
    assert token not in content
    assert PASSWORD not in content
    listed = daemon.ctl("web", "list", "--json").stdout
    assert token not in listed
    assert [(one["name"], one["use"]) for one in json.loads(listed)["accounts"]] == [
        ("prometheus", "metrics"),
        (NAME, "password"),
    ]


def test_the_password_is_asked_for_twice_at_a_terminal_and_not_shown(daemon: Daemon) -> None:
    command: list[str | Path] = [PROGRAMS / "zaiond-ctl", *daemon.options, "web", "password", NAME]
    with Terminal(command, daemon.environment) as terminal:
        terminal.expect("New password of yamada: ")
        assert not terminal.echoes
        terminal.enter(PASSWORD)
        terminal.expect("The same again: ")
        terminal.enter("something else")
        terminal.expect("not the same: nothing was changed")
        assert terminal.ended() == 1
    assert not (daemon.state / "web/accounts.json").exists()
    with Terminal(command, daemon.environment) as terminal:
        for prompt in ("New password", "again: "):
            terminal.expect(prompt)
            terminal.enter(PASSWORD)
        terminal.expect("is set")
        assert terminal.ended() == 0
        assert PASSWORD not in terminal.screen


REFUSED_PASSWORDS = {
    "1234567": "8 characters at least",
    "": "no password",
    "qwertyuiop": "tried first",
    "Password1": "tried first",
    "yamada2026": "made of the name",
    "x" * 1001: "at most",
}


def test_a_password_that_is_guessed_first_is_refused(daemon: Daemon) -> None:
    for password, why in REFUSED_PASSWORDS.items():
        done = daemon.ctl("web", "password", NAME, given=f"{password}\n")
        assert done.returncode == 1
        assert why in done.stderr
    assert not (daemon.state / "web/accounts.json").exists()


def test_a_damaged_file_of_accounts_lets_nobody_in_and_is_told(service: Web) -> None:
    service.inside()
    file = service.daemon.state / "web/accounts.json"
    file.write_text("{")
    page = service.browser().get("/login")
    assert "is damaged: delete it" in page.text
    assert service.daemon.ctl("web", "list").returncode == 1
    file.unlink()
    assert "zaiond-ctl web password NAME" in service.browser().get("/login").text


def test_what_is_done_is_recorded_by_who_did_it(used: Web, browser: Browser) -> None:
    daemon = used.daemon
    assert "Acknowledge all so far" not in browser.page.text
    daemon.emit({"type": "bad type <script>"})
    page = browser.get("/status").text
    assert "This needs a look" not in page  # in words of the page's own
    assert "What needs a look" in page
    assert "<script>" not in page.replace('<script src="', "")
    assert "Acknowledge all so far" in page
    assert "Acknowledged: 1" in browser.post("/status/ack").text
    assert "All is well" in browser.page.text
    assert "Acknowledged: 1" not in browser.get("/status").text
    used.logged(f"{NAME} (127.0.0.1): Acknowledged: 1")
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(daemon.runtime / "control.sock"))
        request = {"command": "silence.add", "seconds": 60, "comment": "x", "by": "a\u202eb"}
        request["matchers"] = ["type=nothing"]
        peer.sendall(json.dumps(request).encode() + b"\n")
        reply = json.loads(peer.makefile().readline())
    (silence,) = reply["result"]["silences"]
    assert silence["user"] == "a\\u202eb (zaiond-web)"  # this test is root


def test_what_is_deleted_on_a_page_was_deleted_by_its_user(used: Web, browser: Browser) -> None:
    daemon = used.daemon
    for id_ in ("by page", "by hand"):
        daemon.emit({"id": id_, "type": "t"})
    daemon.becomes(lambda queue: queue["total"] == 2, "queue", "list")
    page = Html(browser.get("/history/by%20page").text)
    fields = {name: page.field(name)["value"] for name in ("mail", "back")}
    answer = browser.post("/queue/delete", {**fields, "sure": "1"})
    assert f"deleted by {NAME} (zaiond-web)" in Html(answer.text).text
    assert daemon.ctl("queue", "delete", "by hand").returncode == 0
    (told,) = daemon.document("history", "by hand")["events"]
    assert told["reason"] == told["deliveries"][0]["reason"] == "deleted by root"
    assert told["deliveries"][0]["reply"] != "root", "that is what a server says"
    assert f"{NAME} (zaiond-web): deleted from the queue: 1 (by page)" in daemon.printed()
    assert "root: deleted from the queue: 1 (by hand)" in daemon.printed()


def test_the_daemons_sentences_are_in_the_language_of_the_browser(
    used: Web, browser: Browser
) -> None:
    browser.headers["Accept-Language"] = "ja"
    used.daemon.emit({"type": "bad type"})
    page = browser.get("/status").text
    assert "受け付けなかった" in page
    assert "events refused" not in page
    browser.headers["Accept-Language"] = "en"
    assert "events refused" in browser.get("/status").text
    assert "events refused" in used.daemon.ctl("status").stdout, "its own is as it was"
    browser.post("/status/ack")  # no other test sees it


def test_the_link_says_what_to_do_and_ctrl_c_ends_it(daemon: Daemon) -> None:
    command: list[str | Path] = [PROGRAMS / "zaiond-ctl", *daemon.options, "web"]
    with Terminal(command, daemon.environment) as terminal:
        terminal.expect("Open this link in a browser (it works once, within 10 minutes)")
        terminal.expect("http://127.0.0.1:")
        terminal.expect("Ctrl-C ends it now")
        terminal.enter(b"\x03")
        assert terminal.ended() == 0
        assert "Traceback" not in terminal.screen


def test_without_its_libraries_it_says_how_to_install_them(daemon: Daemon) -> None:
    program = (
        "import sys; sys.modules['uvicorn'] = None; sys.argv = ['zaiond-web'];"
        "from zaiond.web.main import main; main()"
    )
    done = subprocess.run(
        [PROGRAMS / "python", "-c", program],
        capture_output=True,
        text=True,
        env={**daemon.environment, "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 69
    assert "package zaiond-web" in done.stderr
    assert "-m pip install 'zaiond[web]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_daemon_and_zaiond_ctl_load_none_of_it(daemon: Daemon) -> None:
    maps = Path(f"/proc/{daemon.process.pid}/maps").read_text()
    assert "starlette" not in maps
    done = subprocess.run(
        [PROGRAMS / "python", "-c", _LOADED], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


_LOADED = """
import sys
from zaiond.ctl import commandline
for group in commandline.GROUPS:
    commandline.module(group)
import zaiond.daemon.app, zaiond.daemon.main, zaiond.daemon.commands
print(*(name for name in ("starlette", "uvicorn", "prometheus_client", "zaiond.web", "h11")
        if name in sys.modules))
"""
