"""No server's words show a secret that the connection knows, wherever and however it quotes it."""

import base64
import html
import urllib.parse

import msgspec
import pytest

from zaiond.model import Message
from zaiond.pop3 import Pop3
from zaiond.selftest.run import queue_id
from zaiond.smtp.diagnose import diagnose
from zaiond.smtp.events import Answered, Content, Ended, Envelope, Event
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.mask import MASKED, Mask
from zaiond.smtp.sasl import Credentials
from zaiond.smtp.session import Session
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import judge

PASSWORD = 'k0nna-"Himitsu"<&>2024'
BLOB = base64.b64encode(f"\0zaion\0{PASSWORD}".encode())


def shown(*lines: str | bytes, secret: str = PASSWORD) -> str:
    said = tuple(line if isinstance(line, bytes) else line.encode() for line in lines)
    return Reply(250, said, Mask(secret)).text


@pytest.mark.parametrize(
    "quoted",
    [
        PASSWORD,
        PASSWORD.upper(),
        PASSWORD.lower(),
        PASSWORD.replace('"', '\\"'),
        " ".join(PASSWORD),
        urllib.parse.quote(PASSWORD, safe=""),
        "".join(f"%{octet:02x}" for octet in PASSWORD.encode()),
        "".join(f"={octet:02X}" for octet in PASSWORD.encode()),
        PASSWORD.encode().hex(),
        PASSWORD.encode().hex(" ").upper(),
        html.escape(PASSWORD, quote=False),
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.urlsafe_b64encode(PASSWORD.encode()).decode(),
        base64.b64encode(PASSWORD.encode("utf-16-le")).decode(),
        *(base64.b64encode(b"x" * n + PASSWORD.encode() + b"t").decode() for n in range(3)),
        *(base64.b64encode(b"x" * n + PASSWORD.encode()).decode().upper() for n in range(3)),
    ],
)
def test_a_secret_is_masked_in_every_form(quoted: str) -> None:
    for text in (quoted, f"<{quoted}>", f"you said PASS{quoted}, didn't you"):
        said = shown(text)
        assert MASKED.decode() in said
        kept = said.replace(MASKED.decode(), "").lower()
        assert not any(quoted[at : at + 8].lower() in kept for at in range(len(quoted) - 7))


@pytest.mark.parametrize("between", [("", ""), ("250-", "250 "), ("5.7.8 ", "5.7.8 "), (" ", "\t")])
def test_a_secret_is_masked_where_it_is_split_over_lines(between: tuple[str, str]) -> None:
    before, behind = between
    for cut in range(1, len(PASSWORD)):
        said = shown(before + PASSWORD[:cut], behind + PASSWORD[cut:], "Ok")
        assert said.endswith("******** Ok")
        for part in (MASKED.decode(), "250-", "250", "5.7.8", "Ok"):
            said = said.replace(part, "")
        assert said.strip() == ""


def test_a_piece_of_a_secret_is_masked_as_servers_cut_short_what_they_quote() -> None:
    for at in range(len(PASSWORD) - 12):
        assert PASSWORD[at : at + 13] not in shown(f"unknown: {PASSWORD[at : at + 13]}...")


def test_a_secret_at_the_end_of_what_is_shown_is_not_cut_but_masked() -> None:
    for length in range(1900, 2010):
        said = shown("\t" * length + PASSWORD)
        assert "k0nna" not in said


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "iso2022_jp"])
def test_a_japanese_secret_is_masked_in_every_encoding(encoding: str) -> None:
    said = shown("パスワード「ひみつのことば」".encode(encoding), secret="ひみつのことば")
    assert "ひみつ" not in said
    assert "********" in said


@pytest.mark.parametrize(
    ("secret", "said", "expected"),
    [
        ("a", "this is a test of 2.0.0 a@b.jp", "this is ******** test of 2.0.0 a@b.jp"),
        ("2", "2.0.0 Ok 2", "2.0.0 Ok ********"),
        ("250", "2.0.0 Ok 250 octets", "2.0.0 Ok ******** octets"),
        ("ok", "2.0.0 Ok: queued as OKAY", "2.0.0 ********: queued as OKAY"),
        ("mail", "mailhost takes no mail, bad password mail",
         "mailhost takes no ********, bad password ********"),
        ("geheim", "passwordgeheim", "password********"),
        ("a", "AUTH LOGIN YQ== what", "AUTH LOGIN ******** what"),
        (".", "2.0.0 Ok. .", "2.0.0 Ok. ********"),
    ],
)  # fmt: skip
def test_a_short_secret_leaves_replies_readable(secret: str, said: str, expected: str) -> None:
    assert shown(said, secret=secret) == f"250 {expected}"


def test_what_quotes_nobody_stays_as_it_is() -> None:
    for said in ("2.0.0 Ok: queued as 4XyZ", "2.1.5 <zaion@zaion.jp> Ok", "100%25 =3D", ""):
        assert shown(said) == f"250 {said}".strip()


def test_a_secret_with_blanks_is_masked_word_by_word() -> None:
    assert shown("no such command: battery", secret="horse battery") == (
        "250 no such command: ********"
    )


def test_only_the_latest_secrets_are_known() -> None:
    mask = Mask("password-one")
    for number in range(100):
        mask.add("password-one")
        mask.add(f"token-{number:020}")
        mask.add_response(base64.b64encode(b"response %020d" % number))
    assert len(mask._known) == 16
    assert mask.text("password-one token-00000000000000000099") == "******** ********"


def test_a_long_token_takes_a_bounded_index_and_is_masked_as_a_whole() -> None:
    token = "".join(chr(33 + (i * 7919 + i * i) % 90) for i in range(8192))
    mask = Mask(token)
    assert mask.text(f"<{token[:1500]}>") == "<********>"
    assert len(mask._index()) < 20 * 513


# A whole session: at every stage, at each of which a server may quote us.


def session(secret: str = PASSWORD, **settings: object) -> Session:
    credentials = Credentials("basic", "zaion", secret, allow_unprotected=True)
    return Session(SessionSettings("m:25", "c", credentials=credentials, trace=True, **settings))  # type: ignore[arg-type]


MAIL = Message(message_id="<x>", reverse_path="z", recipients=("a@b",), content=b"x\r\n")
TALK = {
    Stage.GREETING: b"220 m",
    Stage.EHLO: b"250-m\r\n250 AUTH PLAIN",
    Stage.AUTH: b"235 Welcome",
    Stage.MAIL: b"250 Ok",
    Stage.RCPT: b"250 Ok",
    Stage.DATA: b"354 Go",
    Stage.CONTENT: b"250 Ok",
    Stage.QUIT: b"221 Bye",
}


def until(stage: Stage, session: Session) -> None:
    for each, reply in TALK.items():
        if each is Stage.MAIL:
            session.prepare(MAIL)
        elif each is Stage.CONTENT:
            session.send_content()
        elif each is Stage.QUIT:
            session.quit()
        if each is stage:
            return
        session.receive(reply + b"\r\n")


def told(events: list[Event]) -> str:
    """All that is told of what happened."""
    words = []
    for event in events:
        failures = [event.failure] if isinstance(event, Envelope | Content | Ended) else []
        failures += list(event.refused.values()) if isinstance(event, Envelope) else []
        for failure in filter(None, failures):
            words += [*failure.text, *failure.details, failure.said, repr(failure)]
            words.append(msgspec.json.encode(failure.masked).decode())
            words += [
                base64.b64decode(line + "==").decode("latin-1")
                for line in msgspec.to_builtins(failure.masked)["reply"][1:2]
                for line in line
            ] if failure.reply is not None else []  # fmt: skip
        if isinstance(event, Answered):
            words += [event.reply.text, str(queue_id(event.reply))]
        if isinstance(event, Content) and event.reply is not None:
            words += [event.reply.text, str(queue_id(event.reply))]
        words.append(repr(event))
    return "\n".join(words)


def leaks(text: str, secret: str = PASSWORD) -> bool:
    forms = (secret, BLOB.decode(), base64.b64encode(secret.encode()).decode())
    return any(form.lower() in text.lower() for form in forms)


QUOTES = [
    b"%b", b"220 %b", b"250 queued as %b", b"250-%b\r\n250 Ok", b"421 %b", b"450 4.1.1 %b",
    b"550-5.1.1 no\r\n550 5.1.1 %b", b"554 %b", b"250-%b\r\n550 no", b"334 %b", b"354 %b",
    b"250 Ok\r\n550 %b", b"250 Ok\r\n%b",
]  # fmt: skip


@pytest.mark.parametrize("stage", TALK)
@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("secret", [PASSWORD.encode(), BLOB], ids=["password", "PLAIN"])
def test_at_no_stage_what_a_server_quotes_is_told(
    stage: Stage, quote: bytes, secret: bytes
) -> None:
    machine = session()
    until(stage, machine)
    assert machine.awaiting is stage
    if stage in (Stage.GREETING, Stage.EHLO) and secret == BLOB:
        # Of an earlier connection: the mask is one for all to the same server.
        machine.mask.add_response(BLOB)
    said = quote % secret
    assert leaks(said.decode())  # the control
    events = machine.receive(said + b"\r\n") + machine.lost("closed")
    assert not leaks(told(events))


def test_the_next_connection_knows_what_was_said_on_the_one_before() -> None:
    first = session()
    until(Stage.MAIL, first)
    credentials = Credentials("basic", "zaion", PASSWORD)
    again = Session(SessionSettings("m:25", "c", credentials=credentials, mask=first.mask))
    assert not leaks(told(again.receive(b"554 I know " + BLOB + b"\r\n")))


# Masking changes no verdict: it is read from the bytes as they came.

WORDS = [
    "550 5.1.1 mailbox unavailable", "550 5.7.1 relaying denied", "452 4.2.2 quota exceeded",
    "535 5.7.8 authentication required", "450 4.7.1 greylisted", "554 spam blocked",
    "421 too many connections",
]  # fmt: skip


@pytest.mark.parametrize("said", WORDS)
def test_masking_changes_no_verdict(said: str) -> None:
    code, text = int(said[:3]), (said[4:].encode(),)
    for word in [*said[4:].split(), said[4:]]:
        for stage in Stage:
            plain, masked = (
                Failure(stage=stage, server="m:25", cause="reply", reply=Reply(code, text, mask))
                for mask in (None, Mask(word))
            )
            assert diagnose(masked) is diagnose(plain)
            assert judge(masked) == judge(plain)
            assert masked.said != plain.said


def pop_login(password: str) -> Pop3:
    login = Credentials("basic", "zaion", password, allow_unprotected=True)
    return Pop3(SessionSettings("p:110", "", "none", login))


def test_masking_changes_no_verdict_of_a_pop_server_either() -> None:
    found = []
    for password in ("mailbox", "another"):
        pop = pop_login(password)
        pop.receive(b"+OK\r\n+OK\r\n")
        (ended,) = pop.receive(b"-ERR mailbox locked\r\n")
        assert isinstance(ended, Ended)
        assert ended.failure is not None
        found.append((diagnose(ended.failure), judge(ended.failure), ended.failure.said))
    assert found[0][:2] == found[1][:2]
    assert "******** locked" in found[0][2]
    assert "mailbox locked" in found[1][2]


def test_what_a_pop_server_quotes_is_told_by_nobody() -> None:
    lines = ("-ERR {}", "+OK {}", "{}", "-ERR [IN-USE] {}", "+OK\r\n-ERR {}", "+OK\r\n+OK {}\r\nx")
    for line in lines:
        for form in (PASSWORD, PASSWORD.upper(), BLOB.decode()):
            pop = pop_login(PASSWORD)
            events = pop.receive(line.format(form).encode() + b"\r\n") + pop.lost("closed")
            words = [*map(repr, events)]
            for event in events:
                if isinstance(event, Ended) and event.failure is not None:
                    words += [*event.failure.text, event.failure.said]
            assert not leaks("\n".join(words))
