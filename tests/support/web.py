"""A real zaiond-web as a process of its own before a real daemon, and a browser without a screen:
plain HTTP with cookies and forms."""

import http.client
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlencode, urljoin, urlsplit

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.waiting import until

STOPPED_WITHIN = 30.0  # seconds; a bound for what hangs, not a target
NAME, PASSWORD = "yamada", "correct horse battery"
# The environment of a daemon, its zaiond-web and zaiond-ctl whose passwords cost next to nothing
# to try. Not for what zaiond-web starts to change one: `python -I` heeds no PYTHONPATH.
QUICK = {"PYTHONPATH": str(Path(__file__).parent / "quick_passwords")}
CONFIG = "mail_server: {host: 127.0.0.1, port: 9}\nadmins: admin@example.co.jp\nlanguage: en\n"


class Answer(NamedTuple):
    """What a server answers; `url` is where it came from in the end."""

    status: int
    headers: Mapping[str, str]  # by their names in lower case; of Set-Cookie the last
    body: bytes
    url: str

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Browser:
    """Keeps cookies, follows 303, and sends what a browser sends."""

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str] | None = None,
        context: ssl.SSLContext | None = None,
        connect: Callable[[], socket.socket] | None = None,
    ) -> None:
        self.base = base
        self._context = context  # what it trusts
        self._connect = connect  # how it gets there, if not by the base's address
        self.headers = {"Accept-Language": "en", **(headers or {})}
        self.cookies: dict[str, str] = {}
        self.page = Answer(0, {}, b"", base)  # the last one

    def send(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, one answer."""
        parts = urlsplit(urljoin(self.base, url))
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=60, context=self._context
            )
        if self._connect is not None:
            connection.sock = self._connect()
        given = {**self.headers, **(headers or {})}
        if self.cookies:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, path, body, given)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, found, content, urljoin(self.base, url))

    def get(self, url: str, **headers: str) -> Answer:
        """The page at `url`, or where it leads; header names have _ for -."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._followed(self.send("GET", url, headers=given))

    def post(self, url: str, fields: Mapping[str, str | Sequence[str]] | None = None) -> Answer:
        """Sends a form of the page that was loaded last (with its `csrf`), follows the answer."""
        filled = {"csrf": self.csrf, **(fields or {})}
        body = urlencode(filled, doseq=True).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.base}
        return self._followed(self.send("POST", url, body, kind))

    def log_in(self, name: str = "", password: str = "", to: str = "/status") -> Answer:
        """Opens `to`, which leads to the login, and fills it in; by default as NAME."""
        self.get(to)
        fields = {
            "name": name or NAME,
            "password": password or PASSWORD,
            "next": self.hidden["next"],
        }
        return self.post("/login", fields)

    @property
    def csrf(self) -> str:
        """The hidden field of the last page's forms that each of them has."""
        return self.hidden.get("csrf", "")

    @property
    def hidden(self) -> dict[str, str]:
        """All hidden fields of the last page."""
        fields = _Fields()
        fields.feed(self.page.text)
        return fields.hidden

    def _followed(self, answer: Answer) -> Answer:
        for _ in range(10):
            if answer.status != 303:
                break
            answer = self.send("GET", urljoin(answer.url, answer.headers["location"]))
        self.page = answer
        return answer


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "input" and given.get("type") == "hidden":
            self.hidden[given.get("name") or ""] = given.get("value") or ""


# sd_listen_fds(3): the socket is descriptor 3, and the process that is meant says so.
_ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


def _faster(constants: Mapping[str, float]) -> str:
    lines = ["from zaiond.web import main"]
    for name, value in constants.items():
        module, _, constant = name.rpartition(".")
        lines += [f"import zaiond.{module}", f"zaiond.{module}.{constant} = {value}"]
    return "\n".join([*lines, "main.main()"])


class Web:
    """zaiond-web before `daemon`, as `zaiond-ctl web` starts it: with a link that works once; or
    `as_service`, as systemd does: with a socket that listens, and logins by name and password; or
    `by_hand`, with the same logins, where the configuration makes it listen: at that URL.
    `faster`: constants of its modules, as `web.listening.LOOK_INTERVAL`, and what they are instead.
    """

    def __init__(
        self,
        daemon: Daemon,
        *,
        as_service: bool = False,
        by_hand: str | None = None,
        faster: Mapping[str, float] | None = None,
    ) -> None:
        self.daemon = daemon
        self.by_hand = by_hand
        self.log = daemon.directory / "web.log"
        self.listening: socket.socket | None = None
        if as_service:
            self.listening = socket.create_server(("127.0.0.1", 0))
        self._process: subprocess.Popen[str] | None = None
        self._program: list[str | Path] = [PROGRAMS / "zaiond-web"]
        if faster:
            self._program = [PROGRAMS / "python", "-c", _faster(faster)]
        self._read_from = 0  # of the log
        self.link = ""

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process that was started last."""
        assert self._process is not None, "not started"
        return self._process

    @property
    def base(self) -> str:
        """The address of its pages, as `http://127.0.0.1:8025`."""
        if self.by_hand is not None:
            return self.by_hand
        if self.listening is not None:
            return f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        parts = urlsplit(self.link)
        return f"{parts.scheme}://{parts.netloc}"

    def start(self) -> None:
        """Starts it; returns when it listens."""
        self.end()  # also one that has ended by itself
        command: list[str | Path] = [*self.daemon.wrapper, *self._program]
        command += self.daemon.options
        passed: tuple[int, ...] = ()
        if self.listening is None:
            command += [] if self.by_hand else ["--link"]
        else:
            passed = (self.listening.fileno(),)
            command = [sys.executable, "-c", _ACTIVATE, str(passed[0]), *command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self.daemon.environment,
                pass_fds=passed,
                process_group=0,
            )
        if self.by_hand is not None:
            self.logged(self.by_hand)
        if self.by_hand is not None or self.listening is not None:
            return
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "/once/" in line:
                self.link = line.strip()
                return
        raise AssertionError(f"zaiond-web printed no link:\n{self.printed()}")

    def printed(self) -> str:
        """What it has written to standard error so far, or since `forget`."""
        return self.log.read_bytes()[self._read_from :].decode(errors="backslashreplace")

    def forget(self) -> None:
        """What it has written until now is of a test before."""
        self._read_from = self.log.stat().st_size

    def logged(self, text: str) -> None:
        """Waits until it has written this."""
        until(lambda: text in self.printed(), lambda: f"no {text!r} in:\n{self.printed()}")

    def begin_anew(self, config: str) -> None:
        """The daemon has never heard of an event and has this configuration; the sessions and
        accounts of zaiond-web, which goes on, are as they were.
        """
        self.forget()
        if self._is_as_new(config):
            return
        self.daemon.end()
        for directory in (self.daemon.state, self.daemon.spool):
            for path in directory.iterdir():
                if path.name == "web":
                    continue
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        self.daemon.config.write_text(config)
        self.daemon.start()

    def _is_as_new(self, config: str) -> bool:
        """Whether the test before has only looked at the daemon."""
        daemon = self.daemon
        return (
            daemon.process.poll() is None
            and daemon.config.read_text() == config
            and daemon.document("status")["ok"]
            and daemon.document("history") == {"events": []}
            and daemon.document("silence", "list") == {"silences": []}
        )

    def browser(self, **headers: str) -> Browser:
        """A browser of nobody; header names have _ for -."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return Browser(self.base, given)

    def inside(self, **headers: str) -> Browser:
        """A browser that has come in: by the link, which only one can; as a service by the name
        NAME, whose password this sets.
        """
        browser = self.browser(**headers)
        if self.listening is None and self.by_hand is None:
            answer = browser.get(self.link)
        else:
            set_ = self.daemon.ctl("web", "password", NAME, given=f"{PASSWORD}\n")
            assert set_.returncode == 0, set_
            answer = browser.log_in()
        assert answer.status == 200, answer.text
        return browser

    def stop(self) -> int:
        """SIGTERM; returns its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(STOPPED_WITHIN)
        finally:
            self.end()

    def end(self) -> None:
        """Whatever state it is in, it runs no more."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self.process.poll() is None:
            self.stop()
        self.end()
        if self.listening is not None:
            self.listening.close()
