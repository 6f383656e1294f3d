"""zaiond-sendmail, from its standard input to the mail server."""

import contextlib
import io
import json
import os
import socket
import stat
import subprocess
import threading
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

from tests.support.attacks import being
from tests.support.daemon import PROGRAMS, Daemon
from tests.support.sink import Sink
from tests.support.waiting import until
from zaiond.sendmail import main

MIB = 1024 * 1024
LINE = b"0123456789abcdef" * 5 + b"\n"


def configuration(sink: Sink, more: str = "") -> str:
    return f"""
mail_server: {{host: 127.0.0.1, port: {sink.port}}}
sender: zaionnex@example.co.jp
admins: admin@example.co.jp
language: en
{more}
"""


class Done(NamedTuple):
    """What became of a call; `stderr` is what it complained of."""

    returncode: int
    stderr: bytes


def give(daemon: Daemon, mail: bytes, *arguments: str) -> Done:
    """As `give_program`, within this process, in less time."""
    environment = {**daemon.environment, **daemon.places, "LC_ALL": "C"}
    said = io.StringIO()
    with mock.patch.dict(os.environ, environment, clear=True), contextlib.redirect_stderr(said):
        status = main.run(list(arguments), io.BytesIO(mail))
    return Done(status, said.getvalue().encode())


def give_program(
    daemon: Daemon, mail: bytes, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [PROGRAMS / "zaiond-sendmail", *arguments],
        input=mail,
        env={**daemon.environment, **daemon.places, "LC_ALL": "C", **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_who_is_of_this_machine_is_the_admins_and_others_get_it_themselves(tmp_path: Path) -> None:
    mail = b"To: root, b@x.example\nBcc: c@x.example\nSubject: x\n\nbody\n.\nmore\n"
    with Sink() as sink, Daemon(tmp_path, configuration(sink)) as daemon:
        assert give_program(daemon, mail, "-t", "-i").returncode == 0
        sink.wait(1)
        own = socket.gethostname()
        assert (
            give_program(daemon, b"Subject: y\n\ny\n", f"bob@{own}", "postmaster").returncode == 0
        )
        sink.wait(2)
        assert give_program(daemon, b"Subject: z\n\nz\n", "d@x.example").returncode == 0
        sink.wait(3)
    recipients = {mail.subject: set(mail.recipients) for mail in sink.mails}
    assert recipients["x"] == {"admin@example.co.jp", "b@x.example", "c@x.example"}
    assert recipients["y"] == {"admin@example.co.jp"}
    assert recipients["z"] == {"d@x.example"}
    assert sink.mails[0].body == "body\n.\nmore\n"
    assert {mail.reverse_path for mail in sink.mails} == {"zaionnex@example.co.jp"}


def test_a_dot_alone_ends_a_mail_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    with Sink() as sink, Daemon(tmp_path, configuration(sink)) as daemon:
        assert give(daemon, b"Subject: x\n\nbody\n.\nmore\n", "root").returncode == 0
        sink.wait(1)
    assert sink.mails[0].body == "body\n"


@pytest.mark.parametrize("size", [1000, 400_000, 10 * MIB], ids=str)
def test_a_mail_that_was_taken_while_the_daemon_was_down_arrives(tmp_path: Path, size: int) -> None:
    body = (LINE * (size // len(LINE) + 1))[: size - 100]
    with Sink(options={"data_size_limit": 0}) as sink:
        daemon = Daemon(tmp_path, configuration(sink))
        done = give(daemon, b"Subject: x\n\n" + body, "-i", "b@x.example")
        assert (done.returncode, done.stderr) == (0, b"")
        (left,) = daemon.spool.iterdir()
        assert stat.S_IMODE(left.stat().st_mode) == 0o640
        with daemon:
            (mail,) = sink.wait(1)
            history = daemon.ctl("history", mail.event_ids[0], "--json").stdout
    assert mail.content.split(b"\r\n\r\n", 1)[1].replace(b"\r\n", b"\n").rstrip() == body.rstrip()
    assert len(history) < 100_000  # nobody reads the mail there
    assert not list(daemon.spool.glob("*.mail"))


def test_what_is_too_large_is_read_to_its_end_and_refused(tmp_path: Path) -> None:
    with Sink() as sink:
        daemon = Daemon(tmp_path, configuration(sink))
        done = give_program(daemon, b"Subject: x\n\n" + b"x\n" * (6 * MIB), "root")
        assert done.returncode == 69
        assert b"over 10 MiB" in done.stderr
        assert not list(daemon.spool.iterdir())


def test_what_is_said_is_in_the_language_of_the_user(tmp_path: Path) -> None:
    with Sink() as sink:
        daemon = Daemon(tmp_path, configuration(sink))
    assert (
        "メールが空です" in give_program(daemon, b"", "root", LC_ALL="ja_JP.UTF-8").stderr.decode()
    )
    assert b"the mail is empty" in give_program(daemon, b"", "root").stderr
    assert give_program(daemon, b"", "-q").returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="acts as another user")
@pytest.mark.parametrize("lines", [1000, 400_000])
def test_who_may_not_emit_is_told_which_group_to_join(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lines: int,
) -> None:
    with Sink() as sink:
        daemon = Daemon(tmp_path, configuration(sink))
    daemon.spool.chmod(0o700)
    for name, value in (*daemon.places.items(), ("LC_ALL", "C")):
        monkeypatch.setenv(name, value)
    mail = b"x\n" * lines
    assert main.run(["root"], io.BytesIO(mail)) == 0  # all that it loads is loaded
    with being(65534):
        status = main.run(["root"], io.BytesIO(mail))
    assert status == 77
    assert "zaiond-emit" in capsys.readouterr().err


def test_neither_daemon_nor_spool_is_a_reason_to_try_again(tmp_path: Path) -> None:
    with Sink() as sink:
        daemon = Daemon(tmp_path, configuration(sink))
    daemon.spool.rmdir()
    for mail in (b"x\n", b"x\n" * 400_000):
        done = give(daemon, mail, "root")
        assert done.returncode == 75
        assert b"not taken" in done.stderr


def test_a_user_has_no_more_of_mails_than_of_other_events(tmp_path: Path) -> None:
    limits = "limits: {bytes_waiting: 1M}"
    mail = b"Subject: x\n\n" + b"x\n" * 250_000
    with Sink(refuse={"b@x.example": "450 later"}) as sink:
        daemon = Daemon(tmp_path, configuration(sink, limits))
        with daemon:
            assert give(daemon, mail, "b@x.example").returncode == 0
            assert give(daemon, mail, "b@x.example").returncode == 0
            small = b"Subject: x\n\n" + b"y" * 150_000
            seen = {give(daemon, small, "b@x.example").returncode for _ in range(3)}
    assert 75 in seen  # the user has no more room


def test_a_mail_is_kept_whole_while_several_are_given_at_once(tmp_path: Path) -> None:
    with Sink() as sink, Daemon(tmp_path, configuration(sink)) as daemon:
        statuses: list[int] = []

        def one(number: int) -> None:
            mail = b"Subject: %d\n\n" % number + b"%d\n" % number + LINE * 1200
            statuses.append(give_program(daemon, mail, "b@x.example").returncode)

        threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [0] * 6
        mails = sink.wait(6)
    assert sorted(mail.subject for mail in mails) == list("012345")
    assert all(mail.body == f"{mail.subject}\n" + LINE.decode() * 1200 for mail in mails)


def test_a_recipient_that_only_the_program_named_and_the_server_does_not_know_is_given_up(
    tmp_path: Path,
) -> None:
    unknown = "550 5.1.1 <gone@x.example>: No such user here"
    with Sink(refuse={"gone@x.example": unknown}) as sink:
        daemon = Daemon(tmp_path, configuration(sink))
        with daemon:
            mail = b"Subject: x\n\nx\n"
            assert give(daemon, mail, "gone@x.example", "b@x.example", "root").returncode == 0
            mails = sink.wait(2)
            (notice,) = [one for one in mails if "Failed to gone@x.example" in one.subject]
            (sent,) = [one for one in mails if one.subject == "x"]
            assert set(sent.recipients) == {"b@x.example", "admin@example.co.jp"}
            assert notice.recipients == ("admin@example.co.jp",)
            assert unknown in notice.body
            (id_,) = sent.event_ids
            assert f"zaiond-ctl queue retry {id_}" in notice.body
            assert daemon.ctl("queue", "list", "--json").stdout.count("recipient") == 0
            assert daemon.ctl("status").returncode == 1
            assert id_ in daemon.ctl("history", "--failed").stdout
            del sink.refuse["gone@x.example"]
            assert daemon.ctl("queue", "retry", id_).returncode == 0
            sink.wait(3)
    assert sink.mails[-1].recipients == ("gone@x.example",)
    assert sink.mails[-1].message["Message-ID"] == sent.message["Message-ID"]


ADMIN = "admin@example.co.jp"
MENDED_BY_SOMEBODY = {
    ADMIN: "550 5.1.1 No such user",  # an admin's address
    "b@x.example": "550 no thanks",  # which says nothing
    "c@x.example": "554 5.7.1 Relay access denied",
    "d@x.example": "450 4.2.1 later",
    "e@x.example": "552 5.2.2 Mailbox full",
}


def test_what_somebody_can_mend_is_kept(tmp_path: Path) -> None:
    refuse = dict(MENDED_BY_SOMEBODY)
    with Sink(refuse=refuse) as sink, Daemon(tmp_path, configuration(sink)) as daemon:
        for address in refuse:
            recipient = "root" if address == ADMIN else address
            assert give(daemon, b"Subject: x\n\nx\n", recipient).returncode == 0

        def all_wait(queue: dict[str, Any]) -> bool:
            tried = [one for one in queue["deliveries"] if one["attempts"] == 1]
            return {one["recipient"] for one in tried if one["subject"] == "x"} == refuse.keys()

        daemon.becomes(all_wait, "queue", "list")
        assert daemon.document("status")["queue"]["failed"] == 0


@pytest.mark.parametrize("reply", ["554 5.7.1 Relay denied", "530 5.7.0 Must log in", "550 no"])
def test_what_is_said_of_a_recipient_that_a_program_named_holds_that_mail_alone(
    tmp_path: Path, reply: str
) -> None:
    refuse = {f"{name}@x.example": reply for name in "bcd"}
    with Sink(refuse=refuse) as sink, Daemon(tmp_path, configuration(sink)) as daemon:
        for recipient in refuse:
            assert give(daemon, b"Subject: x\n\nx\n", recipient).returncode == 0
        (notice,) = sink.wait(1)
        assert "its recipient is refused" in notice.subject
        assert "A mail server refuses the recipient of a mail" in notice.body
        daemon.ctl("emit", "disk.low")
        sink.wait(2)

        def holds() -> list[str]:
            listed = json.loads(daemon.ctl("queue", "list", "--json").stdout)["deliveries"]
            return sorted(one["hold"]["scope"] for one in listed if one["hold"])

        until(lambda: holds() == ["mail"] * 3, lambda: str(holds()))
        assert len(sink.mails) == 2  # there is no notice for each
        sink.refuse.clear()
        assert daemon.ctl("queue", "retry").returncode == 0
        sink.wait(5)
        assert holds() == []


def test_mails_that_are_told_of_together_are_told_by_their_subjects_and_texts(
    tmp_path: Path,
) -> None:
    routes = "routes: {local: {match: {type: mail.local}, group_wait: 5s}}"
    with Sink() as sink:
        daemon = Daemon(tmp_path, configuration(sink, routes))
        for number in range(12):
            body = f"text of {number}\n".encode() + LINE * (MIB // len(LINE))
            mail = b"Subject: mail %d\n\n" % number + body
            assert give(daemon, mail, "root", *["b@x.example"][number:]).returncode == 0
        with daemon:
            mails = sink.wait(2, timeout=60)
    (named,) = [mail for mail in mails if mail.recipients == ("b@x.example",)]
    assert len(named.content) > MIB  # that one goes by no route
    (together,) = [mail for mail in mails if mail is not named]
    assert len(together.event_ids) == 12
    for number in range(12):
        assert f"mail {number}" in together.body
        assert f"text of {number}" in together.body
    assert len(together.content) < MIB


def test_one_mail_that_waited_for_others_goes_out_as_it_came(tmp_path: Path) -> None:
    routes = "routes: {local: {match: {type: mail.local}, group_wait: 1s}}"
    with Sink() as sink, Daemon(tmp_path, configuration(sink, routes)) as daemon:
        body = LINE * 7000
        assert give(daemon, b"X-Own: field\nSubject: x\n\n" + body, "root").returncode == 0
        (mail,) = sink.wait(1)
    assert mail.message["X-Own"] == "field"
    assert mail.body.encode() == body


def test_an_explicit_recipient_bypasses_routes_and_silences(tmp_path: Path) -> None:
    routes = """
routes:
  backup: {match: {type: mail.local, subject: "backup*"}, to: [ops@x.example]}
  rest: {match: {type: mail.local}, to: []}
"""
    with Sink() as sink, Daemon(tmp_path, configuration(sink, routes)) as daemon:
        assert give(daemon, b"Subject: backup ok\n\nx\n", "root", "b@x.example").returncode == 0
        sink.wait(1)
        assert give(daemon, b"Subject: chatter\n\nx\n", "root", "c@x.example").returncode == 0
        sink.wait(2)
        silence = ("--match", "type=mail.local", "--for", "1h", "--comment", "test")
        assert daemon.ctl("silence", "add", *silence).returncode == 0
        assert give(daemon, b"Subject: backup late\n\nx\n", "root", "d@x.example").returncode == 0
        sink.wait(3)
        assert give(daemon, b"Subject: backup gone\n\nx\n", "root").returncode == 0
        told = json.loads(daemon.ctl("history", "--json").stdout)["events"]
    sent = sorted((mail.subject, mail.recipients) for mail in sink.mails)
    assert sent == [
        ("backup late", ("d@x.example",)),
        ("backup ok", ("b@x.example", "ops@x.example")),
        ("chatter", ("c@x.example",)),
    ]
    outcomes = {one["subject"]: (one["outcome"], one["reason"]) for one in told}
    assert outcomes["backup gone"][0] == "silenced"
    assert outcomes["chatter"][0] == "delivered"


def test_a_mail_that_waits_is_made_anew_for_whom_its_program_named(tmp_path: Path) -> None:
    with Sink(refuse={"b@x.example": "450 4.2.1 later"}) as sink:
        daemon = Daemon(tmp_path, configuration(sink))
        with daemon:
            mail = b"Subject: x\nMessage-ID: <own@x.example>\n\nx\n"
            assert give(daemon, mail, "b@x.example").returncode == 0

            def is_deferred() -> bool:
                return '"state": "deferred"' in daemon.ctl("queue", "list", "--json").stdout

            until(is_deferred, lambda: daemon.ctl("queue", "list").stdout)
            sink.refuse.clear()
            changed = configuration(sink).replace("zaionnex@example.co.jp", "new@example.co.jp")
            daemon.config.write_text(changed, encoding="utf-8")
            (arrived,) = sink.wait(1)
    assert arrived.recipients == ("b@x.example",)
    assert arrived.reverse_path == "new@example.co.jp"
    assert arrived.message["From"].addresses[0].addr_spec == "new@example.co.jp"
    assert arrived.message["Message-ID"] == "<own@x.example>"


def test_a_mail_that_was_taken_arrives_whole_whenever_the_daemon_is_killed(tmp_path: Path) -> None:
    taken: list[str] = []

    def send(daemon: Daemon) -> None:
        for number in range(12):
            lines = b"%d\n" % number + LINE * (5000 if number % 2 else 10)
            mail = b"Subject: %d\n\n" % number + lines
            if give_program(daemon, mail, "b@x.example").returncode == 0:
                taken.append(str(number))

    with Sink() as sink:
        daemon = Daemon(tmp_path, configuration(sink))
        daemon.start()
        sending = threading.Thread(target=send, args=(daemon,))
        sending.start()
        for arrived in (2, 4, 7):
            sink.wait(arrived)
            daemon.kill()
            daemon.start()
        sending.join()

        def arrived_all() -> bool:
            return set(taken) <= {mail.subject for mail in sink.mails}

        until(arrived_all, lambda: str(set(taken) - {mail.subject for mail in sink.mails}))
        daemon.stop()
    assert len(taken) == 12  # the spool takes what a killed daemon doesn't
    for mail in sink.mails:
        lines = 5000 if int(mail.subject) % 2 else 10
        assert mail.body == f"{mail.subject}\n" + LINE.decode() * lines
    ids = {mail.message["Message-ID"] for mail in sink.mails}
    assert len(ids) == 12  # what came twice can be known by it
