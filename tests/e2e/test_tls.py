"""TLS against a real Postfix with certificates of a private authority: the right one, and three
that are not. A port that takes mail over STARTTLS only, as 587, and one of TLS from the first byte,
as 465.
"""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.e2e.conftest import MakeDaemon, MakePostfix
from tests.support.sink import Sink

TO = "test@example.co.jp"
SENT = "正常に送信されました\n"
PORTS = {
    "starttls": {"smtpd_tls_security_level": "encrypt"},
    "tls": {"smtpd_tls_wrappermode": "yes"},
}
WRONG = ["expired", "another name", "another authority"]


class Certificates:
    """The authority's file, and the server's, which shows one certificate after another."""

    def __init__(self, directory: Path) -> None:
        self._authority = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self.ca_file.chmod(0o644)
        self.chain = directory / "server.pem"

    def show(self, which: str) -> None:
        """From the next reading of the file on."""
        authority = trustme.CA() if which == "another authority" else self._authority
        name = "mail.example.co.jp" if which == "another name" else "localhost"
        more: dict[str, Any] = {}
        if which == "expired":
            now = datetime.datetime.now(datetime.UTC)
            more = {
                "not_before": now - datetime.timedelta(days=90),
                "not_after": now - datetime.timedelta(days=1),
            }
        issued = authority.issue_cert(name, **more)
        self.chain.touch(0o600)
        issued.private_key_and_cert_chain_pem.write_to_path(str(self.chain))


@pytest.fixture
def certificates(directory: Path) -> Certificates:
    return Certificates(directory)


@pytest.fixture
def make_port(make_postfix: MakePostfix, certificates: Certificates) -> Callable[..., Any]:
    def make(security: str, which: str) -> Any:
        certificates.show(which)
        return make_postfix(
            smtpd_tls_chain_files=str(certificates.chain), smtpd_tls_loglevel="1", **PORTS[security]
        )

    return make


@pytest.mark.parametrize("security", PORTS)
def test_the_right_certificate_lets_mail_through(
    make_daemon: MakeDaemon,
    make_port: Callable[..., Any],
    certificates: Certificates,
    sink: Sink,
    security: str,
) -> None:
    postfix = make_port(security, "right")
    server = {"security": security, "ca_file": str(certificates.ca_file)}
    with make_daemon(postfix.port, mail_server=server) as daemon:
        assert daemon.ctl("test", TO).stdout == SENT
        daemon.emit({"type": "disk.full", "id": "e1"})
        # Postfix passes on as it likes.
        assert {mail.event_ids for mail in sink.wait(2)} == {(), ("e1",)}
    assert "TLS connection established" in postfix.log()


@pytest.mark.parametrize("security", PORTS)
@pytest.mark.parametrize("which", WRONG)
def test_another_certificate_keeps_the_mail_until_it_is_mended(
    make_daemon: MakeDaemon,
    make_port: Callable[..., Any],
    certificates: Certificates,
    sink: Sink,
    security: str,
    which: str,
) -> None:
    postfix = make_port(security, which)
    server = {"security": security, "ca_file": str(certificates.ca_file)}
    with make_daemon(postfix.port, mail_server=server) as daemon:
        done = daemon.ctl("test", TO)
        assert done.returncode == 1
        line, empty, cause, remedy = done.stdout.splitlines()
        assert line == (
            f"[Error] 送信エラー Cant start TLS 0 localhost:{postfix.port} {TO} zaionnex"
        )
        assert empty == ""
        assert cause.startswith("原因: ")
        assert "証明書" in cause
        assert remedy.startswith("対処: ")

        daemon.emit({"type": "disk.full", "id": "e1"})
        status = daemon.becomes(lambda status: not status["ok"], "status")
        assert [server["state"] for server in status["servers"]] == ["down"]
        # Kept: nothing has failed, nothing waits for an administrator of ours.
        assert (status["queue"]["held"], status["queue"]["failed"]) == (0, 0)
        waiting = [
            delivery
            for delivery in daemon.document("queue", "list")["deliveries"]
            if delivery["event_ids"] == ["e1"]
        ]
        assert [(one["state"], one["attempts"]) for one in waiting] == [("waiting", 0)]
        assert sink.mails == []

        certificates.show("right")  # at the server; nobody touches our configuration
        postfix.reload()
        daemon.becomes(lambda queue: queue["deliveries"] == [], "queue", "list")
        assert [mail.event_ids for mail in sink.wait(1)].count(("e1",)) == 1
        assert daemon.ctl("test", TO).stdout == SENT


def test_a_port_of_starttls_only_wants_it_and_gets_it_when_the_settings_say_so(
    make_daemon: MakeDaemon, make_port: Callable[..., Any], certificates: Certificates, sink: Sink
) -> None:
    postfix = make_port("starttls", "right")
    with make_daemon(postfix.port, mail_server={"security": "none"}) as daemon:
        done = daemon.ctl("test", TO)
        assert done.stdout.splitlines()[0] == (
            f"[Error] 送信エラー Sender refused 530 localhost:{postfix.port} {TO} zaionnex"
        )
        daemon.emit({"type": "disk.full", "id": "e1"})
        daemon.becomes(lambda status: status["queue"]["held"] >= 1, "status")
        text = daemon.config.read_text(encoding="utf-8")
        mended = f"security: starttls\n  ca_file: {certificates.ca_file}"
        daemon.config.write_text(text.replace("security: none", mended), encoding="utf-8")
        daemon.becomes(lambda status: status["queue"]["held"] == 0, "status")
        assert ("e1",) in [mail.event_ids for mail in sink.wait(1)]
