"""The settings page of a real zaiond-web, as a browser without a script has it."""

import fcntl
import http.client
import os
import re
import shutil
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest

from tests.support.daemon import Daemon
from tests.support.html import Html
from tests.support.sink import Sink
from tests.support.waiting import until
from tests.support.web import Browser, Web

SEED = Path(__file__).parents[1] / "support" / "mail-server-settings.txt"
SECRET = "hush-hush-0123"
TEXT = """\
# ours, with comments
mail_server:   # the relay
  host:   127.0.0.1   # keep this
  port: {port}
admins:
- a@zaion.jp   # Alice
- b@zaion.jp   # Bob
"""
LOGIN = {"mail_server.auth.mechanism": "basic", "mail_server.auth.username": "zaion"}
PASSWORD = "mail_server.auth.password"


class Running(NamedTuple):
    """What all tests here share."""

    web: Web
    sink: Sink
    cookies: dict[str, str]  # of the one browser that came in by the link


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("web")
    with (
        Sink() as sink,
        Daemon(directory, TEXT.format(port=sink.port)) as daemon,
        Web(daemon) as web,
    ):
        yield Running(web, sink, web.inside().cookies)


@pytest.fixture
def sink(running: Running) -> Sink:
    running.sink.mails.clear()
    return running.sink


@pytest.fixture
def web(running: Running, sink: Sink) -> Web:
    """With the configuration as it was at first, which the daemon has read."""
    web, config = running.web, running.web.daemon.config
    for path in config.parent.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    config.write_text(TEXT.format(port=sink.port))
    config.chmod(0o640)
    if web.daemon.process.poll() is None:
        web.daemon.ask("reload")
    else:
        web.daemon.start()
    web.forget()
    return web


@pytest.fixture
def browser(running: Running, web: Web) -> Browser:
    """Where a login leads: that page learns the daemon's language."""
    browser = web.browser()
    browser.cookies = dict(running.cookies)
    assert browser.get("/status").status == 200
    return browser


def settings(browser: Browser) -> Html:
    answer = browser.get("/settings")
    assert answer.status == 200
    return Html(answer.text)


def post(browser: Browser, to: str = "/settings", **fields: str) -> Html:
    """Sends the form that the browser shows, with these fields changed; _ stands for a dot."""
    sent = Html(browser.page.text).form()
    browser.post(to, {**sent, **fields})
    return Html(browser.page.text)


def messages(page: Html) -> list[str]:
    return [
        re.sub(r"\s+", " ", one["text"]).strip()
        for _, one in page.elements
        if one.get("class", "").startswith("message")
    ]


# -- the seed


def seed_lines() -> list[str]:
    """Each piece of text of the seed, in order, without its form of writing."""
    text = SEED.read_text(encoding="utf-8")
    text = re.sub(r"<[^>]*>|\*\*|^- |```|\t", "\n", text, flags=re.MULTILINE)
    pieces = [piece.strip() for piece in text.split("\n")]
    return [re.sub(r"\s+", " ", piece) for piece in pieces if piece]


def test_the_page_is_the_seeds_word_for_word_in_its_order(browser: Browser) -> None:
    browser.headers["Accept-Language"] = "ja"
    page = settings(browser)
    lines = seed_lines()
    title, needed, window, again, *rest = lines
    # The frame of the window is the browser's own, and the title in it that of the page.
    assert (window, again) == ("✖", title)
    assert len(rest) > 50
    at = 0
    for line in (title, needed, *rest):
        found = page.text.find(line, at)
        assert found >= 0, f"{line!r} is not behind {page.text[max(0, at - 60) : at]!r}"
        at = found + len(line)


def test_a_first_configuration_begins_as_the_seeds_page_is_filled(
    browser: Browser, web: Web
) -> None:
    web.daemon.config.unlink()
    page = settings(browser)
    assert page.field("mail_server.host")["value"] == "mailhost"
    assert page.field("mail_server.port")["value"] == "25"
    assert page.chosen("mail_server.auth.mechanism") == ["none"]
    assert page.chosen("mail_server.pop_before_smtp.enabled") == ["false"]
    assert page.field("sender")["value"] == "zaionnex"
    assert messages(page) == ["There is no configuration yet: Update makes it."]
    post(browser, **{"admins": "a@zaion.jp", "mail_server.host": "mx.zaion.jp"})
    assert web.daemon.config.read_text() == (
        "# The configuration of zaiond. All settings: man zaiond.yaml\n\n"
        "mail_server:\n  host: mx.zaion.jp\nadmins: a@zaion.jp\nlanguage: en\n"
    )


# -- what it does


def test_update_writes_what_setup_writes_and_the_daemon_takes_it(
    browser: Browser, web: Web, sink: Sink
) -> None:
    before = web.daemon.config.read_text()
    settings(browser)
    page = post(
        browser,
        **LOGIN,
        **{PASSWORD: SECRET, "sender": "z@zaion.jp", "admins": "b@zaion.jp, c@zaion.jp"},
    )
    file = web.daemon.config
    assert browser.page.url == f"{web.base}/settings"
    assert messages(page) == [
        f"Updated: {file.parent / 'smtp-password'}",
        f"Updated: {file}",
        "The running zaiond has taken it",
    ]
    assert file.read_text() == (
        before.replace(
            f"  port: {sink.port}\n",
            f"  port: {sink.port}\n  auth:\n    mechanism: basic\n    username: zaion\n"
            "    password_file: smtp-password\n"
            "sender: z@zaion.jp\n",
        )
        .replace("- a@zaion.jp   # Alice\n", "")
        .replace("# Bob\n", "# Bob\n- c@zaion.jp\n")
    )
    assert (file.parent / "smtp-password").read_text() == f"{SECRET}\n"
    in_force = web.daemon.document("config", "show")["settings"]
    assert {"key": "sender", "value": "z@zaion.jp"}.items() <= in_force[
        [one["key"] for one in in_force].index("sender")
    ].items()
    web.logged(f"root（127.0.0.1）: 設定を変更: {file.parent / 'smtp-password'}, {file}")
    assert SECRET not in web.printed()


def test_a_password_never_comes_back_to_the_browser(browser: Browser, web: Web) -> None:
    settings(browser)
    entered = {**LOGIN, PASSWORD: SECRET, "mail_server.port": "x"}
    wrong = post(browser, **entered)
    assert SECRET not in browser.page.text
    assert "not saved yet: enter it again" in wrong.said(PASSWORD)
    browser.headers["X-Piece"] = "1"  # of the script, with which it stays in its field
    assert "Not saved yet" in post(browser, **entered).said(PASSWORD)
    del browser.headers["X-Piece"]
    post(browser, "/settings/test", **LOGIN, **{PASSWORD: SECRET, "mail_server.port": "1"})
    assert SECRET not in browser.page.text
    settings(browser)
    post(browser, **LOGIN, **{PASSWORD: SECRET})
    page = settings(browser)
    assert SECRET not in browser.page.text
    assert "value" not in page.field(PASSWORD)
    assert page.said(PASSWORD).startswith("Set. To keep it, leave this empty.")
    assert messages(post(browser)) == ["Nothing to change"]
    assert (web.daemon.config.parent / "smtp-password").read_text() == f"{SECRET}\n"


def test_an_error_stands_at_its_field_in_the_words_of_check(browser: Browser, web: Web) -> None:
    before = web.daemon.config.read_bytes()
    settings(browser)
    page = post(
        browser,
        **{
            "mail_server.host": "mailhost:25",
            "mail_server.port": "２５",
            "mail_server.auth.mechanism": "ntlm",
            "sender": "",
            "admins": "a@zaion.jp；b@zaion.jp <script>",
        },
    )
    assert browser.page.status == 422
    for key, said in (
        ("mail_server.host", 'write the name alone: the port belongs into "SMTP port"'),
        ("mail_server.port", "there are full-width digits or signs: write 25"),
        ("mail_server.auth.username", "this is required: enter a value"),
        (PASSWORD, "this is required: enter a value"),
        ("sender", "this is required: enter a value"),
        ("admins", "separate addresses by ','"),
    ):
        field = page.field(key)
        assert said in page.said(key)
        assert field["aria-invalid"] == "true"
        assert f"said-{field['id']}" in field["aria-describedby"].split()
    assert page.field("mail_server.port")["value"] == "２５"
    assert page.field("admins")["value"] == "a@zaion.jp；b@zaion.jp <script>"
    assert page.chosen("mail_server.auth.mechanism") == ["ntlm"]
    assert "<script>" not in browser.page.text
    assert "aria-invalid" not in page.by_id("mail-server-auth-mechanism")
    assert web.daemon.config.read_bytes() == before


def test_cancel_and_back_change_nothing(browser: Browser, web: Web) -> None:
    before = web.daemon.config.read_bytes()
    settings(browser)
    assert messages(post(browser, "/settings/cancel", sender="z@zaion.jp")) == [
        "Cancelled. Nothing was changed"
    ]
    assert Html(browser.page.text).field("sender")["value"] == "zaionnex"
    assert web.daemon.config.read_bytes() == before


def test_two_administrators_at_once_see_each_others_changes_and_overwrite_none(
    browser: Browser, web: Web
) -> None:
    one = browser
    two = web.browser()
    two.cookies = dict(one.cookies)
    settings(one)
    settings(two)
    post(two, **{"mail_server.host": "mx.zaion.jp", "sender": "two@zaion.jp"})
    after = web.daemon.config.read_bytes()
    page = post(one, sender="one@zaion.jp", admins="c@zaion.jp")
    assert one.page.status == 409
    assert web.daemon.config.read_bytes() == after
    assert messages(page)[0].startswith("The configuration was changed by someone else meanwhile.")
    assert page.field("mail_server.host")["value"] == "127.0.0.1"
    assert "Changed by someone else to: mx.zaion.jp" in page.said("mail_server.host")
    assert page.field("sender")["value"] == "one@zaion.jp"
    assert "Changed by someone else to: two@zaion.jp" in page.said("sender")
    again = post(one, **{"mail_server.host": "mx.zaion.jp"})
    assert one.page.status == 200
    assert again.field("mail_server.host")["value"] == "mx.zaion.jp"
    assert again.field("sender")["value"] == "one@zaion.jp"
    assert again.field("admins")["value"] == "c@zaion.jp"


def test_what_cannot_be_changed_here_says_why(browser: Browser, web: Web) -> None:
    drop_in = web.daemon.config.parent / "conf.d" / "10.yaml"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text("sender: over@zaion.jp\nmail_server: {auth: {mechanism: none}}\n")
    drop_in.chmod(0o640)
    page = settings(browser)
    assert "readonly" in page.field("sender")
    assert page.said("sender") == f"it is set in {drop_in}:1: to change it, edit that file"
    radios = [one for _, one in page.elements if one.get("name") == "mail_server.auth.mechanism"]
    assert all("disabled" in one for one in radios)
    assert f"{drop_in}:2" in page.said("mail_server.auth.mechanism")
    updated = post(browser, admins="c@zaion.jp")
    assert browser.page.status == 200
    assert updated.field("admins")["value"] == "c@zaion.jp"


def test_what_is_saved_with_a_warning_does_not_look_as_if_all_were_well(
    browser: Browser, web: Web
) -> None:
    drop_in = web.daemon.config.parent / "conf.d" / "10.yaml"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text("fallback_mail_servers: [{host: mx.zaion.jp, port: 25, security: tls}]\n")
    drop_in.chmod(0o640)
    settings(browser)
    page = post(browser, admins="c@zaion.jp")
    looks = {
        one["class"]: re.sub(r"\s+", " ", one["text"])
        for tag, one in page.elements
        if one.get("class", "").startswith("message ")
    }
    assert looks["message ok"] == "The running zaiond has taken it"
    assert looks["message warning"].startswith("Warning: ")
    assert "25" in looks["message warning"]


def test_errors_that_the_page_cannot_mend_are_shown_with_their_line(
    browser: Browser, web: Web
) -> None:
    file = web.daemon.config
    file.write_text(file.read_text() + "charset: x\n")
    page = settings(browser)
    assert "Mend them in the file first." in messages(page)[0]
    assert f"{file}:8: charset: " in messages(page)[0]


def test_without_a_daemon_the_settings_can_be_changed_all_the_same(
    browser: Browser, web: Web
) -> None:
    web.daemon.stop()
    settings(browser)
    page = post(browser, sender="z@zaion.jp")
    assert page.field("sender")["value"] == "z@zaion.jp"
    assert "zaiond is not running" in messages(page)[1]
    web.daemon.start()


def test_what_cannot_be_written_leaves_all_that_was_entered(browser: Browser, web: Web) -> None:
    file = web.daemon.config
    auth = "  auth: {mechanism: basic, username: zaion, password_file: none/password}\n"
    file.write_text(file.read_text().replace("admins:", f"{auth}admins:"))
    before = file.read_bytes()
    settings(browser)
    page = post(browser, sender="one@zaion.jp", **{PASSWORD: SECRET})
    assert browser.page.status == 503
    (said,) = messages(page)
    assert f"{file.parent}/none/password: can't be written: No such file or directory" in said
    assert page.field("sender")["value"] == "one@zaion.jp"
    assert "enter it again" in page.said(PASSWORD)
    assert file.read_bytes() == before
    (file.parent / "none").mkdir()
    page = post(browser, **{PASSWORD: SECRET})
    assert browser.page.status == 200
    assert page.field("sender")["value"] == "one@zaion.jp"


def test_what_is_entered_stays_when_the_program_that_writes_it_is_killed(
    browser: Browser, web: Web
) -> None:
    config = web.daemon.config
    before = config.read_bytes()
    settings(browser)
    etc = os.open(config.parent, os.O_RDONLY)
    try:
        fcntl.flock(etc, fcntl.LOCK_EX)  # for which who updates waits
        with ThreadPoolExecutor(1) as thread:
            answered = thread.submit(post, browser, sender="one@zaion.jp")
            until(lambda: waiting(web) != [], lambda: "nobody waits")
            for process in waiting(web):
                os.kill(process, signal.SIGKILL)
            page = answered.result(30)
    finally:
        os.close(etc)
    assert browser.page.status == 503
    assert "does not answer" in messages(page)[0]
    assert page.field("sender")["value"] == "one@zaion.jp"
    assert config.read_bytes() == before
    assert post(browser).field("sender")["value"] == "one@zaion.jp"
    assert b"sender: one@zaion.jp" in config.read_bytes()


def waiting(web: Web) -> list[int]:
    """The processes of zaiond-web that wait for a lock (proc_locks(5))."""
    process = web.process.pid
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    waits = re.findall(r"-> FLOCK +ADVISORY +WRITE (\d+)", Path("/proc/locks").read_text())
    return [int(child) for child in children if child in waits]


# -- ⑦


def test_the_test_goes_out_by_what_is_in_the_fields_and_they_stay(
    browser: Browser, web: Web, sink: Sink
) -> None:
    before = web.daemon.config.read_bytes()
    settings(browser)
    page = post(browser, "/settings/test", sender="z@zaion.jp", addresses="t@zaion.jp")
    (mail,) = sink.wait(1)
    assert (mail.reverse_path, mail.recipients) == ("z@zaion.jp", ("t@zaion.jp",))
    result = page.by_id("result")["text"]
    assert "Sent successfully" in result
    assert result.index("connect") < result.index("content") < result.index("Sent successfully")
    assert page.field("sender")["value"] == "z@zaion.jp"
    assert page.field("addresses")["value"] == "t@zaion.jp"
    assert web.daemon.config.read_bytes() == before
    web.logged("root（127.0.0.1）: テストメールを送信: t@zaion.jp: ok")
    # What was tried can be written then.
    assert post(browser).field("sender")["value"] == "z@zaion.jp"


def test_without_an_address_it_goes_to_the_admins_in_the_fields(
    browser: Browser, sink: Sink
) -> None:
    settings(browser)
    post(browser, "/settings/test", admins="x@zaion.jp, y@zaion.jp")
    assert [mail.recipients[0] for mail in sink.wait(2)] == ["x@zaion.jp", "y@zaion.jp"]


@pytest.mark.parametrize(
    ("language", "words", "advice"),
    [("ja", "送信エラー", "対処: "), ("en", "Send error", "Remedy: ")],
)
def test_a_failure_is_told_in_the_words_of_the_contract_with_advice_below(
    browser: Browser, language: str, words: str, advice: str
) -> None:
    browser.headers["Accept-Language"] = language
    line = f"[Error] {words} Cant connect Server 10061 127.0.0.1:1 t@zaion.jp zaionnex"
    settings(browser)
    tried = {"mail_server.port": "1", "addresses": "t@zaion.jp"}
    result = post(browser, "/settings/test", **tried).by_id("result")["text"]
    assert line in result.splitlines()
    assert result.index(line) < result.index(advice)
    remedy = result[result.index(advice) :]
    for label in {
        "ja": ("「送信メールサーバー」", "「SMTP ポート番号」"),
        "en": ('"Outgoing mail server"', '"SMTP port"'),
    }[language]:
        assert label in remedy
    assert "mail_server" not in remedy


def test_a_wrong_address_is_told_at_its_field_and_nothing_is_sent(
    browser: Browser, sink: Sink
) -> None:
    settings(browser)
    page = post(browser, "/settings/test", addresses="nobody")
    assert browser.page.status == 422
    assert "there is no '@'" in page.said("addresses")
    assert page.field("addresses")["aria-invalid"] == "true"
    assert "no test mail was sent" in messages(page)[0]
    assert sink.mails == []


@pytest.mark.parametrize("piece", [True, False])
def test_each_step_reaches_the_browser_when_it_has_happened(
    browser: Browser, web: Web, piece: bool
) -> None:
    settings(browser)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        fields = Html(browser.page.text).form() | {"mail_server.port": port, "addresses": "t@b.jp"}
        connection = http.client.HTTPConnection(urlsplit(web.base).netloc, timeout=30)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": web.base,
            "Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items()),
            "Accept-Language": "en",
            **({"X-Piece": "1"} if piece else {}),
        }
        connection.request("POST", "/settings/test", urlencode(fields), headers)
        peer, _ = listener.accept()
        with peer:
            response = connection.getresponse()
            assert response.status == 200
            seen = b""
            while b"<code>connect</code>" not in seen:  # the server has said nothing yet
                seen += response.readline()
            peer.sendall(b"554 5.3.2 go away\r\n")
            rest = response.read().decode()
        connection.close()
    assert "Server refused 554" in rest
    assert ("</html>" in rest) is not piece


def test_who_leaves_during_a_test_ends_it(browser: Browser, web: Web) -> None:
    settings(browser)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        fields = Html(browser.page.text).form() | {"mail_server.port": port}
        connection = http.client.HTTPConnection(urlsplit(web.base).netloc, timeout=30)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items()),
        }
        connection.request("POST", "/settings/test", urlencode(fields), headers)
        peer, _ = listener.accept()
        with peer:
            connection.close()
            peer.settimeout(30)
            assert peer.recv(1) == b""  # it hung up


def test_reloading_the_address_of_a_test_leads_back_to_the_page(browser: Browser) -> None:
    assert browser.get("/settings/test").url.endswith("/settings")
