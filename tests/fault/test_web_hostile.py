"""zaiond-web before those who mean it ill: from elsewhere, without a session, in another's name, in
numbers, and by what an event says."""

import asyncio
import contextlib
import hashlib
import http.client
import json
import re
import select
import socket
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from starlette.routing import Route

from tests.support.daemon import Daemon
from tests.support.programs import Program, token
from tests.support.waiting import meanwhile, until
from tests.support.web import CONFIG, NAME, PASSWORD, QUICK, Answer, Browser, Web
from zaiond.web import guard
from zaiond.web.app import ROUTES
from zaiond.web.gate import BODY_BYTES
from zaiond.web.pages import fleet
from zaiond.web.serving import MOST_CONNECTIONS

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY")
# What is had without a session, and by which method.
OPEN = {"/login": {"GET", "HEAD", "POST"}, "/once/{token}": {"GET", "HEAD"},
        "/static/{name}": {"GET", "HEAD"}}  # fmt: skip
BY_TOKEN = ("/metrics", "/v1/")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("d"), CONFIG, QUICK) as running:
        yield running


@pytest.fixture(scope="module")
def service(daemon: Daemon) -> Iterator[Web]:
    """As systemd starts it, but for the cost of passwords."""
    with Web(daemon, as_service=True) as running:
        running.inside()
        yield running
        assert peak(running.process.pid) < MOST_MEMORY


@pytest.fixture(scope="module")
def hasty(daemon: Daemon) -> Iterator[Web]:
    """The same, but for how long it waits for what a client has to send or to read."""
    waits = {"HEAD_SECONDS": 1.0, "READER_SECONDS": 2.0, "KEEP_ALIVE_SECONDS": 1.0}
    faster = {f"web.serving.{name}": seconds for name, seconds in waits.items()}
    with Web(daemon, as_service=True, faster=faster) as running:
        running.inside()
        yield running


@pytest.fixture(scope="module")
def inside(daemon: Daemon) -> Iterator[Browser]:
    """A browser in front of one in the foreground, whose settings are there."""
    with Web(daemon) as running:
        yield running.inside()


def path_of(route: Route, given: str = "x") -> str:
    before, *behind = re.split(r"{\w+(?::\w+)?}", route.path)
    return before + "".join(given + piece for piece in behind)


def address(web: Web) -> tuple[str, int]:
    parts = urlsplit(web.base)
    return parts.hostname or "", parts.port or 0


def exchange(web: Web, sent: bytes, *, closes: bool = True) -> bytes:
    """What comes back for these bytes, until the server closes."""
    with socket.create_connection(address(web)) as peer:
        peer.settimeout(60)
        peer.sendall(sent)
        if closes:
            peer.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: peer.recv(65536), b""))


def statuses(answers: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


# -- without a session


def test_without_a_session_each_route_with_each_method_is_closed_but_the_open_ones(
    service: Web,
) -> None:
    browser = service.browser()
    for route in ROUTES:
        path = path_of(route)
        for method in METHODS:
            body = b"a=1" if method not in ("GET", "HEAD") else None
            answer = browser.send(method, path, body, FORM)
            where = (method, route.path, answer.status)
            browser.cookies.clear()
            if path.startswith(BY_TOKEN):
                assert answer.status == 401, where
            elif method in OPEN.get(route.path, ()):
                assert answer.status in (200, 403, 404, 503), where
            elif method in ("GET", "HEAD"):
                assert answer.status == 303, where
                assert answer.headers["location"].startswith("/login?next=%2F"), where
            else:
                assert answer.status in (400, 403, 405), where
            assert "zaiond.yaml" not in answer.text, where


def test_each_route_of_a_page_takes_get_or_post_and_nothing_else(service: Web) -> None:
    browser = service.browser()
    browser.log_in()
    taken = dict[str, set[str]]()
    for route in ROUTES:
        taken.setdefault(path_of(route), set()).update(route.methods or ())
    for path, methods in taken.items():
        if path.startswith((*BY_TOKEN, "/log", "/once")):
            continue
        for method in set(METHODS) - methods:
            body = urlencode({"csrf": browser.csrf}).encode()
            answer = browser.send(method, path, body, FORM)
            assert answer.status == 405, (method, path)
            allowed = ", ".join(sorted(methods))
            assert answer.headers["allow"] == allowed, (method, path)
            if method != "HEAD":
                assert f"takes {allowed}, not {method}" in answer.text, (method, path)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_what_no_page_takes_is_told_so_whatever_it_carries(service: Web, method: str) -> None:
    browser = service.browser()
    browser.log_in()
    for body, headers in ((None, {}), (b"{}", {"Content-Type": "application/json"})):
        answer = browser.send(method, "/status", body, headers)
        assert answer.status == 405
        assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    ["//status", "/./status", "/static/../status", "/login/../status", "/login//../status",
     "/static/%2e%2e/status", "/static/..%2fstatus", "/%73tatus", "/status/", "/STATUS",
     "/login%00/../status", "/login?/../status", "/once/../status", "/metrics/../status",
     "/v1/../status", "/status%3F/login", "/status;/login", "/status%23/login", "*",
     "http://localhost/status", "status", "/login\\..\\status"],
)  # fmt: skip
def test_no_way_of_writing_a_path_leads_past_the_login(service: Web, path: str) -> None:
    sent = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    answer = exchange(service, sent)
    assert b"All is well" not in answer
    assert statuses(answer)[0] in (200, 303, 400, 401, 403, 404), answer
    if statuses(answer)[0] == 200:
        assert b'name="password"' in answer


@pytest.mark.parametrize(
    "path",
    ["/static/../main.py", "/static/..%2fmain.py", "/static/%2e%2e%2fmain.py",
     "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/..\\main.py", "/static/",
     "/static/%00", "/static/zaiond.css%00.py", "/static/.", "/static/..", "/static/__init__.py"],
)  # fmt: skip
def test_nothing_but_the_files_that_are_there_is_static(service: Web, path: str) -> None:
    sent = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    assert statuses(exchange(service, sent))[0] in (303, 404)


@pytest.mark.parametrize("kind", ["metrics", "emit"])
@pytest.mark.parametrize(
    "host", ["localhost/metrics?", "localhost/v1/events#", "localhost/metrics", "[", "a]", "\x01"]
)
def test_a_host_that_holds_a_path_makes_no_door_of_a_page(
    service: Web, host: str, kind: str
) -> None:
    given = token(service.daemon, "hosts", kind)
    for path in ("/status", "/settings"):
        answer = exchange(
            service,
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {given}\r\n"
            "Connection: close\r\n\r\n".encode(),
        )
        assert statuses(answer) == [400]
        assert b"nosniff" in answer


def test_a_token_opens_no_page_and_a_session_no_door(service: Web) -> None:
    browser = service.browser()
    browser.log_in()
    for kind in ("metrics", "emit"):
        program = Program(service, token(service.daemon, kind, kind))
        for route in ROUTES:
            path = path_of(route)
            if path.startswith(BY_TOKEN):
                assert browser.send("GET", path).status == 401, path
            elif route.path not in OPEN:
                assert program.send("GET", path).status == 303, path
                assert program.send("POST", path, b"", FORM).status == 403, path


# -- forms from elsewhere


def posting(browser: Browser, path: str, csrf: str, **headers: str) -> Answer:
    given = FORM | {name.replace("_", "-"): value for name, value in headers.items()}
    return browser.send("POST", path, urlencode({"csrf": csrf}).encode(), given)


def test_no_form_is_taken_that_a_page_of_the_same_session_did_not_have(service: Web) -> None:
    browser, other, nobody = service.browser(), service.browser(), service.browser()
    for one in (browser, other):
        one.log_in()
    nobody.get("/login")
    forged = {
        "another session's": other.csrf,
        "that of the login": nobody.csrf,
        "that of no session": hashlib.sha256(b"form ").hexdigest(),
        "none": "",
        "the token itself": next(iter(browser.cookies.values())),
        "no ASCII": "ｃｓｒｆ",
    }
    posts = [path_of(one) for one in ROUTES if "POST" in (one.methods or ())]
    for path in posts:
        if path.startswith(BY_TOKEN):
            continue
        for what, csrf in forged.items():
            assert posting(browser, path, csrf).status == 403, (path, what)
        for origin in ("https://evil.example", "null", "", f"{service.base}.evil.example"):
            assert posting(browser, path, browser.csrf, Origin=origin).status == 403, (path, origin)
        for site in ("cross-site", "same-site", ""):
            answer = posting(browser, path, browser.csrf, Sec_Fetch_Site=site)
            assert answer.status == 403, (path, site)
    service.logged("a request from 127.0.0.1 for /")
    assert browser.get("/status").url == f"{service.base}/status"  # /logout was not taken either


def test_a_login_that_another_site_fills_in_is_not_taken(service: Web) -> None:
    """No cookie goes with it, so that it could at most know the secret of no session."""
    csrf = hashlib.sha256(b"form ").hexdigest()
    fields = {"csrf": csrf, "name": NAME, "password": PASSWORD}
    answer = service.browser().send("POST", "/login", urlencode(fields).encode(), FORM)
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


# -- sessions


def test_a_session_begins_with_a_token_that_nobody_could_know_before(service: Web) -> None:
    browser = service.browser()
    browser.get("/login")
    ((name, before),) = browser.cookies.items()
    for planted in (before, "planted-by-another", "x" * 43):
        browser.cookies = {name: planted}
        csrf = hashlib.sha256(b"form " + planted.encode()).hexdigest()
        fields = {"csrf": csrf, "name": NAME, "password": PASSWORD, "next": "/status"}
        answer = browser.send("POST", "/login", urlencode(fields).encode(), FORM)
        assert answer.status == 303
        assert browser.cookies[name] != planted
        victim, thief = browser.cookies[name], service.browser()
        thief.cookies = {name: planted}
        assert thief.send("GET", "/status").status == 303
        browser.cookies = {name: victim}
        assert browser.send("GET", "/status").status == 200


def test_to_log_in_again_ends_the_session_before(service: Web) -> None:
    browser, thief = service.browser(), service.browser()
    browser.log_in()
    thief.cookies = dict(browser.cookies)
    ((name, first),) = browser.cookies.items()
    csrf = hashlib.sha256(b"form " + first.encode()).hexdigest()
    fields = {"csrf": csrf, "name": NAME, "password": PASSWORD, "next": "/status"}
    assert browser.send("POST", "/login", urlencode(fields).encode(), FORM).status == 303
    assert browser.cookies[name] != first
    assert thief.send("GET", "/status").status == 303


def test_nothing_in_a_cookie_or_header_breaks_an_answer(service: Web) -> None:
    browser = service.browser()
    browser.log_in()
    ((name, mine),) = browser.cookies.items()
    for cookie in ("\x01", '"', "=;=;", f"{name}=", f"{name}={'x' * 20000}", f"{name}=\xff\xfe"):
        sent = f"GET /status HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: close"
        found = statuses(exchange(service, sent.encode("latin-1") + b"\r\n\r\n"))
        assert found in ([303], [400]), cookie
    for header, value in {
        "X-Forwarded-For": "\xff, <script>", "Accept-Language": "x" * 20000 + ";q=1e999",
        "Content-Length": "0", "Sec-Purpose": "\xff", "Accept": "a/b;q=nan", "X-Live": "\xff",
    }.items():  # fmt: skip
        answer = browser.send("GET", "/status", headers={header: value})
        assert answer.status == 200, header
    assert mine


# -- where a redirect leads


ELSEWHERE = [
    "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "\x00/evil",
    "/\t/evil.example", "/ /evil.example",
    "javascript:alert(1)", "data:text/html,x", "/status\r\nSet-Cookie: a=b", "/status%0d%0aX: y",
    "http:evil.example", "/\u2028/evil.example", "evil.example", "///evil.example",
    "", "https:/evil.example", "/@evil.example", "@evil.example", "/ｅvil",
]  # fmt: skip


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_no_redirect_leads_elsewhere_or_brings_a_header(service: Web, wanted: str) -> None:
    browser = service.browser()
    browser.send("GET", "/login")
    ((_, cookie),) = browser.cookies.items()
    csrf = hashlib.sha256(b"form " + cookie.encode()).hexdigest()
    fields = {"csrf": csrf, "name": NAME, "password": PASSWORD, "next": wanted}
    body = urlencode(fields).encode()
    for answer in (
        browser.send("POST", "/login", body, FORM),
        browser.send("GET", f"/login?{urlencode({'next': wanted})}"),
    ):
        assert answer.status == 303
        there = urlsplit(urljoin(browser.base + "/login", answer.headers["location"]))
        assert f"{there.scheme}://{there.netloc}" == browser.base
        assert "x" not in answer.headers
        assert "a=b" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/queue\r\nX: y"])
def test_no_form_leads_elsewhere(inside: Browser, wanted: str) -> None:
    for path in sorted({path_of(one) for one in ROUTES if "POST" in (one.methods or ())}):
        if path.startswith((*BY_TOKEN, "/log", "/settings")):
            continue
        inside.get("/status")
        names = ("back", "next", "to", "url", "here", "id", "comment", "at", "q")
        body = urlencode({"csrf": inside.csrf, **dict.fromkeys(names, wanted)}).encode()
        answer = inside.send("POST", path, body, FORM)
        assert "x" not in answer.headers, path
        there = urlsplit(urljoin(inside.base + path, answer.headers.get("location", "")))
        assert f"{there.scheme}://{there.netloc}" == inside.base, path
        page = _Page()
        page.feed(answer.text)
        assert page.wrong == [], path


# -- what an event says


TRICKS = [
    "<script>alert(1)</script>", '"><script>alert(1)</script>', "'><img src=x onerror=alert(1)>",
    "</title><script>alert(1)</script>", "</textarea></style></script><svg onload=alert(1)>",
    "javascript:alert(1)", '" onmouseover="alert(1)', "' autofocus onfocus='alert(1)",
    "&lt;script&gt;", "&#60;script&#62;", "<!--", "-->", "]]>", "{{ 7*7 }}", "{% raw %}", "${7*7}",
    "{{ ''.__class__.__mro__ }}", "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<base href=//evil.example>", "<form action=//evil.example>", "<plaintext>", "\u2028alert(1)",
    "</td></tr></table><h1>all is well</h1>", "style=background:url(//evil.example)",
    "\u202e\x1b[2J<b>", "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>", "`-alert(1)-`",
    "\\x3cscript\\x3e", "+ADw-script+AD4-", "%3Cscript%3E", "a' OR 1=1 --", "../../etc/passwd",
]  # fmt: skip
_MARKUP = re.compile(r"onerror|onload|onmouse|onfocus|javascript:|evil\.example", re.IGNORECASE)


class _Page(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.links: set[str] = set()
        self.elements: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        given = {name: value or "" for name, value in attributes}
        if tag == "script" and not given.get("src", "").startswith("/static/"):
            self.wrong.append(f"<script {given}>")
        if tag in ("base", "plaintext", "math", "img", "iframe", "object", "style"):
            self.wrong.append(f"<{tag} {given}>")
        for name, value in given.items():
            if name.startswith("on") or name == "style":
                self.wrong.append(f"<{tag} {name}={value!r}>")
            if name in ("href", "src", "action", "formaction", "xlink:href"):
                parts = urlsplit(value)
                if parts.scheme or parts.netloc or value[:2] == "//" or "\\" in value[:2]:
                    self.wrong.append(f"<{tag} {name}={value!r}>")
                if tag == "a" and name == "href":
                    self.links.add(value)

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"<!--{data}-->")

    def handle_data(self, data: str) -> None:
        if data.strip() == "49":
            self.wrong.append("a template was evaluated")


def test_whatever_an_event_says_is_text_on_every_page_that_links_lead_to(
    daemon: Daemon, inside: Browser
) -> None:
    events = []
    for number, trick in enumerate(TRICKS):
        shown = "".join(sign for sign in trick if sign.isprintable())
        events.append(
            {"type": "a.b", "id": f"{shown} {number}", "source": f"{shown} {number}", "job": trick,
             "subject": trick, "message": trick, "key": trick, "status": "problem",
             "severity": "crit", "data": {trick: trick, "list": [trick], "target": trick}}
        )  # fmt: skip
    replies = emitted(daemon, [json.dumps(event).encode() for event in events])
    assert [reply["status"] for reply in replies] == ["ok"] * len(events), replies
    daemon.ctl("silence", "add", "--for", "1h", "--comment", TRICKS[1], "source=<script>*")
    ours = {path_of(one) for one in ROUTES if "GET" in (one.methods or ()) and "{" not in one.path}
    left = sorted(ours - {"/metrics", "/login", fleet.PATH})  # the last is a hub's
    seen, elements = set(left), set[str]()
    while left and len(seen) < 300:
        url = left.pop(0)
        answer = inside.get(url)
        assert answer.status == 200, (url, answer.text)
        page = _Page()
        page.feed(answer.text)
        assert page.wrong == [], url
        elements |= page.elements
        assert not re.search(r"<(?!/?[a-z!])", answer.text.lower().replace("<!doctype", "")), url
        for link in page.links - {""}:
            there = urljoin(url, link).partition("#")[0]
            if there not in seen:
                seen.add(there)
                left.append(there)
    assert "h1" in elements


def test_what_is_in_an_address_is_text_on_the_page(inside: Browser) -> None:
    for route in ROUTES:
        if "GET" not in (route.methods or ()) or route.path.startswith((*BY_TOKEN, "/static")):
            continue
        for trick in ('"><script>alert(1)</script>', "\x1b[2J\x00\u202e", "' OR 1=1", "x" * 3000):
            path = path_of(route, quoted(trick))
            names = ("q", "id", "page", "source", "type", "state", "next", "match", "name", "since")
            answer = inside.get(f"{path}?{urlencode(dict.fromkeys(names, trick))}")
            assert answer.status in (200, 400, 403, 404, 409, 414, 422, 503), (path, answer.text)
            page = _Page()
            page.feed(answer.text)
            assert page.wrong == [], path
            assert "\x1b" not in answer.text
            assert "\u202e" not in answer.text


def quoted(text: str) -> str:
    return urlencode({"": text})[1:].replace("+", "%20")


def emitted(daemon: Daemon, lines: list[bytes]) -> list[dict[str, object]]:
    """The daemon's replies to events put into its socket one after the other, in order."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(60)
        peer.connect(str(daemon.runtime / "events.sock"))
        file = peer.makefile("rb")
        replies = []
        for line in lines:
            peer.sendall(line + b"\n")
            replies.append(json.loads(file.readline()))
        return replies


# -- where one message ends and the next begins


def head(path: str = "/login", method: str = "GET", *lines: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


# What is sent, and how many answers there may be at most. Where it is not clear where a message
# ends, what follows it is no request.
URLENCODED = "Content-Type: application/x-www-form-urlencoded"
SMUGGLED = head("/smuggled", "GET", "Connection: close")
UNCLEAR = {
    "both, of which the coding counts and nothing after it": (
        head("/login", "POST", URLENCODED, "Content-Length: 4", "Transfer-Encoding: chunked")
        + b"0\r\n\r\n" + SMUGGLED, 1),
    "two lengths": (
        head("/login", "POST", "Content-Length: 0", f"Content-Length: {len(SMUGGLED)}")
        + SMUGGLED, 1),
    "two lengths in one": (
        head("/login", "POST", "Content-Length: 0, 5") + SMUGGLED, 1),
    "a length with a sign": (head("/login", "POST", "Content-Length: +0") + SMUGGLED, 1),
    "a length below zero": (head("/login", "POST", "Content-Length: -1") + SMUGGLED, 1),
    "a length in hexadecimal": (head("/login", "POST", "Content-Length: 0x0") + SMUGGLED, 1),
    "another coding": (head("/login", "POST", "Transfer-Encoding: gzip, chunked") + SMUGGLED, 1),
    "a coding that is none": (head("/login", "POST", "Transfer-Encoding: xchunked") + SMUGGLED, 1),
    "two codings": (
        head("/login", "POST", "Transfer-Encoding: chunked", "Transfer-Encoding: identity")
        + SMUGGLED, 1),
    "a blank before the colon": (
        head("/login", "POST", f"Content-Length : {len(SMUGGLED)}") + SMUGGLED, 1),
    "a header that goes on in the next line": (
        head("/login", "GET", "X: a", " Content-Length: 5") + SMUGGLED, 2),
    "a chunk whose size is none": (
        head("/login", "POST", "Transfer-Encoding: chunked") + b"-1\r\n\r\n" + SMUGGLED, 1),
    "a chunk without its end": (
        head("/login", "POST", "Transfer-Encoding: chunked") + b"1\r\nxxx0\r\n\r\n" + SMUGGLED, 1),
    "a null": (b"GET /login\0 HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED, 1),
    "line ends within a target": (b"GET /a\nX: y HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, 1),
    "two hosts": (head("/login", "GET", "Host: evil.example") + SMUGGLED, 1),
    "no host": (b"GET /login HTTP/1.1\r\n\r\n" + SMUGGLED, 1),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00" + SMUGGLED, 1),
}  # fmt: skip


@pytest.mark.parametrize("what", UNCLEAR)
def test_what_is_not_clearly_a_request_of_its_own_is_none(service: Web, what: str) -> None:
    sent, most = UNCLEAR[what]
    found = statuses(exchange(service, sent))
    assert len(found) <= most, found
    if most == 1:
        assert set(found) <= {400, 403, 501}, found
    assert service.browser().get("/login").status == 200


# -- in numbers


def opened(web: Web) -> socket.socket:
    peer = socket.create_connection(address(web))
    peer.settimeout(60)
    return peer


def is_served(web: Web) -> bool:
    try:
        return web.browser().send("GET", "/login").status == 200
    except (OSError, http.client.HTTPException):
        return False


HALF = {
    "half a head": b"GET /login HTTP/1.1\r\nHost: loc",
    "TLS": b"\x16\x03\x01",
}
# An answered request, and what comes behind it.
HALF_AFTER_ANSWER = [
    (head(), b"GET /login HTTP/1.1\r\nHost: loc"),
    (head("/status", "POST", "Content-Length: 100000") + b"a=", b""),
    (head("/status", "POST", "Transfer-Encoding: chunked") + b"ffff\r\n", b"a"),
]


@pytest.fixture
def held() -> Iterator[list[socket.socket]]:
    """Connections that are held until the end."""
    made: list[socket.socket] = []
    yield made
    for peer in made:
        peer.close()


@pytest.mark.parametrize("what", HALF)
def test_connections_on_which_nothing_more_comes_make_room_for_others(
    hasty: Web, held: list[socket.socket], what: str
) -> None:
    for _ in range(2 * MOST_CONNECTIONS + 20):
        held.append(opened(hasty))
        with contextlib.suppress(ConnectionError):
            held[-1].sendall(HALF[what])
    until(lambda: is_served(hasty), lambda: f"{what}: nobody is served")


def test_connections_that_had_an_answer_make_room_for_others(
    hasty: Web, held: list[socket.socket]
) -> None:
    until(lambda: is_served(hasty), lambda: "nobody is served")
    for number in range(MOST_CONNECTIONS):
        request, then = HALF_AFTER_ANSWER[number % len(HALF_AFTER_ANSWER)]
        held.append(opened(hasty))
        held[-1].sendall(request)
        if b" 503 " in held[-1].recv(65536).partition(b"\r\n")[0]:
            break
        held[-1].sendall(then)
    else:
        pytest.fail("there may be more connections than were said")
    until(lambda: is_served(hasty), lambda: "nobody is served")


def test_what_one_connection_too_many_gets_has_the_headers_of_every_answer(
    service: Web, held: list[socket.socket]
) -> None:
    until(lambda: is_served(service), lambda: "nobody is served")
    for _ in range(MOST_CONNECTIONS - 1):
        held.append(opened(service))
    for language, said in (("ja", "接続が多すぎます"), ("en", "Too many connections")):
        held.append(opened(service))
        line = f"Accept-Language: {language}\r\n".encode()
        held[-1].sendall(head().replace(b"\r\n", b"\r\n" + line, 1))
        answer = b"".join(iter(partial(held[-1].recv, 65536), b"")).decode()
        lines = answer.partition("\r\n\r\n")[0].lower().split("\r\n")
        assert " 503 " in lines[0]
        assert {f"{name}: {value}".lower() for name, value in guard.HEADERS.items()} <= set(lines)
        assert {"connection: close", "retry-after: 5"} <= set(lines)
        assert said in answer


def test_half_a_request_is_not_waited_for(hasty: Web) -> None:
    with opened(hasty) as silent:
        silent.sendall(HALF["half a head"])
        assert silent.recv(100) == b""


def test_a_byte_now_and_then_does_not_hold_a_connection(hasty: Web) -> None:
    """Slowloris, on a connection that had its first answer long ago."""
    with socket.create_connection(address(hasty)) as peer:
        peer.settimeout(60)
        peer.sendall(head())
        assert peer.recv(65536).startswith(b"HTTP/1.1 200")
        peer.sendall(head()[:-2])
        peer.settimeout(0.5)
        for _ in range(120):
            try:
                peer.sendall(b"X: y\r\n")
                if peer.recv(65536) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("it is open after a minute")


def test_a_connection_is_closed_on_which_nothing_is_taken_of_the_answers(
    hasty: Web, held: list[socket.socket]
) -> None:
    held.append(opened(hasty))
    held[0].sendall(head("/static/zaiond.css") * 5000)
    closed = select.poll()
    closed.register(held[0], 0)
    until(lambda: closed.poll(0), lambda: "it is open still", seconds=90)


def peak(process: int) -> int:
    """Bytes of memory that it had at most."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


MOST_MEMORY = 256 * 1024 * 1024  # half of what the unit allows


def flood(cookie: str, csrf: str, bearer: str) -> list[bytes]:
    """Connections' worth of requests: whole ones and worse."""
    mine = (f"Cookie: {cookie}", "Connection: keep-alive")
    form = "Content-Type: application/x-www-form-urlencoded"
    fields = f"csrf={csrf}&".encode()
    large = fields + b"a=" + b"x" * BODY_BYTES
    batch = b"[" + b"[" * 100_000 + b"]" * 100_000 + b"]"
    many = b"[" + b",".join([b"1"] * 500_000) + b"]"
    key = b'{"type":"a",' + b",".join(b'"%d":{}' % n for n in range(100_000)) + b"}"
    door = f"Authorization: Bearer {bearer}"
    posts = [
        head("/v1/events", "POST", door, f"Content-Length: {len(body)}") + body
        for body in (
            batch,
            many,
            key,
            b"\xff" * 1000,
            b'{"type":"a"',
            b"\n" * 100_000,
            b"9" * 400_000,
        )
    ]
    posts += [
        head("/v1/alertmanager", "POST", door, f"Content-Length: {len(body)}") + body
        for body in (batch, many, key)
    ]
    return [
        head("/status", "GET", *mine) * 50,
        head("/login") * 50,
        head("/no-such-page") * 100,
        head("/static/zaiond.js") * 100,
        head("/status", "POST", *mine, form, f"Content-Length: {len(large)}") + large,
        head("/login", "POST", form, "Transfer-Encoding: chunked") + b"fffff\r\n" + large,
        head("/login", "POST", form, "Content-Length: 99999999999999") + b"a=1",
        head("/login", "GET", "X: " + "y" * 30_000) * 20,
        head("/login", "GET", "X: " + "y" * 70_000),
        head("/status", "POST", *mine, form, "Content-Length: 10") + b"a",
        b"\r\n" * 30_000,
        head("/metrics", "GET", "Authorization: Bearer x") * 50,
        head("/login", "GET", "Expect: 100-continue", "Content-Length: 9") * 5,
        head("/login", "GET", "Upgrade: websocket", "Connection: Upgrade") * 20,
        *posts,
    ]  # fmt: skip


async def _send(where: tuple[str, int], sent: bytes, wait: float) -> int:
    """Sends it, takes what comes; gives how many answers came."""
    await meanwhile(wait)
    found = 0
    try:
        reader, writer = await asyncio.open_connection(*where)
        try:
            async with asyncio.timeout(15):
                sending = asyncio.ensure_future(_drained(writer, sent))
                while piece := await reader.read(65536):
                    found += piece.count(b"HTTP/1.1 ")
                sending.cancel()
        finally:
            writer.transport.abort()
    except (OSError, TimeoutError):
        pass
    return found


async def _drained(writer: asyncio.StreamWriter, sent: bytes) -> None:
    with contextlib.suppress(OSError):
        for start in range(0, len(sent), 65536):
            writer.write(sent[start : start + 65536])
            await writer.drain()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Web]:
    """As systemd starts it; with a login that takes the memory that it takes."""
    with Daemon(tmp_path, CONFIG) as daemon, Web(daemon, as_service=True) as running:
        yield running


def test_thousands_of_requests_at_once_harm_neither_the_page_nor_who_emits(real: Web) -> None:
    daemon, service = real.daemon, real
    browser = service.inside()
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    kinds = flood(cookie, browser.csrf, token(daemon, "flood", "emit"))
    sent = [kinds[number % len(kinds)] for number in range(600)]
    assert sum(one.count(b"HTTP/1.1\r\n") for one in sent) >= 10_000

    async def attack() -> tuple[list[int], list[dict[str, object]]]:
        lines = [
            json.dumps({"type": "a.b", "id": f"beside {number}"}).encode() for number in range(200)
        ]
        emitting = asyncio.create_task(asyncio.to_thread(emitted, daemon, lines))
        where = address(service)
        answers = await asyncio.gather(
            *(_send(where, one, number * 0.005) for number, one in enumerate(sent))
        )
        return answers, await emitting

    answers, replies = asyncio.run(attack())
    assert sum(answers) > 100
    assert [reply["id"] for reply in replies] == [f"beside {number}" for number in range(200)]
    assert {reply["status"] for reply in replies} == {"ok"}
    until(lambda: is_served(service), lambda: "nobody is served afterwards")
    assert browser.get("/status").status == 200
    assert peak(service.process.pid) < MOST_MEMORY
    assert "Traceback" not in service.printed()
    descriptors = Path(f"/proc/{service.process.pid}/fd")
    until(lambda: len([*descriptors.iterdir()]) < 40, lambda: "connections are left")
