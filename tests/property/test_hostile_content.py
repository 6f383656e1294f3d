"""Whatever an event has in it, and in which attribute: a mail is one mail with our fields alone, a
line of the journal is one line, a terminal is told nothing, and JSON is JSON.

ZAIOND_HOSTILE_EVENTS says how many (`make crash` takes more), ZAIOND_HOSTILE_SEED which. Each check
has a control: with what it looks at switched off, it finds something.
"""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from tests.support.hostile import NUMBER, SEED, VICTIM, acting, lines
from tests.support.mail_readers import READERS, faults
from zaiond import journal, wire
from zaiond.ctl import history, output, queue, terminal
from zaiond.daemon import documents
from zaiond.daemon.documents import Present
from zaiond.errors import EventError
from zaiond.holds import Holds
from zaiond.journal import Journal
from zaiond.message import assemble, compose, fields, layout, mime
from zaiond.message.mime import Charset
from zaiond.model import Event, Message
from zaiond.safe import Replacer
from zaiond.store.history import EventHistory, EventRow
from zaiond.text import Language, Text

RECIPIENT = "a@example.co.jp"
USERS = ("root", "山田", "", "x\r\nBcc: y@example.com", "\x1b[2J\u202e")
Said = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Sent:
    """An event as it was taken, and its row."""

    event: Event
    row: EventRow
    language: Language
    charset: Charset
    user: str


@cache
def made(seed: int, number: int) -> list[Sent]:
    """Those that the event socket takes: most of them."""
    print(f"ZAIOND_HOSTILE_SEED={seed}")
    taken = []
    for n, line in enumerate(lines(seed, number)):
        with suppress(EventError):
            parsed = wire.parse(line)
            id_, source = parsed.id or "01J", parsed.source or ""
            event = wire.complete(parsed.line, id=id_, uid=n, accepted=1.4e9)
            row = EventRow(n, id_, n, source, 1.4e9, parsed.line, None, None, False)
            language: Language = "en" if n % 2 else "ja"
            charset: Charset = "iso-2022-jp" if n % 3 == 0 else "utf-8"
            taken.append(Sent(event, row, language, charset, USERS[n % len(USERS)]))
    assert len(taken) > number * 0.8
    return taken


def sent() -> list[Sent]:
    return made(SEED, NUMBER)


@pytest.fixture
def same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same events whenever it is run: a control must be certain."""
    monkeypatch.setattr(sys.modules[__name__], "SEED", 1)
    monkeypatch.setattr(sys.modules[__name__], "NUMBER", 100)


def mail(one: Sent) -> Message:
    return compose.compose(
        one.event,
        recipients=[RECIPIENT],
        sender="zaionnex@example.co.jp",
        subject_prefix="[Zaionnex]",
        language=one.language,
        charset=one.charset,
        message_id="<M1@host.example>",
        date=1.4e9,
        host="host",
        fqdn="host.example",
        user=one.user,
        tz=UTC,
    )


def found_by(reader: str) -> Iterator[str]:
    """What this reader finds wrong with the mails of all events."""
    for one in sent():
        try:
            content = mail(one).content
        except UnicodeEncodeError:  # of a check that is switched off
            continue
        read = READERS[reader](content)
        for fault in faults(read, one.event.id, RECIPIENT):
            yield f"{one.event.id}: {fault}"


# -- mail


def test_a_mail_is_clean_to_the_byte() -> None:
    for one in sent():
        content = mail(one).content
        compose.check_wire(content)
        # RFC 5321 2.3.8 and 4.5.3.1.6, RFC 5322 2.1.1, by other means than ours
        wrong = rb"[^\t\x1b -~\r\n]|\r(?!\n)|(?<!\r)\n|[^\r\n]{999}|(?<!\n)\Z"
        assert re.search(wrong, content) is None
        # RFC 1468: ISO-2022-JP is what has an ESC in a mail, and only before these
        head, _, body = content.partition(b"\r\n\r\n")
        assert b"\x1b" not in head
        assert b"\x1b" not in re.sub(rb"\x1b(?:\$[@B]|\([BJ])", b"", body)


@pytest.mark.parametrize("reader", READERS)
def test_a_mail_reader_finds_our_fields_and_one_text_and_nothing_that_acts(reader: str) -> None:
    assert list(found_by(reader)) == []


def test_both_readers_see_the_same() -> None:
    # Each has a table of its own for JIS X 0208 (the wave dash is not the same in both).
    for one in (one for one in sent() if one.charset == "utf-8"):
        content = mail(one).content
        first, second = (read(content) for read in READERS.values())
        for name in ("From", "To", "Subject", "Zaiond-Event", "References"):
            assert first.field(name) == second.field(name)
        texts = [[text.replace("\r\n", "\n") for text in read.texts] for read in (first, second)]
        assert texts[0] == texts[1]


def _as_it_is(text: str) -> str:
    return text


@pytest.mark.usefixtures("same_each_time")
@pytest.mark.parametrize("reader", READERS)
def test_control_a_header_that_is_not_encoded_is_found(reader: str) -> None:
    def raw(start: str, text: str, _charset: Charset) -> str:
        return start + text

    with (
        patch.object(mime, "is_plain", lambda _text: True),
        patch.object(mime, "encoded", raw),
        patch.object(assemble, "one_line", _as_it_is),
        patch.object(layout, "one_line", _as_it_is),
        patch.object(fields, "one_line", _as_it_is),
    ):
        found = list(found_by(reader))
    assert any("'Bcc'" in fault for fault in found)
    assert any(" parts" in fault or "the body ends with" in fault for fault in found)


@pytest.mark.usefixtures("same_each_time")
@pytest.mark.parametrize("reader", READERS)
def test_control_text_that_is_not_cleaned_is_found(reader: str) -> None:
    with (
        patch.object(layout, "one_line", _as_it_is),
        patch.object(fields, "one_line", _as_it_is),
        patch.object(layout, "clean", _as_it_is),
        patch.object(fields, "clean", _as_it_is),
    ):
        found = list(found_by(reader))
    assert any(": Subject: {" in fault for fault in found)
    assert any(": body: {" in fault for fault in found)


# -- journal


def texts(one: Sent) -> Iterator[str]:
    """Everything that somebody wrote into an event."""

    def of(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for name, inner in value.items():
                yield name
                yield from of(inner)
        elif isinstance(value, list):
            for inner in value[:50]:
                yield from of(inner)

    yield from of(msgspec.to_builtins(one.event))


def logged(monkeypatch: pytest.MonkeyPatch, said: Said) -> str:
    """What stands in the log after a line for each text."""
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    log = Journal(journal.output("text"))
    for one in sent():
        for text in texts(one):
            log.warning(Text(f"x {text}", f"x {text}"), event=one.event.id, reply=text)
    return said.readouterr().err


def test_a_line_of_the_journal_is_one_line(monkeypatch: pytest.MonkeyPatch, capfd: Said) -> None:
    text = logged(monkeypatch, capfd)
    assert acting(text, "\n") == set()
    number = sum(1 for one in sent() for _ in texts(one))
    assert re.findall("^(.{0,10})", text, re.MULTILINE) == ["zaiond: x "] * number + [""]


@pytest.mark.usefixtures("same_each_time")
def test_control_a_journal_that_takes_text_as_it_is_is_found(
    monkeypatch: pytest.MonkeyPatch, capfd: Said
) -> None:
    with patch.object(journal, "_on_one_line", _as_it_is):
        text = logged(monkeypatch, capfd)
    assert acting(text, "\n")
    assert re.search("^(?!zaiond: )", text, re.MULTILINE)


# -- terminal, and JSON


def present(language: Language) -> Present:
    return Present(language, holds=Holds([]))


def told(one: Sent) -> tuple[dict[str, Any], dict[str, Any]]:
    """The documents of `history ID` and of `queue list`."""
    now = present(one.language)
    whole = documents.history(EventHistory(one.row, []), now, whole=True)
    return whole, documents.unrouted(one.row, now)


def shown(said: Said, columns: int | None) -> str:
    """What `history ID`, `history` and `queue list` print."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with patch.object(terminal, "terminal_width", lambda: columns):
        for one in sent():
            event, waiting = told(one)
            output.show(history.of(event, one.language))
            output.show(history.listing([event], one.language, at))
            output.show(queue.listing([waiting], one.language, at))
            output.say(f"{event['id']} {event['subject']}")
            output.complain(Text(*[str(event["source"])] * 2), one.language)
    return "".join(said.readouterr())


@pytest.mark.parametrize("columns", [None, 60])
def test_a_terminal_is_told_nothing(capsys: Said, columns: int | None) -> None:
    assert acting(shown(capsys, columns), "\n") == set()


@pytest.mark.usefixtures("same_each_time")
def test_control_a_terminal_that_gets_text_as_it_is_is_told_something(capsys: Said) -> None:
    with (
        patch.object(terminal, "printable", _as_it_is),
        patch.object(history, "clean", _as_it_is),
    ):
        told = acting(shown(capsys, None), "\n")
    assert told >= {r"'\x1b'", r"'\u202e'"}


def printed(said: Said) -> Iterator[tuple[dict[str, Any], str]]:
    """Documents, and what `--json` prints of them."""
    events = sent()
    said.readouterr()  # the seed
    for one in events:
        for document in told(one):
            output.document(document)
            yield document, said.readouterr().out


def test_json_is_json_and_tells_a_terminal_nothing(capsys: Said) -> None:
    for document, text in printed(capsys):
        assert acting(text, "\n") == set()
        assert text.count("\n") == 1
        assert json.loads(text) == document == msgspec.json.decode(text)


@pytest.mark.usefixtures("same_each_time")
def test_control_json_that_is_escaped_as_text_is_found(capsys: Said) -> None:
    wrong = Replacer(terminal.UNSAFE, lambda sign: f"\\u{ord(sign):04x}")
    with patch.object(terminal, "escaped", wrong):
        assert any(json.loads(text) != document for document, text in printed(capsys))


@pytest.mark.usefixtures("same_each_time")
def test_the_generator_reaches_what_it_is_for() -> None:
    everything = "".join(text for one in sent() for text in texts(one))
    assert VICTIM in everything
    assert "=?UTF-8?Q?" in everything
    for sign in ("\r", "\n", "\0", "\x1b", "\x9b", "\u202e", "\u2028", "\U000e0061", "\\ud800"):
        assert sign in everything, ascii(sign)
