"""Where zaiond-web listens: beyond this machine by TLS only, whoever opened the socket."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.support.web import CONFIG, NAME, PASSWORD, QUICK, Browser, Web
from zaiond.journal import Journal, output
from zaiond.web.listening import CannotListen, as_configured
from zaiond.web.settings_service import SettingsService


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, CONFIG, QUICK) as daemon:
        yield daemon


@pytest.fixture
def port() -> int:
    return free_port()


def configure(daemon: Daemon, **settings: str | Path) -> None:
    lines = "".join(f"  {name}: {value}\n" for name, value in settings.items())
    daemon.config.write_text(f"{CONFIG}web:\n{lines}")


def certificate(daemon: Daemon, authority: trustme.CA) -> dict[str, Path]:
    made = authority.issue_cert("127.0.0.1")
    paths = {name: daemon.config.parent / name for name in ("cert_file", "key_file")}
    made.cert_chain_pems[0].write_to_path(str(paths["cert_file"]))
    made.private_key_pem.write_to_path(str(paths["key_file"]))
    paths["key_file"].chmod(0o600)
    return paths


def test_beyond_this_machine_it_speaks_tls_with_the_certificate_of_the_configuration(
    daemon: Daemon, port: int, authority: trustme.CA
) -> None:
    configure(daemon, listen=f"0.0.0.0:{port}", **certificate(daemon, authority))
    with Web(daemon, by_hand=f"https://0.0.0.0:{port}") as web:
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        daemon.ctl("web", "password", NAME, given=PASSWORD)
        browser = Browser(f"https://127.0.0.1:{port}", context=trusting)
        assert browser.log_in().status == 200
        first = browser.send("GET", "/status")
        # OWASP ASVS 5 3.4.1
        assert first.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        cookie = Browser(browser.base, context=trusting).send("GET", "/login").headers["set-cookie"]
        assert "secure" in cookie.lower()
        assert cookie.startswith("__Host-")
        assert "path=/;" in cookie.lower()
        assert "domain" not in cookie.lower()
        assert web.stop() == 0


def test_a_new_certificate_is_taken_and_half_of_one_changes_nothing(
    daemon: Daemon, port: int, authority: trustme.CA
) -> None:
    def served() -> str:
        return ssl.get_server_certificate(("127.0.0.1", port))

    configure(daemon, listen=f"0.0.0.0:{port}", **certificate(daemon, authority))
    faster = {"web.listening.LOOK_INTERVAL": 0.1}
    with Web(daemon, by_hand=f"https://0.0.0.0:{port}", faster=faster) as web:
        first = served()
        renewed = authority.issue_cert("127.0.0.1")
        second = renewed.cert_chain_pems[0].bytes().decode()
        (daemon.config.parent / "cert_file").write_text(second)  # its key comes later
        web.logged("no new certificate is taken")
        assert served() == first
        (daemon.config.parent / "key_file").unlink()
        web.forget()
        web.logged("no new certificate is taken")
        assert served() == first
        key = daemon.config.parent / "key_file"
        key.touch(0o600)
        renewed.private_key_pem.write_to_path(str(key))
        until(lambda: served() == second, lambda: f"stays as it was:\n{web.printed()}")
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        browser = Browser(f"https://127.0.0.1:{port}", context=trusting)
        assert browser.get("/login").status == 200


def test_who_begins_with_tls_and_says_no_more_is_not_waited_for(
    daemon: Daemon, port: int, authority: trustme.CA
) -> None:
    configure(daemon, listen=f"127.0.0.1:{port}", **certificate(daemon, authority))
    with (
        Web(daemon, by_hand=f"https://127.0.0.1:{port}", faster={"web.serving.HEAD_SECONDS": 1.0}),
        socket.create_connection(("127.0.0.1", port)) as silent,
    ):
        silent.settimeout(40)  # a minute is what asyncio waits by itself
        silent.sendall(b"\x16\x03\x01\x02\x00")
        assert silent.recv(1) == b""


@pytest.mark.parametrize("systemd", [False, True])
def test_beyond_this_machine_without_a_certificate_it_does_not_start(
    daemon: Daemon, port: int, systemd: bool
) -> None:
    configure(daemon, listen=f"0.0.0.0:{port}")
    web = Web(daemon, as_service=systemd)
    if web.listening is not None:
        web.listening.close()
        web.listening = socket.create_server(("0.0.0.0", port))
        web.start()
        assert web.process.wait(30) == 78
        web.end()
        web.listening.close()
        said = web.printed()
        assert "settings.sock" in said or "certificate" in said
    else:
        done = subprocess.run(
            [PROGRAMS / "zaiond-web", *daemon.options], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 78
        assert f"0.0.0.0:{port} can be reached from other machines" in done.stderr


@pytest.mark.parametrize(
    ("language", "mend"), [("ja", "設定の誤りを直して"), ("en", "mend what is said above")]
)
def test_who_has_set_a_certificate_that_is_gone_is_told_to_mend_it_in_his_language(
    daemon: Daemon, port: int, language: str, mend: str, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = daemon.config.parent / "gone.pem"
    configure(daemon, listen=f"0.0.0.0:{port}", cert_file=gone, key_file=gone)
    text = daemon.config.read_text().replace("language: en", f"language: {language}")
    daemon.config.write_text(text)
    journal = Journal(output("text", "zaiond-web"))
    journal.language = "en" if language == "ja" else "ja"  # as who may not read the files
    settings = SettingsService(daemon.options, by_socket=False)
    with (
        socket.create_server(("0.0.0.0", port)) as listening,
        pytest.raises(CannotListen) as refused,
    ):
        asyncio.run(as_configured([listening], settings, journal))
    journal.error(refused.value.text)
    said = capfd.readouterr().err
    assert str(gone) in said.splitlines()[0]
    assert mend in said
    assert "systemctl reset-failed zaiond-web.service zaiond-web.socket" in said
    assert "set web.cert_file" not in said
    assert ("wrong setting" in said) == (language == "en")


def test_a_certificate_that_is_gone_is_told_and_the_address_stays(
    daemon: Daemon, port: int
) -> None:
    gone = daemon.config.parent / "gone.pem"
    configure(daemon, listen=f"127.0.0.1:{port}", cert_file=gone, key_file=gone)
    with Web(daemon, by_hand=f"http://127.0.0.1:{port}") as web:
        assert f"there is no file {gone}" in web.printed()
        assert web.browser().get("/login").status == 200


def test_behind_a_proxy_browsers_come_by_its_url_and_who_asks_is_whom_it_names(
    daemon: Daemon, port: int
) -> None:
    configure(daemon, listen=f"127.0.0.1:{port}", url="https://mail.zaion.jp")
    with Web(daemon, by_hand=f"http://127.0.0.1:{port}") as web:
        daemon.ctl("web", "password", NAME, given=PASSWORD)
        proxied = {"Host": "mail.zaion.jp", "X-Forwarded-For": "203.0.113.9"}
        browser = Browser(web.base, proxied)
        answer = browser.get("/login")
        assert "secure" in answer.headers["set-cookie"].lower()
        assert "strict-transport-security" in answer.headers
        fields = f"csrf={browser.csrf}&name={NAME}&password={PASSWORD}".replace(" ", "+")
        sent = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": "https://mail.zaion.jp",
        }
        assert browser.send("POST", "/login", fields.encode(), sent).status == 303
        web.logged(f"{NAME} logged in (203.0.113.9)")
        assert browser.send("GET", "/status").status == 200


def test_of_several_lines_that_name_who_asks_the_proxy_wrote_the_last(
    daemon: Daemon, port: int
) -> None:
    configure(daemon, listen=f"127.0.0.1:{port}", url="https://mail.zaion.jp")
    with (
        Web(daemon, by_hand=f"http://127.0.0.1:{port}") as web,
        socket.create_connection(("127.0.0.1", port)) as proxy,
    ):
        proxy.sendall(
            b"GET /login HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-For: 198.51.100.1\r\n"
            b"X-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n"
        )
        assert proxy.recv(65536).startswith(b"HTTP/1.1 400 ")
        web.logged("a request from 203.0.113.9 for /login was refused")


def test_a_port_that_is_taken_is_said(daemon: Daemon, port: int) -> None:
    configure(daemon, listen=f"127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", port)):
        done = subprocess.run(
            [PROGRAMS / "zaiond-web", *daemon.options], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"zaiond-web: can't listen on 127.0.0.1:{port}: ")
    assert "Traceback" not in done.stderr
