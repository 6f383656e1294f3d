"""How the self-test shows a reply."""

from zaiond.smtp import words
from zaiond.smtp.events import Answered
from zaiond.smtp.failure import Stage
from zaiond.smtp.syntax import Reply


def answered(stage: Stage, code: int, *lines: bytes, about: str = "") -> Answered:
    return Answered(stage, Reply(code, lines or (b"",)), about)


def test_the_extensions_of_ehlo_are_told_apart() -> None:
    lines = (b"mail.example.jp Hello", b"SIZE 1000", b"AUTH PLAIN LOGIN")
    assert answered(Stage.EHLO, 250, *lines).text == (
        "250 mail.example.jp Hello: SIZE 1000, AUTH PLAIN LOGIN"
    )
    assert answered(Stage.EHLO, 250, b"mail").text == "250 mail"
    assert "\\x1b" in answered(Stage.EHLO, 250, b"mail", b"\x1b[2J").text


def test_auth_is_shown_with_its_mechanism() -> None:
    said = answered(Stage.AUTH, 235, b"2.7.0 Welcome", about="CRAM-MD5")
    assert said.text == "CRAM-MD5: 235 2.7.0 Welcome"
    assert answered(Stage.MAIL, 235, b"2.7.0 Welcome", about="CRAM-MD5").text == "235 2.7.0 Welcome"


def test_yes_is_what_was_hoped_for_at_that_stage() -> None:
    assert answered(Stage.MAIL, 250).ok
    assert answered(Stage.DATA, 354).ok
    assert not answered(Stage.DATA, 250).ok
    assert not answered(Stage.GREETING, 354).ok
    assert not answered(Stage.RCPT, 450).ok


def test_a_challenge_ends_no_step() -> None:
    assert not answered(Stage.AUTH, 334).ends_step
    assert answered(Stage.AUTH, 235).ends_step
    assert answered(Stage.DATA, 354).ends_step


def test_an_unprotected_login_is_warned_of_by_what_it_gives_away() -> None:
    for mechanism in ("CRAM-MD5", "NTLM", "APOP"):
        ja, en = words.login_unprotected(mechanism=mechanism, setting="security")
        assert mechanism in en
        assert mechanism in ja
    told = words.password_unprotected(mechanism="PLAIN", setting="security")
    assert "The password crossed" in told.en
