"""How the self-test shows a reply."""

from zaiond.smtp import step_text
from zaiond.smtp.failure import Stage
from zaiond.smtp.reply import Reply


def test_the_extensions_of_ehlo_are_told_apart() -> None:
    reply = Reply(250, (b"mail.example.jp Hello", b"SIZE 1000", b"AUTH PLAIN LOGIN"))
    assert step_text.shown(Stage.EHLO, reply, "") == (
        "250 mail.example.jp Hello: SIZE 1000, AUTH PLAIN LOGIN"
    )
    assert step_text.shown(Stage.EHLO, Reply(250, (b"mail",)), "") == "250 mail"
    assert "\\x1b" in step_text.shown(Stage.EHLO, Reply(250, (b"mail", b"\x1b[2J")), "")


def test_auth_is_shown_with_its_mechanism() -> None:
    reply = Reply(235, (b"2.7.0 Welcome",))
    assert step_text.shown(Stage.AUTH, reply, "CRAM-MD5") == "CRAM-MD5: 235 2.7.0 Welcome"
    assert step_text.shown(Stage.MAIL, reply, "CRAM-MD5") == "235 2.7.0 Welcome"


def test_yes_is_what_was_hoped_for_at_that_stage() -> None:
    assert step_text.is_yes(Stage.MAIL, Reply(250, (b"",)))
    assert step_text.is_yes(Stage.DATA, Reply(354, (b"",)))
    assert not step_text.is_yes(Stage.DATA, Reply(250, (b"",)))
    assert not step_text.is_yes(Stage.GREETING, Reply(354, (b"",)))
    assert not step_text.is_yes(Stage.RCPT, Reply(450, (b"",)))


def test_a_challenge_ends_no_step() -> None:
    assert not step_text.is_step(Stage.AUTH, Reply(334, (b"",)))
    assert step_text.is_step(Stage.AUTH, Reply(235, (b"",)))
    assert step_text.is_step(Stage.DATA, Reply(354, (b"",)))


def test_an_unprotected_login_is_warned_of_by_what_it_gives_away() -> None:
    for mechanism in ("CRAM-MD5", "NTLM", "APOP"):
        assert mechanism in step_text.unprotected(mechanism, reusable=False).en
        assert mechanism in step_text.unprotected(mechanism, reusable=False).ja
    assert "The password crossed" in step_text.unprotected("PLAIN", reusable=True).en
