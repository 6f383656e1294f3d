"""TLS and passwords against a real Postfix and Dovecot."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.e2e.conftest import MakeDaemon, MakePostfix
from tests.support.postfix import Dovecot
from tests.support.sink import Sink

TO = "test@example.co.jp"
SENT = "正常に送信されました\n"
PASSWORD = "ひみつ p@ss"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs the server's certificate."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, directory: Path) -> str:
    """What the administrator has of the authority."""
    path = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def tls(authority: trustme.CA, directory: Path) -> dict[str, str]:
    """Postfix's settings for STARTTLS as `localhost`."""
    path = directory / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(path))
    path.chmod(0o600)
    return {"smtpd_tls_security_level": "may", "smtpd_tls_chain_files": str(path)}


@pytest.fixture
def dovecot(directory: Path) -> Iterator[Dovecot]:
    """Knows the user `zaion`."""
    running = Dovecot(directory / "dovecot", [("zaion", PASSWORD)])
    running.start()
    yield running
    running.stop()


def sasl(dovecot: Dovecot) -> dict[str, str]:
    """Postfix's settings for passwords, which it then demands."""
    return {
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": str(dovecot.path),
        "smtpd_tls_auth_only": "no",
        "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
    }


@pytest.mark.parametrize(
    ("security", "settings", "with_ca"),
    [
        ("starttls", {}, True),
        ("tls", {"smtpd_tls_wrappermode": "yes"}, True),
        ("opportunistic", {"smtpd_tls_security_level": "encrypt"}, True),
        ("opportunistic", {"smtpd_tls_security_level": "encrypt"}, False),
    ],
)
def test_mail_goes_through_tls(
    make_daemon: MakeDaemon,
    make_postfix: MakePostfix,
    tls: dict[str, str],
    ca_file: str,
    sink: Sink,
    security: str,
    settings: dict[str, str],
    with_ca: bool,
) -> None:
    postfix = make_postfix(**{**tls, **settings, "smtpd_tls_loglevel": "1"})
    server = {"security": security, "ca_file": ca_file if with_ca else None}
    done = make_daemon(postfix.port, mail_server=server).ctl("test", TO)
    assert done.stdout == SENT
    assert sink.wait(1)[0].recipients == (TO,)
    assert "TLSv1.3" in postfix.log()


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ({"security": "starttls"}, "Cant start TLS 0"),  # signed by nobody we know
        ({"security": "starttls", "host": "127.0.0.1", "ca_file": True}, "Cant start TLS 0"),
    ],
)
def test_a_certificate_that_is_not_the_servers_is_refused(
    make_daemon: MakeDaemon,
    make_postfix: MakePostfix,
    tls: dict[str, str],
    ca_file: str,
    server: dict[str, object],
    reason: str,
) -> None:
    postfix = make_postfix(**tls)
    if server.get("ca_file"):
        server = {**server, "ca_file": ca_file}
    done = make_daemon(postfix.port, mail_server=server).ctl("test", TO)
    host = server.get("host", "localhost")
    assert done.stdout.splitlines()[0] == (
        f"[Error] 送信エラー {reason} {host}:{postfix.port} {TO} zaionnex"
    )
    assert done.returncode == 1


def test_a_server_without_starttls_is_refused_where_it_is_demanded(
    make_daemon: MakeDaemon, make_postfix: MakePostfix
) -> None:
    postfix = make_postfix()
    done = make_daemon(postfix.port, mail_server={"security": "starttls"}).ctl("test", TO)
    assert done.stdout.splitlines()[0] == (
        f"[Error] 送信エラー Cant start TLS 0 localhost:{postfix.port} {TO} zaionnex"
    )


@pytest.mark.parametrize("filter_mechanisms", ["plain, login", "login"])
def test_basic_authentication_is_plain_or_login(
    make_daemon: MakeDaemon,
    make_postfix: MakePostfix,
    tls: dict[str, str],
    ca_file: str,
    dovecot: Dovecot,
    sink: Sink,
    filter_mechanisms: str,
) -> None:
    offered = {"smtpd_sasl_mechanism_filter": filter_mechanisms}
    postfix = make_postfix(**tls, **sasl(dovecot), **offered)
    daemon = make_daemon(
        postfix.port,
        mail_server={
            "security": "starttls",
            "ca_file": ca_file,
            "auth": {"mechanism": "basic", "username": "zaion", "password_file": "smtp-password"},
        },
    )
    password = daemon.config.parent / "smtp-password"
    password.touch(0o600)
    password.write_text(PASSWORD + "\n", encoding="utf-8")
    assert daemon.ctl("test", TO).stdout == SENT
    used = "LOGIN" if filter_mechanisms == "login" else "PLAIN"
    assert f"sasl_method={used}, sasl_username=zaion" in postfix.log()


def test_a_password_crosses_no_unprotected_connection(
    make_daemon: MakeDaemon, make_postfix: MakePostfix, dovecot: Dovecot
) -> None:
    postfix = make_postfix(**sasl(dovecot))
    auth = {"mechanism": "basic", "username": "zaion", "password": PASSWORD}
    daemon = make_daemon(postfix.port, mail_server={"auth": auth})
    daemon.config.chmod(0o600)
    done = daemon.ctl("test", TO)
    assert done.stdout.splitlines()[0] == (
        f"[Error] 送信エラー Auth not possible 0 localhost:{postfix.port} {TO} zaionnex"
    )
    assert "allow_unprotected_password" in done.stdout
    assert "auth=" not in postfix.log()


def test_a_wrong_password_holds_the_queue_and_the_right_one_lets_it_go(
    make_daemon: MakeDaemon,
    make_postfix: MakePostfix,
    tls: dict[str, str],
    ca_file: str,
    dovecot: Dovecot,
    sink: Sink,
) -> None:
    postfix = make_postfix(**tls, **sasl(dovecot))
    daemon = make_daemon(
        postfix.port,
        mail_server={
            "security": "starttls",
            "ca_file": ca_file,
            "auth": {"mechanism": "basic", "username": "zaion", "password_file": "smtp-password"},
        },
    )
    password = daemon.config.parent / "smtp-password"
    password.touch(0o600)
    password.write_text("wrong\n")
    with daemon:
        done = daemon.ctl("test", TO)
        assert done.stdout.startswith(
            f"[Error] 送信エラー Auth failed 535 localhost:{postfix.port} {TO} zaionnex\n"
        )
        daemon.emit({"type": "disk.full", "id": "e1"})
        status = daemon.becomes(lambda status: status["queue"]["held"] >= 1, "status")
        assert status["ok"] is False
        assert sink.mails == []
        password.write_text(PASSWORD + "\n", encoding="utf-8")
        daemon.becomes(lambda status: status["queue"]["held"] == 0, "status")
        assert ("e1",) in [mail.event_ids for mail in sink.wait(1)]
