"""A file of the spool, taken part by part; its name; and what it must be."""

import json
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaiond import wire
from zaiond.intake.spool.file import (
    PART_BYTES,
    FoundFile,
    SpoolFile,
    another_name,
    shown,
    typed,
    why_foreign,
    why_kept_from_us,
    why_unsafe,
)

NOW = 1.0
US, SPOOL = "zaiond", "/var/spool/zaiond"


def line(number: int) -> bytes:
    return b'{"type":"a","id":"%d"}' % number


def ids(file: SpoolFile) -> list[str]:
    return [new[0] for new in file.events]


def test_lines_are_parsed_some_at_a_time_and_settled_in_order() -> None:
    file = SpoolFile("a.json", FoundFile(7, 1, b"\n".join(map(line, range(5)))))
    file.parse(3, NOW)
    assert ids(file) == ["0", "1", "2"]
    file.settle(["accepted", "duplicate"])
    assert (ids(file), file.line, file.is_through) == (["2"], 2, False)
    file.parse(3, NOW)
    file.settle(["accepted"] * 3)
    assert (ids(file), file.line, file.is_through) == ([], 5, True)
    assert file.fault is None


def test_a_file_that_is_read_again_goes_on_where_it_was() -> None:
    content = b"\n\n" + line(1) + b"\n{\n" + line(2) + b"\n" + line(3)
    file = SpoolFile("a.json", FoundFile(7, 1, content))
    file.parse(10, NOW)
    file.settle(["accepted"])  # the bad line behind it, too
    assert file.line == 4
    file.forget_content()
    assert file.events == []
    file.read_again(FoundFile(7, 1, content))
    file.parse(10, NOW)
    assert ids(file) == ["2", "3"]
    file.settle(["accepted", "conflict"])
    assert file.is_through
    text = file.fault
    assert text is not None
    assert text.en.startswith("line 4: not JSON")
    assert text.en.endswith("(and 1 more line)")


@pytest.mark.parametrize("content", [b"\n" * 1_000_000, b" \n" * 500_000, b"{\n" * 500_000])
def test_a_part_is_bounded_in_lines_whatever_they_are(content: bytes) -> None:
    file = SpoolFile("a.json", FoundFile(7, 1, content))
    file.parse(100, NOW)
    file.settle()
    assert file.line <= 100


def test_a_part_is_bounded_in_bytes() -> None:
    large = b'{"type":"a","id":"1","message":"' + b"x" * 100_000 + b'"}\n'
    file = SpoolFile("a.json", FoundFile(7, 1, large * 10))
    file.parse(100, NOW)
    assert PART_BYTES <= sum(len(new[4]) for new in file.events) < PART_BYTES + len(large)


@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=20))
def test_a_name_of_any_letters_can_be_typed_as_it_is_shown(name: str) -> None:
    assert shown(name).isprintable()
    assert typed(shown(name)) == name


@given(st.binary(min_size=1, max_size=20))
def test_a_name_of_any_bytes_can_be_typed_as_it_is_shown(name: bytes) -> None:
    text = name.decode("utf-8", "surrogateescape")
    assert shown(text).isprintable()
    assert typed(shown(text)) == text


def test_names_look_like_themselves_or_like_their_codes() -> None:
    assert shown("財 1.json") == "財 1.json"
    assert shown("a\nb\udcff\u202e\\") == r"a\x0ab\xff\u202e\x5c"


def test_another_name_keeps_its_ending_and_fits() -> None:
    assert another_name("a.json", 0) == "a.json"
    assert another_name("a.json", 2) == "a.2.json"
    assert another_name("a.txt", 2) == "a.txt.2"
    long = another_name("財" * 84 + ".json", 12)
    assert len(long.encode("utf-8", "surrogateescape")) <= 255
    assert long.endswith(".12.json")


@pytest.mark.parametrize(
    ("mode", "group", "is_owners_doing"),
    [
        (0o640, 50, False),  # as it must be: then somebody else keeps it from us
        (0o600, 50, True),
        (0o604, 50, True),
        (0o640, 60, True),  # he gave it to another group of his
    ],
)
def test_a_file_that_can_not_be_opened_is_refused_only_where_that_is_its_owners_doing(
    mode: int, group: int, is_owners_doing: bool
) -> None:
    why = why_kept_from_us(stat.S_IFREG | mode, group, stat.S_IFDIR | 0o3730, 50)
    assert (why is not None) == is_owners_doing


def test_where_the_spool_has_no_setgid_the_group_of_a_file_is_not_its_owners_doing() -> None:
    assert why_kept_from_us(stat.S_IFREG | 0o640, 60, stat.S_IFDIR | 0o1730, 50) is None


@pytest.mark.parametrize("mode", [0o3730, 0o755, 0o700, 0o3710, 0o2750])
def test_a_spool_as_it_must_be_or_that_only_we_can_write_is_safe(mode: int) -> None:
    assert why_unsafe(SPOOL, stat.S_IFDIR | mode, None, "zaiond-emit", US) is None


@pytest.mark.parametrize(
    ("mode", "owner", "said"),
    [
        (0o3730, "alice", "it belongs to alice"),
        (0o2730, None, "every member of the group zaiond-emit can delete and replace"),
        (0o3770, None, "can list it"),
        (0o1730, None, "no setgid"),
        (0o3733, None, "every user can leave events"),
        (0o777, None, "every user can delete and replace"),
    ],
)
def test_who_can_do_in_the_spool_what_nobody_should_is_said(
    mode: int, owner: str | None, said: str
) -> None:
    why = why_unsafe(SPOOL, stat.S_IFDIR | mode, owner, "zaiond-emit", US)
    assert why is not None
    assert said in why.en
    for text in why:
        assert f"chown zaiond:zaiond-emit {SPOOL}; chmod 3730 {SPOOL}" in text


def test_a_line_at_which_we_fail_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = wire.parse

    def fails(sent: bytes) -> wire.Submission:
        if sent == line(1):
            raise ZeroDivisionError
        return parse(sent)

    monkeypatch.setattr(wire, "parse", fails)
    file = SpoolFile("a.json", FoundFile(7, 1, b"\n".join(map(line, range(3)))))
    file.parse(10, NOW)
    assert ids(file) == ["0", "2"]
    file.settle(["accepted"] * 2)
    assert file.is_through
    assert file.fault is not None
    assert file.fault.en == "line 2: an internal error (ZeroDivisionError)"


def carrier(type_: str = "mail.local", *, mail: int = 0, data: int = 0) -> bytes:
    """The line of an event with a mail of so many characters, and so many of other text."""
    told = {"type": type_, "id": "1", "data": {"x": "y" * data}, "mail": "A" * mail}
    return json.dumps(told).encode()


def refusal(name: str, content: bytes) -> str | None:
    file = SpoolFile(name, FoundFile(7, 1, content))
    file.parse(1, NOW)
    file.settle(["accepted"])
    return None if file.fault is None else file.fault.en


def test_a_file_of_a_mail_may_have_one_that_is_as_large_as_it_says() -> None:
    most = wire.MAX_MAIL_LINE_BYTES - wire.MAX_EVENT_BYTES
    assert refusal("a.mail", carrier(mail=most)) is None
    assert why_foreign("a.mail", stat.S_IFREG, 1, wire.MAX_MAIL_LINE_BYTES + 1) is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", carrier(mail=wire.MAX_EVENT_BYTES)),  # a file of events
        ("a.mail", carrier("backup.done", mail=wire.MAX_EVENT_BYTES)),  # no mail
        ("a.mail", carrier(mail=10, data=wire.MAX_EVENT_BYTES)),  # but for it too large
        ("a.mail", carrier(mail=wire.MAX_MAIL_LINE_BYTES)),
        ("a.mail", b"x" * (wire.MAX_EVENT_BYTES + 1)),
        ("a.mail", b'{"type":"mail.local","mail":1,"x":"' + b"y" * wire.MAX_EVENT_BYTES + b'"}'),
    ],
    ids=["events", "no mail", "rest", "mail", "no event", "mail is none"],
)
def test_what_is_larger_than_an_event_and_no_mail_is_refused(name: str, content: bytes) -> None:
    said = refusal(name, content)
    assert said is not None
    assert "the event is over 256 KiB" in said


def test_a_file_of_a_mail_has_a_bound() -> None:
    over = why_foreign("a.mail", stat.S_IFREG, 1, wire.MAX_MAIL_LINE_BYTES + 2)
    assert over is not None
    assert over.en == "it is over 14 MiB"
    assert another_name("a.mail", 2) == "a.2.mail"
