"""What the machine of the login by POP keeps to itself, and how it looks to its pump."""

import pytest

from zaiond.pop3 import Pop3
from zaiond.smtp.events import Ended
from zaiond.smtp.failure import Stage
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.sasl import Credentials

LOGIN = Credentials("basic", "zaion", "k0nna-himitsu")
SETTINGS = SessionSettings("pop:110", "", "starttls", LOGIN)


def test_settings_show_no_password() -> None:
    assert "himitsu" not in repr(SETTINGS)


def test_what_is_awaited_is_pops_reply_the_handshake_or_nothing() -> None:
    pop = Pop3(SETTINGS)
    awaited = [pop.awaiting]
    for said in (b"+OK\r\n", b"+OK\r\n", None, b"+OK\r\n", b"+OK\r\n"):
        if said is None:
            pop.tls_started()
        else:
            pop.receive(said)
        awaited.append(pop.awaiting)
    assert awaited == [Stage.POP, Stage.POP, Stage.TLS, Stage.POP, Stage.POP, None]
    assert pop.opened
    pop.quit()
    awaited = [pop.awaiting]
    assert pop.receive(b"+OK\r\n") == [Ended(None)]
    assert [*awaited, pop.awaiting] == [Stage.QUIT, None]


@pytest.mark.parametrize(
    "said", [b"+OK", b"+ok", b"+Ok\tready", b"+OKready", b"+OK, ready", b"+OK."]
)
def test_a_yes_is_its_indicator_whatever_follows(said: bytes) -> None:
    pop = Pop3(SETTINGS)
    assert pop.receive(said + b"\r\n") == []
    assert pop.take_output() == b"STLS\r\n"


@pytest.mark.parametrize("said", [b"-ERR", b"-err", b"-Err\tno", b"-ERRno", b"-ERR: no"])
def test_a_no_is_its_indicator_whatever_follows(said: bytes) -> None:
    (ended,) = Pop3(SETTINGS).receive(said + b"\r\n")
    assert isinstance(ended, Ended)
    assert ended.failure is not None
    assert (ended.failure.cause, ended.failure.details.en.encode()[:4]) == ("err", said[:4])


def test_a_no_in_a_japanese_encoding_is_shown_as_text() -> None:
    (ended,) = Pop3(SETTINGS).receive("-ERR パスワードが違います\r\n".encode("euc_jp"))
    assert isinstance(ended, Ended)
    assert ended.failure is not None
    assert ended.failure.details.en == "-ERR パスワードが違います"


def test_only_whole_lines_count_as_replies() -> None:
    pop = Pop3(SETTINGS)
    for byte in b"+OK read":
        pop.receive(bytes([byte]))
    assert pop.replies == 0
    pop.receive(b"y\r\n")
    assert pop.replies == 1


def test_what_comes_after_the_end_says_nothing() -> None:
    pop = Pop3(SETTINGS)
    assert len(pop.lost("reset")) == 1
    assert pop.lost("closed") == []
    assert pop.receive(b"+OK\r\n") == []
    pop.quit()
    assert pop.take_output() == b""
