"""CRAM-MD5 and NTLM against those who implemented them for themselves.

Dovecot (CRAM-MD5), Samba's ntlm_auth behind Dovecot (NTLM: both versions, with a time and so with a
MIC), Cyrus SASL (NTLM without target information) and Exim (CRAM-MD5; NTLM of version 1). None of
these connections is encrypted.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.conftest import MakeDaemon, MakePostfix
from tests.support.daemon import Daemon
from tests.support.peers import CYRUS, Exim, cyrus_login, ntlm_helper
from tests.support.postfix import Dovecot
from tests.support.sink import Sink

TO = "test@example.co.jp"
SENT = "正常に送信されました\n"
PASSWORD = "ひみつ p@ss"
ASCII = "himitsu p@ss"


class Server(NamedTuple):
    """A running server that demands a login, and the password of `zaion`."""

    port: int
    password: str
    log: Callable[[], str]


@pytest.fixture
def server(
    request: pytest.FixtureRequest, make_postfix: MakePostfix, directory: Path, sink: Sink
) -> Iterator[Server]:
    """The server that the test's parameter names."""
    with ExitStack() as stack:
        yield _START[request.param](make_postfix, directory, sink, stack)


def _behind_postfix(dovecot: Dovecot, make_postfix: MakePostfix, stack: ExitStack) -> Server:
    dovecot.start()
    stack.callback(dovecot.stop)
    postfix = make_postfix(
        smtpd_sasl_auth_enable="yes",
        smtpd_sasl_type="dovecot",
        smtpd_sasl_path=str(dovecot.path),
        smtpd_relay_restrictions="permit_sasl_authenticated, reject",
    )
    return Server(postfix.port, PASSWORD, postfix.log)


def _dovecot(make: MakePostfix, directory: Path, sink: Sink, stack: ExitStack) -> Server:
    users = [("zaion", PASSWORD)]
    dovecot = Dovecot(directory / "dovecot", users, mechanisms="cram-md5")
    return _behind_postfix(dovecot, make, stack)


def _samba(make: MakePostfix, directory: Path, sink: Sink, stack: ExitStack) -> Server:
    helper = ntlm_helper(directory / "samba", PASSWORD)
    dovecot = Dovecot(directory / "dovecot", [], mechanisms="ntlm", ntlm_helper=helper)
    return _behind_postfix(dovecot, make, stack)


def _cyrus(make: MakePostfix, directory: Path, sink: Sink, stack: ExitStack) -> Server:
    postfix = make(**CYRUS)
    cyrus_login(postfix, "ntlm", "zaion", ASCII)
    return Server(postfix.port, ASCII, postfix.log)


def _exim(make: MakePostfix, directory: Path, sink: Sink, stack: ExitStack) -> Server:
    # Its SPA takes a password's bytes for its letters: so it can be ASCII only.
    exim = Exim(directory / "exim", sink.port, "zaion", ASCII)
    exim.start()
    stack.callback(exim.stop)
    return Server(exim.port, ASCII, exim.log)


_START = {"dovecot": _dovecot, "samba": _samba, "cyrus": _cyrus, "exim": _exim}

_POSTFIX = "sasl_method={}, sasl_username={}".format
LOGINS = [
    ("dovecot", [({"mechanism": "cram-md5"}, _POSTFIX("CRAM-MD5", "zaion"))]),
    (
        "samba",
        [
            ({"mechanism": "ntlm"}, _POSTFIX("NTLM", "zaion@")),
            ({"mechanism": "ntlm", "username": "ZA\\zaion"}, _POSTFIX("NTLM", "zaion@za")),
            ({"mechanism": "ntlm", "username": "zaion@ion"}, _POSTFIX("NTLM", "zaion@ion")),
            ({"mechanism": "ntlm", "ntlm_version": 1}, _POSTFIX("NTLM", "zaion@")),
        ],
    ),
    ("cyrus", [({"mechanism": "ntlm"}, _POSTFIX("NTLM", "zaion@example"))]),
    (
        "exim",
        [
            ({"mechanism": "cram-md5"}, "A=cram:zaion"),
            ({"mechanism": "ntlm", "ntlm_version": 1}, "A=spa:zaion"),
        ],
    ),
]


def prepared(
    make_daemon: MakeDaemon, server: Server, auth: dict[str, Any], password: str
) -> Daemon:
    settings = {"username": "zaion", **auth, "password": password}
    daemon = make_daemon(server.port, mail_server={"auth": settings})
    daemon.config.chmod(0o600)
    return daemon


@pytest.mark.parametrize(("server", "logins"), LOGINS, indirect=["server"])
def test_the_right_password_lets_mail_through_and_a_wrong_one_does_not(
    make_daemon: MakeDaemon, server: Server, logins: list[tuple[dict[str, Any], str]], sink: Sink
) -> None:
    for number, (auth, logged) in enumerate(logins):
        done = prepared(make_daemon, server, auth, "wrong").ctl("test", TO)
        assert done.stdout.splitlines()[0] == (
            f"[Error] 送信エラー Auth failed 535 localhost:{server.port} {TO} zaionnex"
        )
        assert done.returncode == 1
        assert len(sink.mails) == number
        done = prepared(make_daemon, server, auth, server.password).ctl("test", TO)
        assert done.stdout == SENT
        assert [mail.recipients for mail in sink.wait(number + 1)] == [(TO,)] * (number + 1)
        assert re.search(rf"{re.escape(logged)}\s", server.log())


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)
def test_the_configured_mechanism_and_no_other(
    make_daemon: MakeDaemon, server: Server, sink: Sink
) -> None:
    daemon = prepared(make_daemon, server, {"mechanism": "ntlm"}, server.password)
    done = daemon.ctl("test", TO)
    assert done.stdout.splitlines()[0] == (
        f"[Error] 送信エラー Auth not possible 0 localhost:{server.port} {TO} zaionnex"
    )
    assert "CRAM-MD5" in done.stdout
    assert sink.mails == []


@pytest.mark.parametrize("server", ["exim"], indirect=True)
def test_exim_knows_no_version_2(make_daemon: MakeDaemon, server: Server) -> None:
    daemon = prepared(make_daemon, server, {"mechanism": "ntlm"}, server.password)
    done = daemon.ctl("test", TO)
    assert "Auth failed 535" in done.stdout
    assert "ntlm_version" in done.stdout


@pytest.mark.parametrize("server", ["samba"], indirect=True)
def test_the_daemon_delivers_events_by_ntlm(
    make_daemon: MakeDaemon, server: Server, sink: Sink
) -> None:
    daemon = prepared(make_daemon, server, {"mechanism": "ntlm"}, server.password)
    with daemon:
        daemon.emit({"type": "disk.full", "id": "e1"})
        assert sink.wait(1)[0].event_ids == ("e1",)
        verbose = daemon.ctl("test", "-v", TO)
    assert "NTLM: 235" in verbose.stdout
    assert "NTLM の認証を、保護されていない接続で行いました" in verbose.stdout
    assert server.password not in verbose.stdout
