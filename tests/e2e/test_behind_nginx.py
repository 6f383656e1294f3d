"""The page behind Debian's nginx, as docs/page.md has it."""

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests.e2e.conftest import MakeDaemon
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.support.web import NAME, PASSWORD, Browser, Web

PAGE = Path(__file__).parents[2] / "docs" / "page.md"
HOST = "mail.example.co.jp"
VISITOR = "127.0.0.2"


@contextmanager
def nginx(directory: Path, page: str, port: int, behind: str) -> Iterator[ssl.SSLContext]:
    """Runs it by what the page shows, at a port of its own; yields what trusts it."""
    authority = trustme.CA()
    made = authority.issue_cert(HOST)
    made.private_key_and_cert_chain_pem.write_to_path(str(directory / "both.pem"))
    (server,) = re.findall(r"^```nginx\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for old, new in (
        ("443", f"127.0.0.1:{port}"),
        (f"/etc/ssl/certs/{HOST}.pem", str(directory / "both.pem")),
        (f"/etc/ssl/private/{HOST}.key", str(directory / "both.pem")),
        ("http://127.0.0.1:8025", f"http://{behind}"),
    ):
        assert server.count(old) == 1
        server = server.replace(old, new)
    rest = "user root; daemon off; pid pid; error_log stderr; events {} http { access_log off;"
    (directory / "conf").write_text(f"{rest}\n{server}}}\n")
    process = subprocess.Popen(["/usr/sbin/nginx", "-p", directory, "-c", directory / "conf"])
    try:
        until(lambda: answers(port), lambda: f"nginx does not listen ({process.poll()})")
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        yield trusting
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_the_page_works_behind_nginx_and_knows_who_is_before_it(
    make_daemon: MakeDaemon, directory: Path
) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert f"web: {{url: https://{HOST}}}\n" in text
    listen, port = f"127.0.0.1:{free_port()}", free_port()
    settings = {"listen": listen, "url": f"https://{HOST}"}
    daemon = make_daemon(25, language="en", web=settings)
    daemon.start()
    assert daemon.ctl("web", "password", NAME, given=f"{PASSWORD}\n").returncode == 0
    (directory / "nginx").mkdir()
    with (
        Web(daemon, by_hand=f"http://{listen}") as web,
        nginx(directory / "nginx", text, port, listen) as trusting,
    ):

        def connect() -> socket.socket:
            plain = socket.create_connection(("127.0.0.1", port), 30, (VISITOR, 0))
            return trusting.wrap_socket(plain, server_hostname=HOST)

        browser = Browser(f"https://{HOST}", connect=connect)
        assert browser.log_in().status == 200
        web.logged(f"{NAME} logged in ({VISITOR})")
        assert all(name.startswith("__Host-") for name in browser.cookies)
        assert "strict-transport-security" in browser.page.headers

        browser.get("/settings")
        fields = {**browser.hidden, "admins": "tanaka@example.co.jp"}
        browser.post("/settings", fields)
        assert "tanaka@example.co.jp" in daemon.config.read_text(), browser.page.text
        browser.headers["Origin"] = "https://elsewhere.example"
        assert browser.get("/status").status == 200
        assert browser.send("POST", "/logout", b"").status == 403
