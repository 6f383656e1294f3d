"""Whatever an endpoint, a command or a mail server says of tokens: a token, or our own error."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.token_server import in_pieces
from zaiond.http import NoAnswer, read_answer
from zaiond.oauth.protocol import (
    Granted,
    command_failed,
    expiry,
    first_line,
    form,
    granted,
)
from zaiond.smtp.failure import NoToken
from zaiond.smtp.mask import Mask
from zaiond.smtp.sasl import explained

SECRET = "s3cr3tS3CR3T"
_KEYS = [
    "access_token", "token_type", "expires_in", "refresh_token", "refresh_token_expires_in",
    "refresh_expires_in", "error", "error_description", "scope", "exp", "status",
]  # fmt: skip
_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(
        ["Bearer", "bearer", "mac", "3600", "-1", "1e999", "nan", "invalid_grant", "\x1b[31m",
         f"token {SECRET} is wrong", "t0ken.~+/=="]
    )
)  # fmt: skip
_documents = st.dictionaries(st.sampled_from(_KEYS) | st.text(), _scalars | st.lists(_scalars))
_contents = (
    _documents.map(lambda document: json.dumps(document).encode())
    | st.binary()
    | st.sampled_from([b"[" * 100_000, b"[]", b"7", b'{"expires_in":1e400}', b"\xef\xbb\xbf{}"])
)


def tried(call: Any, *arguments: Any) -> Any:
    """What comes of it; of an error it is seen that it can be shown."""
    try:
        found = call(*arguments)
    except (NoToken, NoAnswer) as error:
        reply = error.reply if isinstance(error, NoToken) else None
        shown = error.detail.en + (reply.text if reply is not None else "")
        assert shown.isprintable()
        assert SECRET not in shown
        assert len(shown) < 2000
        return None
    return found


@given(st.integers(0, 999), _contents)
def test_any_answer_gives_a_token_that_can_be_used_or_our_own_error(
    status: int, content: bytes
) -> None:
    found = tried(granted, status, content, "https://login.zaion.jp/token", Mask(SECRET))
    if isinstance(found, Granted):
        assert status == 200
        assert found.token.isascii()
        assert found.token.isprintable()
        assert " " not in found.token
        assert found.expires_in is None or found.expires_in > 0
        assert 1000 < found.used_until(1000) <= 1000 + (found.expires_in or 300)


@given(st.binary(max_size=200))
def test_an_answer_in_pieces_is_the_same_answer(content: bytes) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content
    for end in range(len(whole)):
        assert tried(read_answer, in_pieces(whole[:end], 100), "x") is None
    for most in (1, 2, 7, 100):
        assert tried(read_answer, in_pieces(whole, most), "x") == (200, content)


@given(st.binary())
def test_any_output_of_a_command_gives_a_token_or_our_own_error(output: bytes) -> None:
    found = tried(first_line, output, "/bin/get-token")
    assert found is None or output.lstrip().startswith(str(found).encode())


@given(st.integers(-64, 255), st.binary())
def test_any_complaint_of_a_command_can_be_shown(status: int, complaint: bytes) -> None:
    error = command_failed(status, complaint, "/bin/get-token", Mask(SECRET))
    assert error.detail.en.isprintable()
    assert str(abs(status)) in error.detail.en


def jwt(claims: dict[str, Any]) -> str:
    return "x." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode() + ".x"


@given(st.text() | _documents.map(jwt) | st.integers(0, 2**41).map(lambda end: jwt({"exp": end})))
@example(jwt({"exp": 300_000_000_000}))
def test_any_refresh_token_has_an_end_that_has_a_date_or_none_that_is_known(token: str) -> None:
    found = expiry(None, token, 1000.0)
    if found is not None:
        assert 1970 <= datetime.fromtimestamp(found, UTC).year < 2000


@given(st.text(), st.text(), st.text(), st.text())
def test_what_is_asked_is_read_as_it_was_meant(
    identity: str, secret: str, refresh: str, scope: str
) -> None:
    from urllib.parse import parse_qs

    values = {
        "grant_type": "refresh_token",
        "client_id": identity,
        "client_secret": secret,
        "refresh_token": refresh,
        "scope": scope,
    }
    try:
        content = form(
            grant_type="refresh_token",
            client_id=identity,
            client_secret=secret,
            refresh_token=refresh,
            scope=scope,
        )
    except UnicodeEncodeError:
        return  # lone surrogates, which no file in UTF-8 has
    read = parse_qs(content.decode("ascii"), strict_parsing=True)
    assert read == {name: [value] for name, value in values.items() if value}


@given(_contents)
def test_any_last_challenge_can_be_shown_and_never_the_token(challenge: bytes) -> None:
    found = explained("XOAUTH2", challenge, Mask(SECRET))
    assert found.isprintable()
    assert SECRET not in found
    assert len(found) < 1000
