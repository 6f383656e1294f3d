"""What holds of AUTH whatever the server asks and says: our own errors only, and no secret told."""

import base64
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zaiond.smtp.events import Ended, Opened
from zaiond.smtp.failure import ChallengeError
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.mask import Mask
from zaiond.smtp.ntlm import Account, authenticate
from zaiond.smtp.sasl import Credentials, Kind
from zaiond.smtp.saslprep import ProhibitedError, saslprep
from zaiond.smtp.session import Session

PASSWORD = "k0nna-himitsu"
KINDS: list[Kind] = ["basic", "cram-md5", "ntlm"]
OFFERED = {
    "basic": st.sampled_from(["PLAIN", "LOGIN"]),
    "cram-md5": st.just("CRAM-MD5"),
    "ntlm": st.just("NTLM"),
}


@st.composite
def type_2(draw: st.DrawFn) -> bytes:
    """Bytes that look like a server's NTLM message, more or less."""
    message = b"NTLMSSP\0" + struct.pack("<I", draw(st.sampled_from([2, 2, 2, 1, 3])))
    message += draw(st.binary(min_size=8, max_size=8))
    message += struct.pack("<I", draw(st.integers(0, 2**32 - 1)) | draw(st.just(0x800000)))
    message += draw(st.binary(max_size=16))
    pairs = draw(
        st.lists(st.tuples(st.integers(0, 12), st.integers(0, 20), st.binary(max_size=20)))
    )
    info = b"".join(struct.pack("<HH", kind, length) + value for kind, length, value in pairs)
    place = draw(st.integers(0, 80))
    message += struct.pack("<HHI", len(info), len(info), place)
    return message + draw(st.binary(max_size=8)) + info


@given(
    message=st.one_of(st.binary(max_size=100), type_2()),
    version=st.sampled_from([1, 2]),
    domain=st.text(alphabet=st.characters(codec="utf-8"), max_size=8),
    now=st.floats(0, 2**40),
)
@example(message=b"NTLMSSP\0\2" + bytes(39), version=2, domain="한", now=0.0)
def test_any_ntlm_message_is_answered_or_refused_by_our_own_error(
    message: bytes, version: int, domain: str, now: float
) -> None:
    try:
        answer = authenticate(
            Account(domain, "zaion", PASSWORD), message, version=version, nonce=bytes(8), now=now
        )
    except ChallengeError:
        return
    assert answer.startswith(b"NTLMSSP\0\3\0\0\0")
    assert PASSWORD.encode() not in answer
    assert PASSWORD.encode("utf-16-le") not in answer


@pytest.mark.parametrize("mechanism", KINDS)
@given(data=st.data())
def test_whatever_the_server_asks_auth_ends_and_tells_no_secret(
    mechanism: Kind, data: st.DataObject
) -> None:
    credentials = Credentials(mechanism, "zaion", PASSWORD, allow_unprotected=True)
    session = Session(SessionSettings(server="m:25", helo_name="c", credentials=credentials))
    offered = data.draw(OFFERED[mechanism])
    session.receive(b"220 m\r\n")
    session.receive(b"250-m\r\n250 AUTH " + offered.encode() + b"\r\n")
    said = b""
    for _ in range(6):
        said = session.take_output()
        asked = data.draw(st.one_of(st.binary(max_size=60), type_2()).map(base64.b64encode))
        words = data.draw(st.sampled_from([asked, b"", b"Password:", b"NTLM supported", b"====="]))
        events = session.receive(b"334 " + words + b"\r\n")
        if session.over:
            break
        if said in (b"*\r\n", b""):
            break
    else:
        pytest.fail("AUTH goes on and on")
    if not session.over:
        quoted = said.strip().replace(b"\r", b"").replace(b"\n", b" ")
        events = session.receive(b"535 5.7.8 what is " + quoted + b"\r\n")
    assert not any(isinstance(event, Opened) for event in events)
    [failure] = [event.failure for event in events if isinstance(event, Ended)]
    assert failure is not None
    assert PASSWORD not in failure.said
    for response in said.split():
        assert len(response) < 8 or response.decode() not in failure.said


@pytest.mark.parametrize(
    "says",
    [b"%b", b"235 %b", b"235-%b\r\n235 Ok", b"535 %b", b"421 %b", b"535-No\r\n536 %b",
     b"235 Ok\r\n250 %b", b"235 Ok\r\n%b", b"235 Ok\r\n421 %b"],
)  # fmt: skip
@pytest.mark.parametrize("quoted", ["the line", "the password"])
def test_whatever_the_server_makes_of_a_login_it_is_told_without_the_secret(
    says: bytes, quoted: str
) -> None:
    credentials = Credentials("basic", "zaion", PASSWORD, allow_unprotected=True)
    settings = SessionSettings(server="m:25", helo_name="c", credentials=credentials, trace=True)
    session = Session(settings)
    session.receive(b"220 m\r\n")
    session.receive(b"250-m\r\n250 AUTH PLAIN\r\n")
    line = session.take_output().strip().rpartition(b"\r\n")[2]
    quote = line if quoted == "the line" else f"zaion has {PASSWORD}".encode()
    told = repr(session.receive(says % quote + b"\r\n"))
    assert PASSWORD not in told
    assert line.split()[-1].decode() not in told


@given(
    password=st.text(alphabet="abcxyzABC019-_ひみつ漢字", min_size=8),
    data=st.data(),
)
def test_no_piece_of_a_response_is_repeated_in_any_case(password: str, data: st.DataObject) -> None:
    response = base64.b64encode(f"\0zaion\0{password}".encode())
    length = len(response.rstrip(b"="))
    start = data.draw(st.integers(0, length - 8))
    end = data.draw(st.integers(start + 8, length))
    piece = response[start:end]
    piece = data.draw(st.sampled_from([piece, piece.lower(), piece.upper()]))
    lines = (b"5.7.8 zaion said <" + piece + b">", b"that is: " + password.encode())
    mask = Mask(password)
    mask.add_response(response)
    shown = b" ".join(mask.lines(lines))
    assert piece not in shown
    assert password.encode() not in shown
    assert b"zaion said" in shown


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_what_is_prepared_stays_as_it_is(text: str) -> None:
    try:
        prepared = saslprep(text)
    except ProhibitedError:
        return
    assert saslprep(prepared) == prepared
