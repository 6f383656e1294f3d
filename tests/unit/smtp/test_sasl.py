"""What is said in AUTH, and what of it a server may make us repeat."""

import json

import pytest

from zaiond.smtp.mask import Mask
from zaiond.smtp.sasl import Credentials, explained

TOKEN = Credentials("xoauth2", "zaion@zaion.jp", "ya29.secret")


@pytest.mark.parametrize(
    ("challenge", "said"),
    [
        (
            b'{"status":"401","schemes":"bearer","scope":"https://x/"}',
            "status 401, scope https://x/",
        ),
        (b'{"status":400}', "status 400"),
        (b'{"status":"ya29.secret","scope":"\\u001b[31m"}', "status ********, scope \\x1b[31m"),
        (json.dumps({"scope": "x" * 999}).encode(), "scope " + "x" * 194),
        (b'{"status":{},"scope":""}', ""),
        (b"[" * 100_000, ""),
        (b"[]", ""),
        (b"\xff", ""),
        (b"", ""),
    ],
)
def test_of_the_last_challenge_only_what_is_useful_is_shown(challenge: bytes, said: str) -> None:
    assert explained("XOAUTH2", challenge, Mask("ya29.secret")) == (
        "XOAUTH2: " + said if said else "XOAUTH2"
    )


def test_other_mechanisms_have_nothing_to_explain() -> None:
    assert explained("PLAIN", b'{"status":"401"}', Mask()) == ""
