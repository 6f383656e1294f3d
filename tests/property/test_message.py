"""Whatever an event says, Python's email package reads exactly our mail back."""

import email
import email.policy
import re
from base64 import b64decode
from datetime import UTC
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zaiond.errors import AddressError, AddressListError, MessageError
from zaiond.message import compose as composing
from zaiond.message import layout
from zaiond.message.address import Mailbox, parse_list, parse_recipient, parse_sender
from zaiond.message.compose import check_wire, compose
from zaiond.message.layout import subject_line
from zaiond.message.mime import Charset, as_jis, encode_body, encode_jis, mailboxes, unstructured
from zaiond.message.together import compose_together
from zaiond.message.words import EN, JA
from zaiond.model import SEVERITIES, Event, GroupKind, Routing, Standing, Together
from zaiond.safe import clean, one_line
from zaiond.text import Language, Text

OUR_FIELDS = [
    "From", "To", "Date", "Subject", "Message-ID", "In-Reply-To", "References", "Importance",
    "X-Priority", "Zaiond-Event", "Auto-Submitted", "MIME-Version", "Content-Type",
    "Content-Transfer-Encoding",
]  # fmt: skip


def fields_of(event: Event) -> list[str]:
    absent = set()
    if not event.key and not event.job:
        absent |= {"In-Reply-To", "References"}
    if event.severity not in ("emerg", "alert", "crit"):
        absent |= {"Importance", "X-Priority"}
    return [name for name in OUR_FIELDS if name not in absent]


# RFC 5322 3.6.4, without its obsolete forms
MESSAGE_ID = re.compile(r"<[\w-]+(?:\.[\w-]+)*@[\w-]+(?:\.[\w-]+)*>", re.ASCII)
ENCODED_WORD = re.compile(r"(=\?utf-8\?B\?([^?]*)\?=)")

hostile = st.sampled_from(
    [
        "\r\nBcc: victim@example.com",
        "=?UTF-8?Q?hi=0D=0ABcc:_victim@example.com?=",
        "\n.\r\nMAIL FROM:<>",
        "\nFrom someone",
        "\x1b]0;title\x07\x1b[2J",
        "\u202egnp.exe",
        "\u2028",
        "\x85",
        "\x00",
        "x" * 2000,
        "語" * 700,
        " ",
        "  ",
        "=\n",
        "\n--b\n",
    ]
)
text = st.lists(hostile | st.text(st.characters(exclude_categories=["Cs"])), max_size=4).map(
    "".join
)
any_text = st.lists(hostile | st.text(st.characters()), max_size=4).map("".join)
printable = st.text(
    st.characters(exclude_categories=["Cs"]).filter(str.isprintable) | st.just(" "),
    min_size=1,
    max_size=255,
)
commands = st.sampled_from(
    [
        "\x1b[1;31m", "\x1b[m", "\x1b[2K", "\x1b[?25l", "\x1b(B", "\x1b7", "\x9b0m", "\x07", "\x0f",
        "\x1b]0;title\x07", "\x1b]8;;http://example.com/\x1b\\", "\x1bPq#0\x1b\\",
    ]
)  # fmt: skip
# Much of it terminates nothing, begins nothing, or both.
terminal_text = st.lists(
    any_text
    | commands
    | st.sampled_from(["\x1b", "\x1b]", "\x1b[", "\b", "_\b", "\r", "\r\n", "日"])
).map("".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=5,
)
events = st.builds(
    Event,
    id=printable,
    uid=st.integers(0, 2**32 - 2),
    type=st.sampled_from(
        ["disk.full", "x" * 255, "job.failed", "job.missed", "unit.failed", "mail.local"]
        + ["backup.auto_update." + end for end in ("started", "finished", "failed", "else")]
    ),
    source=any_text.filter(bool),
    time=st.floats(-62135596800, 253402300799),
    accepted=st.floats(1.0, 4e9),
    severity=st.sampled_from(SEVERITIES),
    subject=st.none() | any_text,
    message=st.none() | any_text,
    data=st.dictionaries(
        any_text
        | st.sampled_from(
            ["target", "started_at", "finished_at", "duration", "slots", "output", "command"]
        ),
        values,
    ),
    key=st.none() | any_text,
    status=st.sampled_from([None, "problem", "ok"]),
    job=st.none() | any_text,
    extensions=st.dictionaries(st.text(min_size=1), values),
)


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


@given(
    event=events,
    language=st.sampled_from(["ja", "en"]),
    prefix=text,
    charset=st.sampled_from(["utf-8", "iso-2022-jp"]),
)
def test_a_reader_gets_our_fields_the_subject_the_id_and_the_text(
    event: Event, language: Language, prefix: str, charset: Charset
) -> None:
    made = compose(
        event,
        recipients=["a@example.co.jp", "山田 太郎 <b@例え.jp>"],
        sender='"Zaionnex, fileserver01" <zaionnex@example.co.jp>',
        subject_prefix=prefix,
        language=language,
        message_id="<1@fileserver01>",
        date=1369440000.9,
        host="fileserver01",
        fqdn="fileserver01.example.co.jp",
        user="backup",
        tz=UTC,
        charset=charset,
    )
    check_wire(made.content)
    assert made.remark is None or charset != "utf-8"
    same = as_jis if charset == "iso-2022-jp" and made.remark is None else str
    words = JA if language == "ja" else EN
    message = read(made.content)
    assert message.keys() == fields_of(event)
    assert not message.defects
    expected = one_line(f"{one_line(prefix)} {subject_line(event, words, 'fileserver01')}")
    assert message["Subject"] == same(expected)
    assert message["Zaiond-Event"] == event.id
    assert [box.addr_spec for box in message["To"].addresses] == list(made.recipients)
    assert [box.display_name for box in message["From"].addresses] == ["Zaionnex, fileserver01"]
    body = layout.body(event, words, "fileserver01.example.co.jp", "backup", UTC)
    assert message.get_content().replace("\r\n", "\n") == same(body)
    # Readers of the older kind see the same.
    compat = email.message_from_bytes(made.content)
    assert compat.keys() == fields_of(event)
    read_id = str(make_header(decode_header(compat["Zaiond-Event"])))
    assert read_id.strip(" ") == event.id.strip(" ")
    for line in made.content.split(b"\r\n\r\n", 1)[0].split(b"\r\n"):
        assert len(line) <= 78 or b" " not in line.removeprefix(b"Subject: ").strip()
    for name in ("In-Reply-To", "References"):
        assert message[name] is None or MESSAGE_ID.fullmatch(message[name])


standings = st.builds(
    Standing,
    since=st.floats(1.0, 4e9),
    until=st.none() | st.floats(1.0, 4e9),
    count=st.integers(1, 10**6),
    reminder=st.booleans(),
)


@given(
    told=st.lists(events, min_size=1, max_size=4),
    more=st.integers(0, 10**6),
    routing=st.builds(
        Routing,
        kind=st.sampled_from([*get_args(GroupKind), "event"]),
        reason=st.none() | st.builds(Text, any_text, any_text),
        labels=st.lists(st.tuples(any_text, any_text), max_size=3).map(tuple),
        standing=st.none() | standings,
    ),
    language=st.sampled_from(["ja", "en"]),
    charset=st.sampled_from(["utf-8", "iso-2022-jp"]),
    user=any_text,
)
def test_of_several_events_too_a_reader_gets_our_fields_and_ids_and_clean_text(
    told: list[Event],
    more: int,
    routing: Routing,
    language: Language,
    charset: Charset,
    user: str,
) -> None:
    severities = dict.fromkeys((event.severity for event in told), 1)
    of = Together(
        len(told) + more, severities, 1.0, 4e9, tuple(told), tuple(event.id for event in told)
    )
    made = compose_together(
        of,
        routing,
        recipients=["a@example.co.jp"],
        sender="zaionnex",
        subject_prefix="[Zaionnex]",
        language=language,
        message_id="<1@fileserver01>",
        date=1369440000.9,
        host="fileserver01",
        fqdn="fileserver01.example.co.jp",
        user_name=lambda uid: user,
        tz=UTC,
        charset=charset,
    )
    check_wire(made.content)
    message = read(made.content)
    assert not message.defects
    assert set(message.keys()) <= set(OUR_FIELDS)
    assert sorted(set(message.keys()), key=OUR_FIELDS.index) == list(dict.fromkeys(message.keys()))
    ids = message.get_all("Zaiond-Event") or []
    assert ids == list(dict.fromkeys(event.id for event in told))
    said = message.get_content().replace("\r\n", "\n")
    assert clean(said) == said
    assert one_line(message["Subject"]) == message["Subject"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("x" * 999)
@example("From me\n.\nFrom you\n..\n \n\t\n=41 " + "é" * 3)
@example("語 " * 500)
def test_a_body_comes_back_to_the_letter(said: str) -> None:
    said = clean(said) + "\n"
    fields, octets = encode_body(said)
    message = read(f"MIME-Version: 1.0\r\n{fields}".encode() + octets)
    assert message.get_content().replace("\r\n", "\n") == said
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 998


in_jis = st.text(
    st.characters(codec="iso2022_jp", exclude_categories=["Cs", "Cc"])
    | st.characters(min_codepoint=0xFF61, max_codepoint=0xFF9F)  # half-width katakana
    | st.sampled_from("～－∥—￠￡￢¥‾\u3099\u309a"),
    max_size=200,
)


@given(in_jis | in_jis.map(lambda said: said * 20) | hostile)
@example("語" * 496)
@example("From 語\nFrom 語")
def test_what_jis_has_comes_back_from_iso_2022_jp_and_anything_else_is_told_of(said: str) -> None:
    said = clean(said)
    try:
        encode_jis(as_jis(said))
    except UnicodeEncodeError as error:
        assert error.object[error.start] in said  # noqa: PT017
        assert not in_jis_alone(said)
        with pytest.raises(UnicodeEncodeError):
            encode_body(f"{said}\n", "iso-2022-jp")
        return
    assert as_jis(as_jis(said)) == as_jis(said)
    fields, octets = encode_body(f"{said}\n", "iso-2022-jp")
    message = read(f"MIME-Version: 1.0\r\n{fields}".encode() + octets)
    assert message.get_content().replace("\r\n", "\n") == as_jis(said) + "\n"
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 998


def in_jis_alone(said: str) -> bool:
    """By Python's own tables."""
    return all(c.isascii() or c.encode("iso2022_jp", "ignore")[:3] == b"\x1b$B" for c in said)


@given(in_jis.map(one_line), st.integers(0, 40))
@example("語" * 100, 40)
@example("a語" * 60, 0)
@example("=?iso-2022-jp?B?GyRC?= x", 0)
@example("0" * 30, 39)
def test_a_field_in_iso_2022_jp_comes_back_and_no_word_splits_a_character(
    said: str, prefix: int
) -> None:
    prefix_text = "p" * prefix
    start = f"Subject: {prefix_text} " if prefix else "Subject: "
    field = unstructured(start, said, "iso-2022-jp")
    expected = f"{prefix_text} {as_jis(said)}" if prefix else as_jis(said)
    assert read(field.encode() + b"\r\n")["Subject"].rstrip(" ") == expected.rstrip(" ")
    for whole, octets in re.findall(r"(=\?iso-2022-jp\?B\?([^?]*)\?=)", field):
        assert len(whole) <= 75
        word = b64decode(octets)
        assert word
        assert not word.decode("iso2022_jp").startswith("\ufffd")
        assert word.rfind(b"\x1b(B") >= word.rfind(b"\x1b$B")  # ends in ASCII (RFC 1468)
    # No line is broken between what is there already and the first word.
    lines = field.removeprefix(start).split("\r\n")
    assert all(len(line) <= 78 or " " not in line for line in lines)


@given(terminal_text)
def test_clean_text_commands_no_terminal_and_turns_no_order_around(said: str) -> None:
    cleaned = clean(said)
    cleaned.encode()
    assert not {c for c in cleaned if ord(c) < 32 or 127 <= ord(c) < 160} - {"\n", "\t"}
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert clean(cleaned) == cleaned
    assert "\n" not in one_line(said)


@given(
    text.filter(
        lambda said: not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", said)
    )
)
def test_ordinary_text_stays_as_it_is(said: str) -> None:
    assert clean(said) == said


@given(st.lists(st.text(st.characters(categories=["L", "N", "Zs"]), max_size=5)), st.data())
def test_what_a_terminal_command_surrounds_is_not_lost(words: list[str], data: Any) -> None:
    sent = "".join(word + data.draw(commands) for word in words)
    assert clean(sent) == "".join(words)


@given(
    any_text | st.emails() | any_text.map(lambda name: f'"{name}" <a@example.co.jp>'),
    st.sampled_from([parse_sender, parse_recipient]),
)
@example("=?utf-8?q?=0D=0AX:?= <a@b>", parse_sender)
@example('"Taro \\"T\\\\ Yamada" <a@b>', parse_sender)
@example(f"{'語' * 90} <{'a' * 64}@{'b' * 63}.{'c' * 63}.jp>", parse_recipient)
@example(f"{'x, ' * 50}y <a@b>".replace(",", "."), parse_recipient)
def test_what_is_taken_as_an_address_reads_back_as_that_address(said: str, parse: Any) -> None:
    try:
        box = parse(said)
    except AddressError:
        return
    assert not set(box.address) & set("\r\n\0<>")
    field = mailboxes("To", (box, Mailbox("", "b@example.com"))).encode()
    message = read(field + b"\r\n")
    assert message.keys() == ["To"]
    if not box.smtputf8 and "@" in box.address:
        first, second = message["To"].addresses
        assert second.addr_spec == "b@example.com"
        # The email package puts a space between the encoded-words of one name.
        assert first.display_name.replace(" ", "") == box.name.replace(" ", "")


pieces = st.sampled_from(
    ["a@x.jp", "a..b@x.jp", ".a@y.jp", "ａ＠ｘ．ｊｐ", "a@192.0.2.1", "山田", "Taro", '"Yamada, T"',
     "<b@x.jp>", "＜c@x.jp＞", "<", ">", ",", ";", "、", "，", " ", "\u3000", "\n", '"', "@", "/",
     "・", "\\"]
)  # fmt: skip


@given(any_text | st.lists(pieces, max_size=12).map("".join))
def test_a_list_of_addresses_is_taken_or_refused_and_what_it_is_said_to_be_is_taken(
    said: str,
) -> None:
    try:
        found = parse_list(said)
    except AddressListError as error:
        if error.instead is not None:
            assert ", ".join(parse_list(error.instead)) == error.instead  # noqa: PT017
    else:
        assert found
        assert all(found)


@given(any_text.map(one_line))
@example("=?UTF-8?Q?hi=0D=0ABcc:_victim@example.com?=")
@example("a word " * 40 + "end")
@example("𠮷" * 60)
def test_an_unstructured_field_comes_back_to_the_letter(said: str) -> None:
    field = unstructured("Subject: ", said)
    assert read(field.encode() + b"\r\n")["Subject"] == said
    for word in ENCODED_WORD.findall(field):
        assert len(word[0]) <= 75
        b64decode(word[1]).decode()  # each has whole characters (RFC 2047 5)


GOOD = composing.test_mail(
    recipient="a@example.co.jp",
    sender="zaionnex",
    language="ja",
    message_id="<1@fileserver01>",
    date=1369440000,
    tz=UTC,
).content
GOOD_OF_EVENT = compose(
    Event(id="1", uid=0, type="a.b", source="s", time=1e9, accepted=1e9, severity="crit", key="k"),
    recipients=["a@example.co.jp"],
    sender="zaionnex",
    subject_prefix="",
    language="ja",
    message_id="<1@fileserver01>",
    date=1369440000,
    host="fileserver01",
    fqdn="fileserver01.example.co.jp",
    tz=UTC,
).content


@given(
    good=st.sampled_from([GOOD, GOOD_OF_EVENT]),
    at=st.integers(0, len(GOOD_OF_EVENT)),
    skip=st.integers(0, 3),
    put=st.sampled_from([b"\r", b"\n", b"\r\n", b"\0", b"\xe3", b"\r\nBcc: a@b", b":", b" ", b""])
    | st.binary(max_size=5),
)
def test_a_mail_that_was_tampered_with_is_refused_or_has_no_other_field(
    good: bytes, at: int, skip: int, put: bytes
) -> None:
    content = good[:at] + put + good[at + skip :]
    try:
        check_wire(content)
    except MessageError:
        return
    fields = read(good).keys()
    for policy in (email.policy.default, email.policy.compat32):
        assert email.message_from_bytes(content, policy=policy).keys() == fields
    assert b"\n" not in content.replace(b"\r\n", b"")
    with pytest.raises(MessageError):
        check_wire(content.replace(b"\r\n", b"\n"))
