"""What holds of the SMTP machine whatever the server says, and however its bytes arrive."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaiond.model import Message
from zaiond.smtp.events import Content, Ended, Envelope, Event, StartTls
from zaiond.smtp.failure import Failure
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.sasl import Credentials
from zaiond.smtp.session import Session
from zaiond.smtp.syntax import MAX_LINE, ProtocolFault, Reply, ReplyParser, dot_stuffed, path
from zaiond.smtp.verdict import judge

PASSWORD = "k0nna-himitsu"


# A server that answers by a plan, with and without PIPELINING.

OK, FOR_NOW, FOR_GOOD = b"250 2.0.0 Ok", b"450 4.2.0 Later", b"550 5.1.1 No"
ANSWERS = st.sampled_from([OK, OK, FOR_NOW, FOR_GOOD])


class Plan:
    """What is answered to one mail: MAIL, each RCPT, DATA, content."""

    def __init__(self, mail: bytes, rcpt: list[bytes], data: bytes, content: bytes) -> None:
        self.mail, self.rcpt, self.data, self.content = mail, rcpt, data, content

    def __repr__(self) -> str:
        return f"Plan({self.mail!r}, {self.rcpt!r}, {self.data!r}, {self.content!r})"


PLANS = st.builds(
    Plan,
    ANSWERS,
    st.lists(ANSWERS, min_size=1, max_size=4),
    st.sampled_from([OK, FOR_NOW]),
    ANSWERS,
)


class Server:
    """A server that keeps RFC 5321's order of commands; `lenient` says 354 to every DATA."""

    def __init__(self, plans: list[Plan], *, pipelining: bool, lenient: bool) -> None:
        self.plans = deque(plans)
        self.plan: Plan | None = None
        self.lenient = lenient
        self.rcpt: deque[bytes] = deque()
        self.accepted = 0
        self.in_content = False
        self.unread = b""
        self.contents: list[bytes] = []
        self.hello = b"250-s\r\n250 PIPELINING\r\n" if pipelining else b"250 s\r\n"

    def answer(self, said: bytes) -> bytes:
        self.unread += said
        replies = b""
        while True:
            end = b"\r\n.\r\n" if self.in_content else b"\r\n"
            if self.in_content and self.unread.startswith(b".\r\n"):
                line, self.unread = b"", self.unread[3:]
            else:
                line, found, rest = self.unread.partition(end)
                if not found:
                    return replies
                self.unread = rest
            replies += self.one(line) + b"\r\n"

    def one(self, line: bytes) -> bytes:
        verb = line[:4]
        if self.in_content:
            self.in_content = False
            plan, self.plan = self.plan, None
            if not self.accepted or plan is None:
                return b"554 5.5.1 No recipients"
            if plan.content == OK:
                self.contents.append(line)
            return plan.content
        if verb == b"EHLO":
            return self.hello.removesuffix(b"\r\n")
        if verb == b"RSET":
            self.plan = None
            return OK
        if verb == b"MAIL":
            assert self.plan is None, "MAIL inside of a transaction"
            plan = self.plans.popleft()
            self.accepted = 0
            self.rcpt = deque(plan.rcpt)
            if plan.mail == OK:
                self.plan = plan
            return plan.mail
        if verb == b"RCPT":
            if self.plan is None:
                return b"503 5.5.1 MAIL first"
            reply = self.rcpt.popleft()
            self.accepted += reply == OK
            return reply
        assert verb == b"DATA", line
        if self.lenient or (self.plan is not None and self.accepted and self.plan.data == OK):
            self.in_content = True
            return b"354 Go"
        return self.plan.data if self.plan is not None and self.accepted else b"503 5.5.1 No"


Outcome = list[tuple[object, ...]]


def deliver(plans: list[Plan], *, pipelining: bool, lenient: bool) -> tuple[Outcome, list[bytes]]:
    """What became of each mail, and what the server took."""
    server = Server(plans, pipelining=pipelining, lenient=lenient)
    session = Session(SessionSettings(server="s:25", helo_name="c", security="none"))
    events = session.receive(b"220 s\r\n")
    outcome: Outcome = []

    def talk() -> list[Event]:
        events: list[Event] = []
        while said := session.take_output():
            events += session.receive(server.answer(said))
        return events

    def prepare(number: int) -> list[Event]:
        recipients = tuple(f"r{i}@example.jp" for i in range(len(plans[number].rcpt)))
        content = b"Mail %d\r\n.\r\nend\r\n" % number
        mail = Message(message_id="<x>", reverse_path="z", recipients=recipients, content=content)
        return session.prepare(mail)

    pending = deque([*events, *talk()])
    upcoming = deque(range(len(plans)))
    if upcoming:
        pending += [*prepare(upcoming.popleft()), *talk()]
    while pending:
        event = pending.popleft()
        if isinstance(event, Envelope):
            refused = {who: why.said for who, why in event.refused.items()}
            outcome.append(("envelope", event.failure and event.failure.said, refused))
            over = event.failure is not None or len(refused) == len(
                plans[sum(1 for o in outcome if o[0] == "envelope") - 1].rcpt
            )
            if not over:
                pending += session.send_content()
            if upcoming:  # in the same write as the content, if there is one
                pending += prepare(upcoming.popleft())
            pending += talk()
        elif isinstance(event, Content):
            outcome.append(("content", event.reply or (event.failure and event.failure.said)))
        else:
            assert not isinstance(event, Ended), event
    return outcome, server.contents


@given(plans=st.lists(PLANS, max_size=5), lenient=st.booleans())
def test_pipelined_and_serial_agree(plans: list[Plan], lenient: bool) -> None:
    pipelined = deliver(plans, pipelining=True, lenient=lenient)
    serial = deliver(plans, pipelining=False, lenient=lenient)
    assert pipelined == serial
    assert sum(1 for what, *_ in pipelined[0] if what == "envelope") == len(plans)


# A server that says anything at all.

LINES = st.one_of(
    st.builds(
        lambda code, mark, text: b"%d%s%s" % (code, mark, text),
        st.one_of(
            st.sampled_from([220, 221, 235, 250, 251, 334, 354, 421, 450, 454, 502, 530, 550, 554]),
            st.integers(0, 999),
        ),
        st.sampled_from([b" ", b" ", b" ", b"-", b""]),
        st.one_of(
            st.sampled_from([b"", b"PIPELINING", b"STARTTLS", b"AUTH PLAIN LOGIN", b"SIZE 9"]),
            st.binary(max_size=20),
        ),
    ),
    st.binary(max_size=10),
)
SECURITIES = st.sampled_from(["none", "opportunistic", "starttls", "tls"])


@given(
    lines=st.lists(LINES, max_size=30),
    security=SECURITIES,
    allow=st.booleans(),
    end=st.sampled_from([b"\r\n", b"\n"]),
)
def test_whatever_the_server_says_every_half_has_its_end_and_nothing_else_is_raised(
    lines: list[bytes], security: str, allow: bool, end: bytes
) -> None:
    credentials = Credentials("basic", "zaion", PASSWORD, allow_unprotected=allow)
    session = Session(
        SessionSettings(
            server="s:25",
            helo_name="c",
            security=security,  # type: ignore[arg-type]
            credentials=credentials,
        )
    )
    mail = Message(message_id="<x>", reverse_path="z", recipients=("a@b",), content=b"x\r\n")
    seen: list[Event] = []
    prepared = sent = 0
    encrypted = security == "tls"
    waiting = deque(lines)
    while waiting and not session.over:
        pending = deque(session.receive(waiting.popleft() + end))
        while pending:
            event = pending.popleft()
            seen.append(event)
            if isinstance(event, StartTls) and not session.over:
                encrypted = True
                pending += session.tls_started()
            elif isinstance(event, Envelope) and event.failure is None and not event.refused:
                sent += 1
                pending += session.send_content()
        said = session.take_output()
        if not (encrypted or allow):
            assert b"AUTH" not in said
        if session.opened and not session.over and prepared == _ends(seen, Envelope):
            prepared += 1
            pending += session.prepare(mail)
            seen += pending
    seen += session.lost("closed")
    assert _ends(seen, Ended) == 1
    assert isinstance(seen[-1], Ended)
    assert _ends(seen, Envelope) == prepared
    assert _ends(seen, Content) == sent
    for event in seen:
        failure = getattr(event, "failure", None)
        if isinstance(failure, Failure):
            judge(failure)
            assert PASSWORD not in repr(failure)
            assert failure.said.isprintable()


def _ends(events: list[Event], kind: type) -> int:
    return sum(1 for event in events if isinstance(event, kind))


# Replies, dots and paths by themselves.

TEXTS = st.binary(max_size=60).filter(lambda text: b"\n" not in text and not text.endswith(b"\r"))


@given(
    st.lists(st.tuples(st.integers(200, 599), st.lists(TEXTS, min_size=1, max_size=4)), max_size=6)
)
def test_replies_come_out_as_they_were_written(written: list[tuple[int, list[bytes]]]) -> None:
    data = b"".join(
        b"%d%s%s\r\n" % (code, b" " if i == len(texts) - 1 else b"-", text)
        for code, texts in written
        for i, text in enumerate(texts)
    )
    replies: list[Reply] = []
    parser = ReplyParser()
    parser.feed(data, replies)
    assert replies == [Reply(code, tuple(texts)) for code, texts in written]
    assert not parser.pending


@given(st.binary(max_size=200), st.integers(1, 50))
def test_of_anything_else_only_a_protocol_fault_is_raised(data: bytes, size: int) -> None:
    parser = ReplyParser()
    replies: list[Reply] = []
    try:
        for i in range(0, len(data), size):
            parser.feed(data[i : i + size], replies)
    except ProtocolFault as fault:
        assert str(fault).isprintable()  # noqa: PT017 (it need not be raised)
    assert all(reply.text.isprintable() for reply in replies)


@pytest.mark.parametrize("flood", [b"2", b"250-more\r\n", b"250 " + b"x" * 1000])
def test_a_flood_is_not_kept(flood: bytes) -> None:
    parser = ReplyParser()

    def feed(octets: int) -> None:
        for _ in range(octets // len(flood)):
            parser.feed(flood, [])

    with pytest.raises(ProtocolFault):
        feed(200_000)


def test_a_line_of_4_kib_is_taken_and_a_longer_one_is_not() -> None:
    replies: list[Reply] = []
    ReplyParser().feed(b"250 " + b"x" * (MAX_LINE - 5) + b"\r\n", replies)
    assert len(replies) == 1
    with pytest.raises(ProtocolFault):
        ReplyParser().feed(b"250 " + b"x" * MAX_LINE + b"\r\n", [])


@given(st.lists(st.binary(max_size=8).map(lambda b: b.replace(b"\r", b".").replace(b"\n", b"."))))
def test_a_receiver_gets_back_the_lines_from_behind_the_dots(lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines) or b"\r\n"
    wire = dot_stuffed(content)
    assert wire.endswith(b"\r\n.\r\n")
    body = wire.removesuffix(b".\r\n").split(b"\r\n")[:-1]
    assert b"." not in body  # RFC 5321 4.5.2: a lone dot would end the mail
    assert b"".join(line.removeprefix(b".") + b"\r\n" for line in body) == content


@given(st.text())
def test_an_address_never_ends_its_command_or_its_bracket(address: str) -> None:
    wire = path(address)
    if wire is not None:
        assert not set(wire) & set(b"\r\n\0")
        if b'"' not in wire:
            assert not set(wire) & set(b"<> ")
