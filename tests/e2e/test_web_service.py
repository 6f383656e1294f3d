"""zaiond-web under systemd as PID 1: started by its socket, gone when idle, and who it is."""

import json
from collections.abc import Iterator

import pytest

from tests.support.container import Container
from tests.support.installed import Service, installed
from tests.support.web import NAME, PASSWORD, Browser

pytestmark = pytest.mark.xdist_group("systemd-web")  # they share one container

UNIT = "zaiond-web.service"
PORT = 8025


@pytest.fixture(scope="module")
def machine() -> Iterator[Container]:
    """A booted system with zaiond installed and running, and the page's socket."""
    with installed() as container:
        Service(container).start_afresh()
        container.run("systemctl", "enable", "--now", "zaiond-web.socket")
        yield container


def browser(machine: Container) -> Browser:
    return Browser(f"http://127.0.0.1:{PORT}", connect=lambda: machine.connected(PORT))


def log(machine: Container) -> str:
    return machine.run("journalctl", "-u", UNIT, "-o", "cat").stdout


def test_it_runs_from_the_first_request_to_a_minute_after_the_last(machine: Container) -> None:
    assert machine.show(UNIT, "ActiveState") == "inactive"
    machine.run("zaiond-ctl", "web", "password", NAME, given=f"{PASSWORD}\n")
    visitor = browser(machine)
    assert visitor.log_in().status == 200, log(machine)
    assert "The page" not in visitor.page.text
    assert machine.show(UNIT, "ActiveState") == "active"
    assert f"{NAME} logged in (127.0.0.1)" in log(machine)
    machine.until(lambda: machine.show(UNIT, "ActiveState") == "inactive", "it runs on", timeout=90)
    assert machine.show(UNIT, "Result") == "success"
    assert machine.show("zaiond-web.socket", "ActiveState") == "active"
    assert visitor.get("/status").url.endswith("/status"), "the session is still there"


def test_it_asks_the_daemon_in_its_visitors_name_and_reads_no_secret(machine: Container) -> None:
    machine.run("zaiond-ctl", "web", "password", NAME, given=f"{PASSWORD}\n")
    assert browser(machine).log_in().status == 200
    pid = machine.show(UNIT, "MainPID")
    status = machine.run("cat", f"/proc/{pid}/status").stdout
    groups = machine.run("id", "-Gn", "zaiond-web").stdout
    assert "zaiond" not in groups.split()
    assert "CapEff:\t0000000000000000" in status
    for secret in ("/etc/zaiond/zaiond.yaml", "/var/lib/zaiond/queue.db"):
        reading = machine.run("cat", secret, user="zaiond-web", check=False)
        assert reading.returncode != 0
    kept = machine.run("stat", "-c", "%U:%G %a", "/var/lib/zaiond-web/accounts.json").stdout
    assert kept == "root:zaiond-web 640\n"
    program = (
        "import json,socket;s=socket.socket(socket.AF_UNIX);s.connect('/run/zaiond/control.sock');"
        "s.sendall(json.dumps({'command':'silence.add','seconds':60,'comment':'x','by':'yamada'})"
        ".encode()+b'\\n');print(s.makefile().readline())"
    )
    # As the service: its user, and the groups that the unit gives it.
    asked = machine.run(
        *("setpriv", "--reuid=zaiond-web", "--regid=zaiond-web", "--groups=zaiond-admin"),
        *("python3", "-c", program),
    )
    (silence,) = json.loads(asked.stdout)["result"]["silences"]
    assert silence["user"] == "yamada (zaiond-web)"
    # Whoever else is in the group can't pretend to be one of its visitors.
    machine.run("useradd", "--groups=zaiond-admin", "daiki")
    asked = machine.run("python3", "-c", program, user="daiki")
    (silence,) = json.loads(asked.stdout)["result"]["silences"]
    assert silence["user"] == "daiki"


def test_a_password_is_changed_by_root_for_who_shows_the_present_one(machine: Container) -> None:
    machine.run("zaiond-ctl", "web", "password", "suzuki", given=f"{PASSWORD}\n")
    visitor, new = browser(machine), "another horse battery"
    assert visitor.log_in("suzuki").status == 200
    visitor.get("/account")
    wanted = {"present": PASSWORD, "new": new, "again": new}
    assert visitor.post("/account/password", {**wanted, "present": "guessed"}).status == 403
    answer = visitor.post("/account/password", wanted)
    assert "Password changed" in answer.text, log(machine)
    assert browser(machine).log_in("suzuki").status == 403
    assert browser(machine).log_in("suzuki", new).status == 200
    kept = machine.run("stat", "-c", "%U:%G %a", "/var/lib/zaiond-web/accounts.json").stdout
    assert kept == "root:zaiond-web 640\n"
    # Nor is it changed for who asks root himself, in the name of zaiond-web, and does not know it.
    program = (
        "import json,socket;s=socket.socket(socket.AF_UNIX);"
        "s.connect('/run/zaiond-web/settings.sock');"
        "s.sendall(json.dumps({'do':'password','name':'suzuki','present':'guessed',"
        "'new':'a third horse'}).encode()+b'\\n');print(s.makefile().readline())"
    )
    asked = machine.run("python3", "-c", program, user="zaiond-web")
    assert json.loads(asked.stdout)["code"] == "wrong"
