"""What is fuzzed, by kind: each takes bytes of whoever may send them, and says what must hold."""

import asyncio
import base64
import random
import socket
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from tests.property.test_config import check_places, loaded
from tests.property.test_wire import mailed
from tests.support.token_server import in_pieces
from zaiond import wire as wire_format
from zaiond.errors import AddressError, AddressListError, EventError, ZaiondError
from zaiond.http import NoAnswer, read_answer
from zaiond.intake import connection as event_connection
from zaiond.intake.connection import TOO_LARGE, EventConnection
from zaiond.intake.quota import ReadAhead
from zaiond.intake.spool.file import FoundFile, SpoolFile
from zaiond.message.address import mended, parse_elements, parse_list, parse_recipient, parse_sender
from zaiond.model import Message
from zaiond.oauth.protocol import Granted, command_failed, expiry, first_line, granted
from zaiond.pop3 import Pop3
from zaiond.selftest.advice import hint, reason
from zaiond.selftest.run import queue_id
from zaiond.smtp import sasl
from zaiond.smtp.events import Answered, Content, Ended, Envelope, LoggedIn, StartTls
from zaiond.smtp.failure import ChallengeError, Failure, NoToken, Stage
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.mask import Mask
from zaiond.smtp.ntlm import Account, authenticate
from zaiond.smtp.sasl import Credentials
from zaiond.smtp.session import Session
from zaiond.smtp.syntax import MAX_LINE, MAX_REPLY, Capabilities, Reply, Unsendable, rcpt_command
from zaiond.smtp.verdict import judge
from zaiond.web import alertmanager, bodies, pings
from zaiond.web.bodies import Unreadable

PASSWORD = "k0nna-himitsu"
MOST_SHOWN = 700  # characters of a server's words, with ours around them
_SECURITY = ("none", "opportunistic", "starttls", "tls")
_MECHANISMS = (None, "basic", "cram-md5", "ntlm", "xoauth2")
_MAIL = Message(
    message_id="<x>", reverse_path="z", recipients=("a@b", "c@d"), content=b"x\r\n.\r\n"
)


def _can_be_shown(text: str) -> None:
    assert text.isprintable(), text
    assert len(text) <= MOST_SHOWN, len(text)
    assert PASSWORD not in text.lower()


def _is_sound(failure: Failure) -> None:
    """Whatever it is, it can be told, judged, advised and kept."""
    _can_be_shown(failure.said)
    for text in failure.text:
        _can_be_shown(text)
    assert judge(failure).outcome in ("deferred", "held", "ambiguous")
    assert reason(failure)[1] >= 0
    for text in hint(failure):
        assert PASSWORD not in text.lower()
        assert text.count("\n") == 1
    if failure.reply is not None:
        kept = failure.masked.reply
        assert kept is not None
        assert PASSWORD.encode() not in b"".join(kept.lines).lower()


def _is_ours(error: ZaiondError) -> None:
    for text in error.text:
        assert text.isprintable(), text


def _is_shown(reply: Reply) -> None:
    _can_be_shown(reply.text)
    _can_be_shown(queue_id(reply) or "")


def smtp(data: bytes) -> None:
    """A server's bytes, line by line; the first byte says how the session is set up."""
    choice = data[0] if data else 0
    mechanism = _MECHANISMS[choice // 4 % 5]
    credentials = None
    if mechanism is not None:
        credentials = Credentials(mechanism, "zaion", PASSWORD, allow_unprotected=True)  # type: ignore[arg-type]
    session = Session(
        SessionSettings(
            server="s:25", helo_name="c", credentials=credentials, trace=choice >= 128,
            security=_SECURITY[choice % 4],  # type: ignore[arg-type]
            mask=Mask(PASSWORD),
        )
    )  # fmt: skip
    events: list[Any] = []
    prepared = sent = said = 0
    pieces = data[1:].splitlines(keepends=True)
    for piece in pieces:
        waiting = session.receive(piece)
        while waiting:
            event = waiting.pop(0)
            events.append(event)
            if isinstance(event, StartTls) and not session.over:
                waiting += session.tls_started()
            elif isinstance(event, Envelope) and event.failure is None and len(event.refused) < 2:
                sent += 1
                waiting += session.send_content()
        if session.opened and not session.over and prepared == _count(events, Envelope):
            prepared += 1
            events += session.prepare(_MAIL)
        said += len(session.take_output())
        parser = session._parser
        assert len(parser._rest) <= MAX_LINE + len(piece)
        assert sum(map(len, parser._lines)) + len(parser._lines) <= MAX_REPLY + MAX_LINE
        if session.over:
            break
    events += session.lost("closed")
    assert said <= 4096 + 4 * len(data)
    assert _count(events, Ended) == 1
    assert isinstance(events[-1], Ended)
    assert _count(events, Envelope) == prepared
    assert _count(events, Content) == sent
    for event in events:
        if isinstance(event, Answered):
            _is_shown(event.reply)
        if isinstance(event, Content) and event.reply is not None:
            _is_shown(event.reply)
        if isinstance(event, Envelope):
            for failure in event.refused.values():
                _is_sound(failure)
        if isinstance(event, Envelope | Content | Ended) and event.failure is not None:
            _is_sound(event.failure)


def _count(events: list[Any], kind: type) -> int:
    return sum(isinstance(event, kind) for event in events)


def pop(data: bytes) -> None:
    """A POP server's bytes, line by line; the first byte says how the login is set up."""
    choice = data[0] if data else 0
    credentials = Credentials("basic", "zaion", PASSWORD, allow_unprotected=choice >= 128)
    security = ("none", "starttls", "tls")[choice % 3]
    login = Pop3(SessionSettings("p:110", "", security, credentials))  # type: ignore[arg-type]
    events: list[Any] = []
    for piece in data[1:].splitlines(keepends=True):
        waiting = login.receive(piece)
        events += waiting
        if any(isinstance(event, StartTls) for event in waiting) and not login.over:
            events += login.tls_started()
        if login.opened and login.awaiting is None and not login.over:
            login.quit()
        login.take_output()
        if login.over:
            break
        assert len(login._parser._rest) <= MAX_LINE + len(piece)
    events += login.lost("closed")
    assert _count(events, Ended) == 1
    assert isinstance(events[-1], Ended)
    for event in events:
        if isinstance(event, LoggedIn):
            _can_be_shown(event.said)
        if isinstance(event, Ended) and event.failure is not None:
            assert event.failure.stage is Stage.POP
            _is_sound(event.failure)


def ntlm(data: bytes) -> None:
    """A challenge, in both versions; and what AUTH makes of it in base64."""
    for version, domain in ((1, ""), (2, ""), (2, "한국")):
        account = Account(domain, "zaion", PASSWORD)
        try:
            answer = authenticate(account, data, version=version, nonce=bytes(8), now=1e9)
        except ChallengeError as error:
            _is_ours(error)
            continue
        assert answer.startswith(b"NTLMSSP\0\3\0\0\0")
        assert len(answer) <= len(data) + 1000
        assert PASSWORD.encode() not in answer
        assert PASSWORD.encode("utf-16-le") not in answer
    line = base64.b64encode(data)[:4000]
    smtp(b"\x0c220 a\n250-a\n250 AUTH NTLM\n334\n334 " + line + b"\n235 Ok\n")


def config(data: bytes) -> None:
    """A configuration file."""
    check_places(data, loaded(data))


def wire(data: bytes) -> None:
    """Lines of a producer."""
    for line in data.split(b"\n", 8)[:8]:
        mailed(line)


def address(data: bytes) -> None:
    """An address, or a list of them, as somebody writes it."""
    text = data.decode("utf-8", "replace")
    for parse in (parse_recipient, parse_sender):
        try:
            box = parse(text)
        except AddressError as error:
            _is_ours(error)
            continue
        assert parse(box.address).address == box.address
        if parse is parse_recipient:
            line = rcpt_command(box.address, Capabilities(smtputf8=True))
            assert not isinstance(line, Unsendable)
            assert line.count(b"\r\n") == 1
            assert line.count(b"\n") == 1
            assert len(line) <= 1000
    for read in (parse_list, lambda each: parse_elements([each])):
        try:
            for each in read(text):
                parse_recipient(each)
        except AddressListError as error:
            _is_ours(error)
    for each in mended(text) or ():
        parse_recipient(each)


def spool(data: bytes) -> None:
    """A file of the spool, taken in some lines at a time."""
    file = SpoolFile("a.json", FoundFile(1, 1, data))
    taken = 0
    while not file.is_through:
        file.parse(3, 1.0)
        taken += len(file.events)
        file.settle(["accepted"] * len(file.events))
    ours = [error.text.en for error, _ in file.refused.values() if "internal" in error.text.en]
    assert not ours, ours
    refused = sum(count for _, count in file.refused.values())
    assert taken + refused == sum(bool(line.strip()) for line in data.split(b"\n"))
    for text in file.fault or ():
        assert len(text) <= MOST_SHOWN, len(text)


class _Intake:
    """As much of the intake as a connection asks for."""

    frame_deadline = 60.0

    def __init__(self) -> None:
        self.ahead = ReadAhead()
        self.enqueue = self.closed = lambda _connection: None

    def opened(self, connection: EventConnection) -> Any:
        return self.ahead.opened(connection.user)


class _Transport(asyncio.Transport):
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


MOST_OF_A_LINE = 1000  # here, so that there are lines beyond it


def lines(data: bytes) -> None:
    """What comes by the event socket, in pieces as the network and the intake like."""
    asyncio.run(_in_pieces(data))


async def _in_pieces(data: bytes) -> None:
    chance = random.Random(data)
    intake = _Intake()
    connection = EventConnection(intake)  # type: ignore[arg-type]
    taken: list[bytes | EventError] = []

    def take() -> None:
        taken.extend(connection.take(chance.randint(1, 9), chance.choice((1, 50, 5000)))[0])
        assert connection.whole == sum(map(event_connection._size, connection.pieces))
        assert intake.ahead.kept == connection.whole + len(connection._begun)

    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs, patch.object(wire_format, "MAX_EVENT_BYTES", MOST_OF_A_LINE):
        connection.connection_made(_Transport({"socket": ours}))
        at = 0
        while at < len(data):
            piece = data[at : at + chance.choice((1, 7, 200, 4096))]
            buffer = connection.get_buffer(-1)
            buffer[: len(piece)] = piece
            connection.buffer_updated(len(piece))
            assert len(connection._begun) <= MOST_OF_A_LINE
            at += len(piece)
            if chance.random() < 0.3:
                take()
        connection.eof_received()
        while connection.pieces:
            take()
        connection.connection_lost(None)
    sent = data.removesuffix(b"\n").split(b"\n") if data else []
    assert len(taken) == len(sent)
    for got, line in zip(taken, sent, strict=True):
        assert got == line or (got is TOO_LARGE and len(line) > MOST_OF_A_LINE)
    assert intake.ahead.kept == 0


def oauth(data: bytes) -> None:
    """An endpoint's answer, its content, a command's output and complaint, a JWT."""
    answers = [(status, data) for status in (200, 400, 503)]
    found = _given(lambda: read_answer(in_pieces(data, 65536), "x"))
    assert found == _given(lambda: read_answer(in_pieces(data, 7), "x"))
    if found is not None:
        assert len(found[1]) <= len(data)
        answers.append(found)
    for status, content in answers:
        mask = Mask(PASSWORD)
        token = _given(lambda s=status, c=content, m=mask: granted(s, c, "https://x/token", m))  # type: ignore[misc]
        if isinstance(token, Granted):
            assert token.token.isascii()
            assert token.token.isprintable()
            assert " " not in token.token
            assert 1000 < token.used_until(1000) <= 1000 + (token.expires_in or 300)
    _given(lambda: first_line(data, "/bin/get-token"))
    error = command_failed(1, data, "/bin/get-token", Mask(PASSWORD))
    for text in error.detail:
        _can_be_shown(text)
    end = expiry(None, data.decode("latin-1"), 1000.0)
    assert end is None or 0 < end < 1e12
    said = sasl.explained("XOAUTH2", data, Mask(PASSWORD))
    _can_be_shown(said)


def _given(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (NoToken, NoAnswer) as error:
        for text in error.detail:
            _can_be_shown(text)
        if isinstance(error, NoToken) and error.reply is not None:
            _can_be_shown(error.reply.text)
        return None


def doors(data: bytes) -> None:
    """What is posted to zaiond-web; the first byte says where, and as what."""
    choice, body = (data[0] if data else 0) % 5, data[1:]
    if choice == 3:
        try:
            webhook = alertmanager.decode(body)
        except ValueError:
            return
        lines = [bodies.line_of(event, "web:a") for event in alertmanager.events(webhook)]
    elif choice == 4:
        log = pings.Log()
        for start in range(0, len(body), 1000):
            log.add(body[start : start + 1000])
        lines = [bodies.line_of(pings.event("a", "fail", log, "en"), "web:a")]
        wire_format.parse(lines[0])
    else:
        headers = {"content-type": ("text/plain", bodies.BATCH, "application/json")[choice]}
        if choice == 2:
            head, _, body = body.partition(b"\n\n")
            for header in head.decode("latin-1").split("\n"):
                name, _, value = header.partition(":")
                headers[name.lower()] = value
        try:
            lines = bodies.lines(headers, body, "web:a")
        except Unreadable as error:
            for text in error.text:
                assert text.isprintable(), text
            return
    assert lines or choice == 3
    for line in lines:
        assert b"\n" not in line
        assert len(line) <= 8 * len(data) + 2000  # a byte may be shown by its code
        taken = wire_format.new_event(line, 0, 1e9, lambda: "id")
        assert isinstance(taken, EventError) or b'"source"' in line


TARGETS: dict[str, Callable[[bytes], None]] = {
    "smtp": smtp, "pop": pop, "ntlm": ntlm, "config": config, "wire": wire, "address": address,
    "oauth": oauth, "spool": spool, "lines": lines, "doors": doors,
}  # fmt: skip
