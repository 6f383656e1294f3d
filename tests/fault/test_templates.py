"""Templates and attachments, from the event's socket to the mail."""

import tempfile
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.sink import Mail, Sink

CONFIGURATION = """
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: [a@example.co.jp]
language: en
routes:
  database:
    match: {{type: "db.*"}}
    template: database
    attach: [data.log]
    group_wait: 1s
    group_by: [type]
  other: {{match: {{type: "other.*"}}, template: database}}
"""
TEXTS = {
    "subject": "{{ total }} x {{ event.type }} {{ 1 // data.zero if data.zero is defined }}",
    "txt": "{% for event in events %}{{ event.id }}: {{ event.message }}\n{% endfor %}",
    "html": "{% for event in events %}<p>{{ event.message }}</p>\n{% endfor %}",
}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def daemon(sink: Sink) -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        daemon = Daemon(Path(directory), CONFIGURATION.format(port=sink.port))
        templates(daemon, **TEXTS)
        with daemon:
            yield daemon


def templates(daemon: Daemon, **texts: str) -> None:
    directory = daemon.config.parent / "templates"
    directory.mkdir(exist_ok=True)
    for end, text in texts.items():
        (directory / f"database.{end}.j2").write_text(text)


def part(mail: Mail, kind: str) -> str:
    found = mail.message.get_body((kind,))
    assert isinstance(found, EmailMessage)
    return str(found.get_content()).replace("\r\n", "\n")


def test_the_events_of_a_route_are_told_of_in_its_words_with_its_files(
    daemon: Daemon, sink: Sink
) -> None:
    daemon.emit(
        {"type": "db.slow", "id": "1", "message": "<b>", "data": {"log": "one\n"}},
        {"type": "db.slow", "id": "2", "message": "two", "data": {"log": "2\n"}},
    )
    (mail,) = sink.wait(1)
    assert mail.subject == "[Zaionnex] 2 x db.slow"
    assert sorted(part(mail, "plain").splitlines()) == ["1: <b>", "2: two"]
    assert "<p>&lt;b&gt;</p>" in part(mail, "html")
    files = [file.get_filename() for file in mail.message.iter_attachments()]
    assert files == ["1-log.txt", "2-log.txt"]
    assert sorted(mail.event_ids) == ["1", "2"]


def test_a_template_that_fails_costs_no_mail_and_history_and_journal_say_so(
    daemon: Daemon, sink: Sink
) -> None:
    daemon.emit({"type": "other.x", "id": "1", "message": "m", "data": {"zero": 0}})
    (mail,) = sink.wait(1)
    assert mail.subject == "[Zaionnex] other.x: m (" + mail.subject.rpartition("(")[2]
    history = daemon.ctl("history", "1").stdout
    assert "database.subject.j2:1" in history
    assert "ZeroDivisionError" in history
    assert "database.subject.j2:1" in daemon.log.read_text()


def test_a_template_that_changes_counts_without_a_restart_and_a_broken_one_does_not(
    daemon: Daemon, sink: Sink
) -> None:
    templates(daemon, subject="{{ nosuch }}")
    daemon.becomes(lambda status: status["config"]["state"] == "last_good", "status")
    (error,) = daemon.document("status")["config"]["errors"]
    assert error["file"].endswith("/templates/database.subject.j2")
    assert (error["line"], error["key"]) == (1, "routes.database.template")
    daemon.emit({"type": "other.x", "id": "1", "message": "m"})
    assert any(mail.subject == "[Zaionnex] 1 x other.x" for mail in sink.wait(2))
    templates(daemon, subject="now {{ event.type }}")
    daemon.becomes(lambda status: status["config"]["state"] == "good", "status")
    daemon.emit({"type": "other.y", "id": "2", "message": "m"})
    assert any(mail.subject == "[Zaionnex] now other.y" for mail in sink.wait(3))


def test_an_endless_template_does_not_stop_the_daemon(daemon: Daemon, sink: Sink) -> None:
    endless = (
        "{% if data.loop %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
        "{% endfor %}{% endif %}x"
    )
    templates(daemon, subject=endless)
    daemon.ctl("reload")
    before = time.monotonic()
    daemon.emit({"type": "other.x", "id": "1", "data": {"loop": True}})
    daemon.emit({"type": "other.x", "id": "2"})
    assert {mail.event_ids for mail in sink.wait(2)} == {("1",), ("2",)}
    assert time.monotonic() - before < 20
    assert "250 ms" in daemon.ctl("history", "1").stdout
