"""What holds of the login by POP whatever the server says, and however its bytes arrive."""

import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zaiond.pop3 import Pop3
from zaiond.selftest.advice import reason
from zaiond.smtp.events import Ended, Event, LoggedIn, StartTls
from zaiond.smtp.failure import Stage
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.sasl import Credentials
from zaiond.smtp.syntax import MAX_LINE
from zaiond.smtp.verdict import judge

PASSWORD = "k0nna-himitsu"
TIMESTAMP = b"<1896.697170952@pop.example>"
DIGEST = hashlib.md5(TIMESTAMP + PASSWORD.encode()).hexdigest().encode()


def machine(security: str, *, allow: bool = False) -> Pop3:
    login = Credentials("basic", "zaion", PASSWORD, allow_unprotected=allow)
    return Pop3(SessionSettings("pop:110", "", security, login))  # type: ignore[arg-type]


def talk(pop: Pop3, pieces: list[bytes]) -> tuple[list[Event], bytes, bytes]:
    """The events, what was said in plain text, and what inside of TLS."""
    events: list[Event] = []
    protected = pop._settings.security == "tls"
    said = {False: b"", True: b""}
    for piece in pieces:
        if pop.awaiting is Stage.TLS and piece == b"(handshake)":
            protected = True
            events += pop.tls_started()
        else:
            events += pop.receive(piece)
        if pop.opened and not pop.over and pop.awaiting is None:
            pop.quit()
        said[protected] += pop.take_output()
    events += pop.lost("closed")
    return events, said[False], said[True]


_LINES = st.sampled_from(
    [b"+OK\r\n", b"+OK " + TIMESTAMP + b"\r\n", b"+OK\n", b"-ERR\r\n", b"-ERR [IN-USE] later\r\n",
     b"-ERR " + PASSWORD.upper().encode() + b"\r\n", b"-ERR " + DIGEST + b"\r\n", b"+OK <@>\r\n",
     b"(handshake)", b"220 mail ESMTP\r\n", b"\r\n", b"+", b"-E", b"\x16\x03\x01", b"\x00\xff"]
)  # fmt: skip
_PIECES = st.lists(_LINES | st.binary(max_size=8), max_size=12)
# What once was found, or nearly.
_KEPT: list[list[bytes]] = [
    [b"+OK\r\n", b"+OK\r\n", b"x" * (MAX_LINE + 1)],  # too long, and behind STLS: an attack first
    [b"+OK\r\n+OK\r\n+"],
    [b"+OK\r\n", b"+OK\r\n", b"(handshake)", b"+OK\r\n", b"-ERR\r\n", b"+OK\r\n"],
    [b"+OK " + TIMESTAMP + b"\r\n", b"-ERR\r\n", b"+OK\r\n"],
]


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
@given(pieces=_PIECES)
@example(pieces=_KEPT[0])
@example(pieces=_KEPT[1])
@example(pieces=_KEPT[2])
@example(pieces=_KEPT[3])
def test_whatever_the_server_says_the_login_ends_once_and_says_why(
    security: str, allow: bool, pieces: list[bytes]
) -> None:
    events, plain, protected = talk(machine(security, allow=allow), pieces)
    assert [type(each) for each in events].count(Ended) == 1
    ended = events[-1]
    assert isinstance(ended, Ended)
    logged_in = [each for each in events if isinstance(each, LoggedIn)]
    assert (ended.failure is None) is bool(logged_in)
    assert len(logged_in) <= 1
    if ended.failure is not None:
        assert ended.failure.stage is Stage.POP
        assert reason(ended.failure)[0] == "POP login failed"
        assert judge(ended.failure).outcome in ("deferred", "held")
        shown = ended.failure.said.lower()
        assert shown.isprintable()
        assert PASSWORD not in shown
        if DIGEST in plain + protected:
            assert DIGEST.decode() not in shown
    if security == "none" and not allow:
        assert PASSWORD.encode() not in plain
    if security == "starttls":
        assert b"USER" not in plain
        assert b"APOP" not in plain
        started = any(isinstance(each, StartTls) for each in events)
        assert started or plain in (b"", b"STLS\r\n", b"STLS\r\nQUIT\r\n", b"QUIT\r\n")


@given(length=st.integers(MAX_LINE - 3, MAX_LINE + 3), data=st.data())
def test_a_line_of_more_than_4_kib_is_refused_in_any_pieces(
    length: int, data: st.DataObject
) -> None:
    line = (b"+OK " + b"x" * length)[:length]
    cut = data.draw(st.integers(1, length))
    for ending in (b"\r\n", b"\n"):
        pop = machine("tls")
        events = pop.receive(line[:cut]) + pop.receive(line[cut:] + ending)
        assert bool(events) is (length > MAX_LINE)


def test_a_line_without_end_takes_no_memory() -> None:
    pop = machine("tls")
    for _ in range(100):
        pop.receive(b"+OK" + b"x" * 65536)
    assert pop.over
    assert len(pop._parser._rest) <= 2 * 65536
