"""Whatever a server says, in whatever bytes: it is diagnosed, and no verdict ends a mail."""

from dataclasses import replace
from time import process_time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaiond.selftest.advice import hint
from zaiond.smtp.diagnose import diagnose
from zaiond.smtp.diagnosis import Diagnosis, heard
from zaiond.smtp.failure import Cause, Failure, Stage
from zaiond.smtp.syntax import MAX_REPLY, Reply
from zaiond.smtp.verdict import Scope, judge, may_have_forgotten

PHRASES = st.sampled_from(
    [
        "5.7.1", "4.7.28", "5.4.5", "(#5.1.1)", "sender address rejected", "relay", "too many",
        "recipients", "messages", "logins", "spam", "blocked using", "helo", "client host [", "]",
        "quota", "mailbox", "full", "authentication required", "starttls", "POP", "first", "<a@b>",
        "per hour", "limit exceeded", "does not exist", "temporarily", "受信後", "認証", "中継",
    ]
)  # fmt: skip
LINES = st.lists(PHRASES | st.text(max_size=8), max_size=30).flatmap(
    lambda words: st.sampled_from(["utf-8", "cp932", "euc_jp", "iso2022_jp"]).map(
        lambda encoding: " ".join(words).encode(encoding, "replace")
    )
) | st.binary(max_size=80)  # fmt: skip
REPLIES = st.builds(Reply, st.integers(200, 599), st.lists(LINES, min_size=1).map(tuple), st.none())
FAILURES = st.builds(
    Failure,
    stage=st.sampled_from(Stage),
    server=st.sampled_from(["mailhost:25", "smtp.gmail.com:587", "[2001:db8::1]:465"]),
    cause=st.sampled_from(get_args(Cause)),
    reply=st.none() | REPLIES,
    detail=st.sampled_from(["", "PASS: -ERR {x}", "certificate has expired"]),
    mechanism=st.sampled_from(["", "PLAIN", "NTLM", "XOAUTH2"]),
    reused=st.booleans(),
)
REFUSALS = st.builds(
    Failure,
    stage=st.sampled_from([Stage.RCPT, Stage.DATA, Stage.CONTENT]),
    server=st.just("mailhost:25"),
    cause=st.just("reply"),
    reply=st.builds(
        Reply, st.integers(500, 599), st.lists(LINES, min_size=1).map(tuple), st.none()
    ),
)
LIMITS = {
    Diagnosis.SENDING_LIMIT,
    Diagnosis.TOO_MANY_CONNECTIONS,
    Diagnosis.TOO_MANY_RECIPIENTS,
}


@given(FAILURES)
def test_any_failure_has_diagnosis_verdict_and_advice(failure: Failure) -> None:
    verdict = judge(failure)
    assert verdict.diagnosis is diagnose(failure)
    assert verdict.outcome in ("deferred", "held", "ambiguous")
    assert (verdict.outcome == "ambiguous") == (
        failure.stage is Stage.CONTENT and (failure.cause != "reply" or failure.reply is None)
    )
    assert hint(failure).ja.count("\n") == 1
    assert not (verdict.wait and verdict.outcome == "held")
    if verdict.scope is Scope.SESSION:
        assert failure.reused
        assert verdict.outcome == "deferred"
    if failure.reply is not None:
        may_have_forgotten(failure)


@given(REFUSALS)
def test_a_refusal_for_good_is_held_unless_it_is_of_how_much(failure: Failure) -> None:
    verdict = judge(failure)
    if verdict.diagnosis in LIMITS:
        assert verdict.outcome == "deferred"
    else:
        assert verdict.outcome == "held"
    narrowest = Scope.RECIPIENT if failure.stage is Stage.RCPT else Scope.MESSAGE
    assert verdict.scope in (narrowest, Scope.SERVER)


@given(REFUSALS, st.lists(LINES, min_size=1, max_size=3))
def test_more_words_never_lose_a_mail(failure: Failure, more: list[bytes]) -> None:
    assert failure.reply is not None
    said = Reply(failure.reply.code, (*failure.reply.lines, *more))
    assert judge(replace(failure, reply=said)).outcome in ("held", "deferred")


@given(st.builds(Reply, st.integers(400, 499), st.lists(LINES, min_size=1).map(tuple), st.none()))
def test_what_is_said_for_now_is_held_only_where_a_person_is_needed(reply: Reply) -> None:
    for stage in (Stage.MAIL, Stage.RCPT, Stage.CONTENT):
        verdict = judge(Failure(stage=stage, server="m:25", cause="reply", reply=reply))
        if verdict.outcome == "held":
            assert verdict.diagnosis in (
                Diagnosis.LOGIN_WANTED,
                Diagnosis.POP_LOGIN_WANTED,
                Diagnosis.ENCRYPTION_WANTED,
                Diagnosis.RELAYING_REFUSED,
            )


@given(st.sampled_from(["<{}@b.jp>", "{}@b.jp"]), PHRASES)
def test_an_address_says_nothing_of_the_reason(form: str, phrase: str) -> None:
    name = phrase.replace(" ", ".").strip("<>()#[]").replace("@", ".")
    reply = Reply(550, (f"5.1.1 {form.format(name)}: User unknown".encode(),))
    failure = Failure(stage=Stage.RCPT, server="m:25", cause="reply", reply=reply)
    assert diagnose(failure) is Diagnosis.RECIPIENT_UNKNOWN


@pytest.mark.parametrize(
    "piece",
    [
        b"sender ",
        b"a@",
        b"<",
        b"too many x ",
        b"pop ",
        b"x" * 50,
        b"check mail ",
        b"\xb4\xc1",
        b"\x1b$B",
    ],
)
def test_the_longest_reply_is_read_in_no_time(piece: bytes) -> None:
    reply = Reply(550, (piece * (MAX_REPLY // len(piece)),) * 16)
    assert len(heard(reply).text) < 8192  # of 64 KiB
    before = process_time()
    for stage in (Stage.AUTH, Stage.MAIL, Stage.RCPT, Stage.CONTENT):
        judge(Failure(stage=stage, server="m:25", cause="reply", reply=reply))
    assert process_time() - before < 2
