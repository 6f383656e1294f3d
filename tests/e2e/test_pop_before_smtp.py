"""POP before SMTP against a real Dovecot that opens a real Postfix."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.e2e.conftest import MakeDaemon, MakePostfix
from tests.support.daemon import Daemon
from tests.support.popper import Popper
from tests.support.sink import Sink

TO = "test@example.co.jp"
USER, PASSWORD = "zaion", "ひみつ p@ss"

MakePopper = Callable[..., Popper]

# How POP is spoken, the mechanisms of the server, whether the password may cross unprotected.
WAYS = {
    "POP3": ("none", "plain", True),
    "APOP": ("none", "plain apop", False),
    "STLS": ("starttls", "plain", False),
    "STLS and APOP": ("starttls", "plain apop", False),
    "POP3S": ("tls", "plain", False),
}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs the server's certificate."""
    return trustme.CA()


@pytest.fixture
def make_popper(directory: Path, authority: trustme.CA) -> Iterator[MakePopper]:
    """Makes a running Dovecot."""
    made: list[Popper] = []

    def make(mechanisms: str = "plain") -> Popper:
        path = directory / f"dovecot{len(made)}"
        made.append(Popper(path, USER, PASSWORD, authority, mechanisms))
        made[-1].start()
        return made[-1]

    yield make
    for popper in made:
        popper.stop()


def login(
    daemon_directory: Path, authority: trustme.CA, popper: Popper, way: str
) -> dict[str, Any]:
    """What of `mail_server` says how to log in, with the password in a file."""
    security, _, allow = WAYS[way]
    ca_file = daemon_directory / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return {
        "ca_file": str(ca_file),
        "auth": {
            "username": USER,
            "password_file": "pop-password",
            "allow_unprotected_password": allow,
        },
        "pop_before_smtp": {
            "enabled": True,
            "port": popper.tls_port if security == "tls" else popper.port,
            "security": security,
        },
    }


def set_password(daemon: Daemon, password: str) -> None:
    """Writes the file that the configuration names."""
    path = daemon.config.parent / "pop-password"
    path.touch(0o600)
    path.write_text(password + "\n", encoding="utf-8")


@pytest.mark.parametrize("mechanisms", ["plain", "plain apop"])
def test_a_login_by_pop_opens_the_way_for_mail_and_a_wrong_password_does_not(
    make_daemon: MakeDaemon,
    make_postfix: MakePostfix,
    make_popper: MakePopper,
    authority: trustme.CA,
    directory: Path,
    sink: Sink,
    mechanisms: str,
) -> None:
    popper = make_popper(mechanisms)
    postfix = make_postfix(**popper.restrictions)
    ways = [way for way, (_, offered, _) in WAYS.items() if offered == mechanisms]
    for number, way in enumerate(ways, 1):
        given = login(directory, authority, popper, way)
        daemon = make_daemon(postfix.port, mail_server=given)
        popper.forget()

        set_password(daemon, "wrong")
        done = daemon.ctl("test", TO)
        port = given["pop_before_smtp"]["port"]
        assert done.stdout.splitlines()[0] == (
            f"[Error] 送信エラー POP login failed 0 localhost:{port} {TO} zaionnex"
        )
        assert done.returncode == 1
        assert len(popper.logins) == len(postfix.accepted()) == number - 1

        set_password(daemon, PASSWORD)
        document = daemon.document("test", TO)
        (result,) = document["results"]
        assert result["ok"], (result, popper.log())
        assert popper.logins == [f"{USER} from 127.0.0.1"] * number
        assert sink.wait(number)[-1].recipients == (TO,)
        step = result["steps"][0]
        method = "APOP" if "APOP" in way else "USER/PASS"
        assert (step["step"], step["ok"]) == ("pop", True)
        assert step["detail"].startswith(f"{method} (")
        assert ("TLSv1.3" in step["detail"]) is (WAYS[way][0] != "none")
        assert PASSWORD not in repr(document)


def test_without_a_login_by_pop_the_server_takes_no_mail(
    make_daemon: MakeDaemon, make_postfix: MakePostfix, make_popper: MakePopper
) -> None:
    postfix = make_postfix(**make_popper().restrictions)
    done = make_daemon(postfix.port).ctl("test", TO)
    assert done.stdout.splitlines()[0] == (
        f"[Error] 送信エラー Recipient refused 554 localhost:{postfix.port} {TO} zaionnex"
    )


def test_a_password_crosses_no_unprotected_connection(
    make_daemon: MakeDaemon,
    make_postfix: MakePostfix,
    make_popper: MakePopper,
    authority: trustme.CA,
    directory: Path,
) -> None:
    popper = make_popper("plain")
    postfix = make_postfix(**popper.restrictions)
    given = login(directory, authority, popper, "APOP")  # which this server hasn't
    daemon = make_daemon(postfix.port, mail_server=given)
    set_password(daemon, PASSWORD)
    done = daemon.ctl("test", TO)
    assert done.stdout.startswith(
        f"[Error] 送信エラー POP login failed 0 localhost:{popper.port} {TO} zaionnex\n"
    )
    assert "allow_unprotected_password" in done.stdout
    assert f"user=<{USER}>" not in popper.log()


def test_what_the_server_forgets_is_logged_in_to_again_and_no_mail_fails(
    make_daemon: MakeDaemon,
    make_postfix: MakePostfix,
    make_popper: MakePopper,
    authority: trustme.CA,
    directory: Path,
    sink: Sink,
) -> None:
    popper = make_popper("plain")
    postfix = make_postfix(**popper.restrictions)
    given = login(directory, authority, popper, "POP3S")
    daemon = make_daemon(postfix.port, mail_server={**given, "keep_idle": "0s"})
    set_password(daemon, PASSWORD)
    with daemon:
        for number in range(3):
            daemon.emit(*({"type": "a.b", "id": f"{number}-{n}"} for n in range(20)))
            sink.wait(20 * (number + 1))
            popper.forget()
        status = daemon.document("status")
    assert status["queue"] == {**status["queue"], "held": 0, "failed": 0, "waiting": 0}
    arrived = sorted(id_ for mail in sink.mails for id_ in mail.event_ids)
    assert arrived == sorted(f"{number}-{n}" for number in range(3) for n in range(20))
    assert popper.logins == [f"{USER} from 127.0.0.1"] * 3


def test_a_wrong_password_holds_the_queue_and_the_right_one_lets_it_go(
    make_daemon: MakeDaemon,
    make_postfix: MakePostfix,
    make_popper: MakePopper,
    authority: trustme.CA,
    directory: Path,
    sink: Sink,
) -> None:
    popper = make_popper("plain")
    postfix = make_postfix(**popper.restrictions)
    daemon = make_daemon(postfix.port, mail_server=login(directory, authority, popper, "STLS"))
    set_password(daemon, "wrong")
    with daemon:
        daemon.emit({"type": "disk.full", "id": "e1"})
        status = daemon.becomes(lambda status: status["queue"]["held"] >= 1, "status")
        assert status["ok"] is False
        set_password(daemon, PASSWORD)
        daemon.becomes(lambda status: status["queue"]["held"] == 0, "status")
        assert sink.wait(1)[0].event_ids == ("e1",)
