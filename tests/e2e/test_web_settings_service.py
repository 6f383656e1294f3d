"""The settings page under systemd: who may use the program behind it, and what that may."""

from collections.abc import Iterator

import pytest

from tests.support.container import Container
from tests.support.html import Html
from tests.support.installed import CONFIG, MEMBER, PORT, Service, configuration, installed
from tests.support.sink import Sink
from tests.support.web import NAME, PASSWORD, Browser

pytestmark = pytest.mark.xdist_group("systemd-web")

SOCKET = "/run/zaiond-web/settings.sock"
SECRET = "hush-hush-0123"
LOGIN = {
    "mail_server.auth.mechanism": "cram-md5",
    "mail_server.auth.username": "zaion",
    "mail_server.auth.password": SECRET,
}


@pytest.fixture(scope="module")
def machine() -> Iterator[Container]:
    """A booted system with zaiond installed and running, and the page's sockets."""
    with installed() as container:
        Service(container).start_afresh()
        sockets = ("zaiond-web.socket", "zaiond-web-settings.socket")
        container.run("systemctl", "enable", "--now", *sockets)
        container.run("zaiond-ctl", "web", "password", NAME, given=f"{PASSWORD}\n")
        yield container


@pytest.fixture
def browser(machine: Container) -> Browser:
    """One that has come in, before a daemon that has no past."""
    Service(machine).start_afresh()
    made = Browser("http://127.0.0.1:8025", connect=lambda: machine.connected(8025))
    assert made.log_in().status == 200
    return made


def post(browser: Browser, machine: Container, to: str = "/settings", **fields: str) -> Html:
    """The answer to the form as it is shown, with these fields changed."""
    shown = browser.get("/settings")
    assert shown.status == 200, journal(machine)
    answer = browser.post(to, {**Html(shown.text).form(), **fields})
    assert answer.status == 200, journal(machine)
    return Html(answer.text)


def journal(machine: Container) -> str:
    return machine.run("journalctl", "-u", "zaiond-web*", "-o", "cat").stdout


def owner(machine: Container, path: str) -> str:
    return machine.run("stat", "-c", "%U:%G %a", path).stdout.strip()


def test_what_the_page_changes_is_roots_and_the_daemon_has_taken_it(
    browser: Browser, machine: Container
) -> None:
    page = post(browser, machine, sender="page@example.co.jp", **LOGIN)
    assert "The running zaiond has taken it" in page.text, page.text
    assert owner(machine, CONFIG) == "root:zaiond 640"
    assert owner(machine, "/etc/zaiond/smtp-password") == "root:zaiond 640"
    in_force = machine.document("config", "show")["settings"]
    assert ("sender", "page@example.co.jp") in {(one["key"], one["value"]) for one in in_force}
    assert machine.run("zaiond-ctl", "check").returncode == 0
    assert SECRET not in journal(machine)
    assert "0 loaded units listed" in machine.run("systemctl", "--failed").stdout


def test_a_secret_that_is_the_daemons_own_is_changed_and_stays_so(
    browser: Browser, machine: Container
) -> None:
    kept = "/etc/zaiond/smtp-password"
    machine.run("sh", "-c", f"echo old >{kept}; chown zaiond:zaiond {kept}; chmod 600 {kept}")
    login = {"mechanism": "cram-md5", "username": "zaion", "password_file": "smtp-password"}
    server = {"host": "127.0.0.1", "port": PORT, "auth": login}
    machine.path(CONFIG).write_text(configuration(mail_server=server))
    post(browser, machine, **{"mail_server.auth.password": SECRET})
    assert machine.run("cat", kept).stdout == f"{SECRET}\n"
    assert owner(machine, kept) == "zaiond:zaiond 600"


def test_the_test_goes_out_from_there(browser: Browser, machine: Container) -> None:
    with Sink(listener=machine.listener(PORT)) as sink:
        page = post(browser, machine, "/settings/test", addresses="t@example.co.jp")
        assert "Sent successfully" in page.by_id("result")["text"], journal(machine)
        assert sink.wait(1)[0].recipients == ("t@example.co.jp",)


def test_a_credential_of_the_daemons_is_known_and_locked(
    browser: Browser, machine: Container
) -> None:
    machine.run("sh", "-c", f"echo {SECRET} >/etc/zaiond/credential-password")
    service = Service(machine)
    drop_in = "LoadCredential=smtp:/etc/zaiond/credential-password"
    service.set_up(f"[Service]\n{drop_in}\n")
    login = {"mechanism": "cram-md5", "username": "zaion", "password_credential": "smtp"}
    server = {"host": "127.0.0.1", "port": PORT, "auth": login}
    machine.path(CONFIG).write_text(configuration(mail_server=server))
    shown = Html(browser.get("/settings").text)
    assert "readonly" in shown.field("mail_server.auth.password")
    assert "Warning:" not in shown.said("mail_server.auth.password"), "it can be read"
    page = post(browser, machine, sender="page@example.co.jp")
    assert page.field("sender")["value"] == "page@example.co.jp"


@pytest.mark.parametrize(
    ("user", "may"), [("zaiond-web", True), (MEMBER, False), ("zaiond", False)]
)
def test_nobody_else_may_use_it(machine: Container, user: str, may: bool) -> None:
    program = (
        f"import socket;s=socket.socket(socket.AF_UNIX);s.connect({SOCKET!r});"
        's.sendall(b\'{"do":"show"}\\n\');print(s.makefile().readline())'
    )
    done = machine.run("python3", "-c", program, user=user, check=False)
    if may:
        assert '"ok":true' in done.stdout
    else:
        assert "PermissionError" in done.stderr
    assert owner(machine, SOCKET) == "root:zaiond-web 660"


def test_systemd_finds_nothing_wrong_with_its_units(machine: Container) -> None:
    units = ("zaiond-web-settings.socket", "zaiond-web-settings@.service")
    done = machine.run("systemd-analyze", "verify", "--man=no", *units, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
