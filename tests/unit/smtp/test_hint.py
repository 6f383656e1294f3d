"""Hints that a person can follow: they name settings that exist, in both languages."""

import re
from typing import get_args

import pytest

from zaiond.config.schema import Auth, MailServer, PopBeforeSmtp, declarations
from zaiond.smtp.failure import Cause, Failure, Stage
from zaiond.smtp.hint import hint
from zaiond.smtp.reply import Reply

SAID = [
    "421 4.7.0 too many connections",
    "450 4.2.0 Later",
    "530 5.7.0 Authentication required",
    "530 5.7.0 Must issue a STARTTLS command first",
    "535 5.7.8 Bad password",
    "550 5.1.1 No such user",
    "552 5.2.2 Mailbox full",
    "552 5.3.4 Too big",
    "553 5.1.8 Domain not found",
    "554 5.7.1 Relay access denied",
]
FAILURES = [
    Failure(stage=stage, server="mailhost:25", cause=cause, detail="words")
    for stage in Stage
    for cause in get_args(Cause)
    if cause != "reply"
] + [
    Failure(
        stage=stage,
        server="mailhost:25",
        cause="reply",
        reply=Reply(int(said[:3]), (said[4:].encode(),)),
    )
    for stage in Stage
    for said in SAID
]


def test_a_hint_has_cause_and_remedy_in_both_languages() -> None:
    for failure in FAILURES:
        text = hint(failure)
        cause, remedy = text.ja.splitlines()
        assert cause.startswith("原因: "), failure
        assert remedy.startswith("対処: "), failure
        assert remedy.endswith("。"), failure
        cause, remedy = text.en.splitlines()
        assert cause.startswith("Cause: "), failure
        assert remedy.startswith("Remedy: "), failure
        assert remedy.endswith((".", '"')), failure
        assert text.en.isascii(), failure


def test_a_hint_names_only_settings_that_exist() -> None:
    for text in map(hint, FAILURES):
        for key in re.findall(r"mail_server\.([a-z0-9_.]*[a-z0-9_])", text.ja + text.en):
            first, _, second = key.partition(".")
            assert first in declarations(MailServer), key
            below = {"auth": Auth, "pop_before_smtp": PopBeforeSmtp}
            assert not second or second in declarations(below[first]), key


def test_a_hint_has_the_servers_own_words() -> None:
    for failure in FAILURES:
        said_nothing = (Stage.RESOLVE, Stage.CONNECT, Stage.POP)
        if failure.reply is not None and failure.stage not in said_nothing:
            assert failure.reply.text in hint(failure).ja
            assert failure.reply.text in hint(failure).en


def particular(stage: Stage, said: str) -> str:
    reply = Reply(int(said[:3]), (said[4:].encode(),))
    return hint(Failure(stage=stage, server="m:25", cause="reply", reply=reply)).en


def test_particular_cases_have_particular_remedies() -> None:
    assert "domain after the @" in particular(Stage.MAIL, "553 5.1.8 Domain not found")
    assert "mail_server.auth" in particular(Stage.RCPT, "554 5.7.1 Relay access denied")
    assert "mail_server.auth" in particular(Stage.MAIL, "530 5.7.0 Authentication required")
    assert "mail_server.auth" in particular(Stage.MAIL, "503 5.5.4 Error: send AUTH first")
    assert "to starttls" in particular(Stage.MAIL, "530 5.7.0 Must issue STARTTLS first")
    assert "mailbox" in particular(Stage.RCPT, "552 5.2.2 Mailbox full")
    wrong_mode = Failure(stage=Stage.TLS, server="m:25", cause="tls", detail="wrong version number")
    assert "mail_server.security to starttls" in hint(wrong_mode).en
    unprotected = hint(Failure(stage=Stage.AUTH, server="m:25", cause="unprotected"))
    for language in unprotected:  # both ways out (interface 2)
        assert "mail_server.security" in language
        assert "mail_server.auth.allow_unprotected_password" in language
    for said in ("535 5.7.139 basic authentication is disabled", "550 5.7.30 Not supported"):
        assert "xoauth2" in particular(Stage.AUTH, said)
        assert "xoauth2" in particular(Stage.CONTENT, said)
    assert "xoauth2" not in particular(Stage.AUTH, "535 5.7.8 Bad password")
    unknown = hint(Failure(stage=Stage.RESOLVE, server="mailhost:25", cause="no_name"))
    assert "mailhost" in unknown.ja


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("400 invalid_grant: expired", "refresh_token_file"),
        ("401 invalid_client: AADSTS7000222", "client_secret_file"),
        ("400 invalid_scope", "scope"),
    ],
)
def test_what_the_token_endpoint_says_decides_what_is_to_be_mended(said: str, remedy: str) -> None:
    reply = Reply(int(said[:3]), (said[4:].encode(),))
    failure = Failure(
        stage=Stage.TOKEN, server="m:25", cause="token_refused", reply=reply, detail="https://x/"
    )
    for language in hint(failure):
        cause, found = language.splitlines()
        assert said in cause
        assert remedy in found


def test_a_refused_token_is_no_matter_of_passwords() -> None:
    reply = Reply(535, (b"5.7.3 Authentication unsuccessful",))
    failure = Failure(
        stage=Stage.AUTH, server="m:25", cause="reply", reply=reply, detail="XOAUTH2: status 400"
    )
    assert "password" not in hint(failure).en
    assert "scope" in hint(failure).en
