"""The settings page's own words: what `zaiond-ctl test` says and sends (the seed)."""

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeDaemon, MakePostfix
from tests.support.names import no_such_name
from tests.support.postfix import Postfix
from tests.support.scripted_server import refusing
from tests.support.sink import Sink

TO = "test@example.co.jp"


@pytest.mark.parametrize("through_daemon", [True, False])
def test_success_prints_the_seeds_line_and_the_seeds_mail_arrives(
    make_daemon: MakeDaemon, postfix: Postfix, sink: Sink, through_daemon: bool
) -> None:
    daemon = make_daemon(postfix.port)
    if through_daemon:
        daemon.start()
    done = daemon.ctl("test", TO)
    assert (done.stdout, done.stderr, done.returncode) == ("正常に送信されました\n", "", 0)
    (mail,) = sink.wait(1)
    assert mail.recipients == (TO,)
    assert mail.message["From"] == "zaionnex@example.co.jp"  # Postfix completes the bare name
    assert mail.message["To"] == TO
    assert mail.message["Date"].endswith(" +0900")
    assert mail.subject == "[Zaionnex] Test Mail"
    assert mail.body == "Zaionnex からのメール送信テストです。\n"


def test_success_in_english(make_daemon: MakeDaemon, postfix: Postfix, sink: Sink) -> None:
    daemon = make_daemon(postfix.port, language="en")
    assert daemon.ctl("test", TO).stdout == "Sent successfully\n"
    (mail,) = sink.wait(1)
    assert mail.subject == "[Zaionnex] Test Mail"
    assert mail.body == "This is a test mail from Zaionnex.\n"


@pytest.mark.parametrize("through_daemon", [True, False])
def test_a_server_whose_name_does_not_exist_prints_the_seeds_line(
    make_daemon: MakeDaemon, directory: Path, through_daemon: bool
) -> None:
    daemon = make_daemon(25, no_such_name(directory), mail_server={"host": "mailhost"})
    if through_daemon:
        daemon.start()
    done = daemon.ctl("test", TO)
    line, empty, *hint = done.stdout.splitlines()
    assert line == (
        "[Error] 送信エラー Cant connect Server 11001 mailhost:25 test@example.co.jp zaionnex"
    )
    assert empty == ""
    assert "mailhost" in "\n".join(hint)
    assert (done.stderr, done.returncode) == ("", 1)


def test_a_port_where_nothing_listens_is_told_as_refused(make_daemon: MakeDaemon) -> None:
    with refusing() as closed:
        port = closed.getsockname()[1]
        done = make_daemon(port).ctl("test", TO)
    assert done.stdout.splitlines()[0] == (
        f"[Error] 送信エラー Cant connect Server 10061 localhost:{port} {TO} zaionnex"
    )


def test_each_address_has_its_line_and_one_that_fails_fails_the_test(
    make_daemon: MakeDaemon, postfix: Postfix, sink: Sink
) -> None:
    postfix.refuse({"nobody@example.co.jp": "550 5.1.1 No such user here"})
    done = make_daemon(postfix.port).ctl("test", TO, "nobody@example.co.jp")
    sent, failed, empty, *_ = done.stdout.splitlines()
    assert sent == "正常に送信されました"
    assert failed == (
        f"[Error] 送信エラー Recipient refused 550 localhost:{postfix.port} "
        "nobody@example.co.jp zaionnex"
    )
    assert (empty, done.returncode) == ("", 1)
    assert [mail.recipients for mail in sink.wait(1)] == [(TO,)]


def test_verbose_shows_each_step_with_what_the_server_said(
    make_daemon: MakeDaemon, postfix: Postfix, sink: Sink
) -> None:
    done = make_daemon(postfix.port).ctl("test", "-v", TO)
    sent, empty, heading, *steps, _, last = done.stdout.splitlines()
    assert (sent, empty, heading) == (
        "正常に送信されました",
        "",
        f"{TO} (localhost:{postfix.port}):",
    )
    words = [step.split()[:2] for step in steps]
    assert [word for mark, word in words if mark == "ok"] == [
        "resolve", "connect", "greeting", "ehlo", "mail", "rcpt", "data", "content",
    ]  # fmt: skip
    (greeting, ehlo) = (step for step in steps if step.split()[1] in ("greeting", "ehlo"))
    assert "220 mailhost.example.co.jp ESMTP Postfix" in greeting
    assert "250 mailhost.example.co.jp: PIPELINING, SIZE" in ehlo
    (name,) = re.findall(r"queued as (\w+)$", steps[-1])
    assert f"（キュー ID {name}）" in last
    assert (done.stderr, done.returncode) == ("", 0)
    sink.wait(1)
    assert f"{name}: client=" in postfix.log()


def test_a_fallback_that_is_down_is_told_of_although_the_mail_went_out(
    make_daemon: MakeDaemon, postfix: Postfix, sink: Sink
) -> None:
    with refusing() as closed:
        down = closed.getsockname()[1]
        fallback = [{"host": "localhost", "port": down}]
        done = make_daemon(postfix.port, fallback_mail_servers=fallback).ctl("test", TO)
    assert (done.stdout, done.returncode) == ("正常に送信されました\n", 0)
    warning, cause, remedy = done.stderr.splitlines()
    assert warning == (f"警告: 送信エラー Cant connect Server 10061 localhost:{down} {TO} zaionnex")
    assert cause.startswith("原因: ")
    assert "fallback_mail_servers[0].port" in remedy
    sink.wait(1)


def test_a_fallback_that_works_is_tested_without_a_second_mail(
    make_daemon: MakeDaemon, make_postfix: MakePostfix, sink: Sink
) -> None:
    first, second = make_postfix(), make_postfix()
    fallback = [{"host": "localhost", "port": second.port}]
    done = make_daemon(first.port, fallback_mail_servers=fallback).ctl("test", "-v", TO)
    assert (done.stderr, done.returncode) == ("", 0)
    assert "  ok rset " in done.stdout.partition(f"(localhost:{second.port}):")[2]
    sink.wait(1)
    assert len(first.accepted()) == 1
    assert second.accepted() == []


def test_a_sender_without_its_domain_is_told_of_and_holds_the_mail(
    make_daemon: MakeDaemon, make_postfix: MakePostfix, sink: Sink
) -> None:
    # Postfix says so only where it knows the recipient.
    postfix = make_postfix(
        smtpd_sender_restrictions="reject_non_fqdn_sender", append_at_myorigin="no",
        remote_header_rewrite_domain="",
    )  # fmt: skip
    daemon = make_daemon(postfix.port)
    with daemon:
        done = daemon.ctl("test", TO)
        assert f"Recipient refused 504 localhost:{postfix.port} {TO} zaionnex" in done.stdout
        assert "送信元アドレスを正しい形と認めず" in done.stdout
        daemon.emit({"type": "disk.full", "id": "e1"})
        daemon.becomes(
            lambda queue: [one["state"] for one in queue["deliveries"]] == ["held"],
            *("queue", "list"),
        )
    assert sink.mails == []
