"""SASLprep: the examples of RFC 4013, and what a Japanese keyboard writes."""

import subprocess
import sys

import pytest

from zaiond.smtp.saslprep import ProhibitedError, saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        # RFC 4013 3
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("ひみつ p@ss", "ひみつ p@ss"),
        ("か\u3099", "が"),  # as some systems store it
        ("ひみつ\u3000", "ひみつ "),
        ("ｐａｓｓ", "pass"),
        ("\U0001f511", "\U0001f511"),  # newer than RFC 3454's Unicode
        ("\u0627\u0628", "\u0627\u0628"),
        ("tab\t", "tab\t"),  # ASCII is sent as it is
    ],
)
def test_texts_come_in_their_one_form(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\u0080", "U+0080"),
        ("ひ\x07", "U+0007"),
        ("\ue000", "U+E000"),
        ("\u200e", "U+200E"),
        ("\ufffd", "U+FFFD"),
        ("\u06271", "right to left"),  # RFC 4013 3
        ("\u0627a\u0628", "right to left"),
    ],
)
def test_what_is_prohibited_is_said_so(text: str, why: str) -> None:
    with pytest.raises(ProhibitedError) as raised:
        saslprep(text)
    assert why in raised.value.text.en


def test_nobody_pays_for_its_tables_before_a_name_needs_them() -> None:
    program = "import sys, zaiond.daemon.main, zaiond.smtp.saslprep; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "stringprep" not in loaded
