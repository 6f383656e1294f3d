"""What each failure means, and in which words the self-test says it."""

from typing import get_args

import pytest

from zaiond.selftest.advice import reason
from zaiond.smtp.failure import Cause, Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import judge, may_have_forgotten


def answered(stage: Stage, line: str, *, reused: bool = False) -> Failure:
    code, _, text = line.partition(" ")
    reply = Reply(int(code), (text.encode(),))
    return Failure(stage=stage, server="mail:25", cause="reply", reply=reply, reused=reused)


def broke(stage: Stage, cause: Cause, *, reused: bool = False) -> Failure:
    return Failure(stage=stage, server="mail:25", cause=cause, reused=reused)


def words(failure: Failure) -> str:
    verdict = judge(failure)
    more = " wait" * verdict.wait + " again" * verdict.again
    return f"{verdict.outcome} {verdict.scope.value}{more}"


def self_test(failure: Failure) -> str:
    return "{} {}".format(*reason(failure))


def test_421_on_a_kept_connection_says_nothing_about_the_server() -> None:
    assert words(answered(Stage.MAIL, "421 4.4.2 Idle", reused=True)) == "deferred session"
    assert words(answered(Stage.MAIL, "421 4.4.2 Idle")) == "deferred server"


def test_too_many_mails_on_a_kept_connection_want_another_connection() -> None:
    for line in (
        "450 4.7.0 Too many messages in this session",
        "452 4.5.3 too many transactions",
        "550 Too many mails per connection",
    ):
        assert words(answered(Stage.MAIL, line, reused=True)) == "deferred session"
        assert words(answered(Stage.MAIL, line)) == "deferred server"
    # A number of mails a day, or a rate, is no matter of the connection.
    assert words(answered(Stage.MAIL, "450 4.7.1 Error: too much mail", reused=True)) == (
        "deferred server"
    )


BROKEN: list[tuple[str, Cause, str, str]] = [
    # stage, cause, what it means, what the self-test says (interface 6)
    ("resolve", "no_name", "deferred server", "Cant connect Server 11001"),
    ("resolve", "dns_later", "deferred server", "Cant connect Server 11002"),
    ("connect", "refused", "deferred server", "Cant connect Server 10061"),
    ("connect", "timeout", "deferred server", "Cant connect Server 10060"),
    ("connect", "reset", "deferred server", "Cant connect Server 10054"),
    ("connect", "net_unreachable", "deferred server", "Cant connect Server 10051"),
    ("connect", "host_unreachable", "deferred server", "Cant connect Server 10065"),
    ("tls", "tls", "deferred server", "Cant start TLS 0"),
    ("tls", "certificate", "deferred server", "Cant start TLS 0"),
    ("tls", "timeout", "deferred server", "Cant start TLS 0"),
    ("starttls", "tls_not_offered", "deferred server", "Cant start TLS 0"),
    ("starttls", "injection", "deferred server", "Cant start TLS 0"),
    # POP before SMTP: the socket's code, or 0
    ("pop", "no_name", "deferred server", "POP login failed 11001"),
    ("pop", "dns_later", "deferred server", "POP login failed 11002"),
    ("pop", "refused", "deferred server", "POP login failed 10061"),
    ("pop", "timeout", "deferred server", "POP login failed 10060"),
    ("pop", "closed", "deferred server", "POP login failed 10054"),
    ("pop", "host_unreachable", "deferred server", "POP login failed 10065"),
    ("pop", "tls", "deferred server", "POP login failed 0"),
    ("pop", "certificate", "deferred server", "POP login failed 0"),
    ("pop", "tls_not_offered", "deferred server", "POP login failed 0"),
    ("pop", "injection", "deferred server", "POP login failed 0"),
    ("pop", "protocol", "deferred server", "POP login failed 0"),
    ("pop", "err", "deferred server", "POP login failed 0"),
    ("pop", "err_login", "held server", "POP login failed 0"),
    ("pop", "unprotected", "held server", "POP login failed 0"),
    ("auth", "no_mechanism", "held server", "Auth not possible 0"),
    ("auth", "unprotected", "held server", "Auth not possible 0"),
    ("greeting", "timeout", "deferred server", "Timed out 10060"),
    ("ehlo", "closed", "deferred server", "Connection lost 10054"),
    ("mail", "reset", "deferred server", "Connection lost 10054"),
    ("rcpt", "timeout", "deferred server", "Timed out 10060"),
    ("session", "timeout", "deferred server", "Timed out 10060"),
    ("content", "closed", "ambiguous message", "Connection lost 10054"),
    ("content", "timeout", "ambiguous message", "Timed out 10060"),
    ("content", "protocol", "ambiguous message", "Message refused 0"),
    ("mail", "too_big", "held message", "Message refused 0"),
    ("rcpt", "smtputf8", "held recipient", "Recipient refused 0"),
    ("mail", "smtputf8", "held server", "Sender refused 0"),
]


@pytest.mark.parametrize(("stage", "cause", "meaning", "reason"), BROKEN)
def test_what_it_means_that_no_reply_came(
    stage: str, cause: Cause, meaning: str, reason: str
) -> None:
    failure = broke(Stage(stage), cause)
    assert words(failure) == meaning
    assert self_test(failure) == reason


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("-ERR [AUTH] Authentication failed.", "held server"),
        ("-ERR Bad login", "held server"),
        ("-ERR", "held server"),
        ("-ERR [IN-USE] Do you have another POP session running?", "deferred server"),
        ("-ERR [in-use] locked", "deferred server"),
        ("-ERR [LOGIN-DELAY] minimum time between mail checks violation", "deferred server"),
        ("-ERR [SYS/TEMP] Temporary authentication failure.", "deferred server"),
        ("-ERR [SYS/PERM] no mailbox", "deferred server"),
        ("-ERR maildrop already locked", "deferred server"),
        ("-ERR unable to lock maildrop", "deferred server"),
        ("-ERR mailbox in use", "deferred server"),
        ("-ERR Account locked: see [IN-USE]", "held server"),
        ("-ERR your account is locked", "held server"),
    ],
)
def test_a_login_that_pop_refuses_is_at_fault_unless_it_is_for_now(said: str, meaning: str) -> None:
    failure = Failure(stage=Stage.POP, server="pop:110", cause="err_login", detail=f"PASS: {said}")
    assert words(failure) == meaning
    assert failure.said == f"pop pop:110: login refused (PASS: {said})"


@pytest.mark.parametrize(
    ("stage", "line", "may_have"),
    [
        ("rcpt", "554 5.7.1 <a@example.com>: Relay access denied", True),
        ("rcpt", "550 relaying denied", True),
        ("rcpt", "550 no", True),
        ("rcpt", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", True),
        ("rcpt", "550 5.1.1 No such user", False),
        ("rcpt", "550 sorry, no mailbox here by that name. (#5.1.1)", False),
        ("rcpt", "550 5.1.2 relay not permitted", True),
        ("rcpt", "552 5.2.2 Mailbox full", False),
        ("rcpt", "450 4.7.1 Later", False),
        ("rcpt", "450 4.7.1 Client host rejected: POP before SMTP", True),
        ("rcpt", "451 relaying temporarily denied", True),
        ("rcpt", "421 relaying denied, closing", False),
        ("mail", "550 5.7.1 POP before SMTP, please", True),
        ("mail", "530 5.7.0 Authentication required", True),
        ("mail", "552 5.3.4 Too big", False),
        ("data", "554 No recipients", False),
        ("content", "550 Spam", False),
        ("greeting", "554 Access denied", True),
        ("greeting", "421 Busy", False),
    ],
)
def test_which_refusal_may_mean_that_a_login_by_pop_is_forgotten(
    stage: str, line: str, may_have: bool
) -> None:
    assert may_have_forgotten(answered(Stage(stage), line)) is may_have


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("greeting", "Server refused 599"),
        ("ehlo", "Server refused 599"),
        ("starttls", "Cant start TLS 599"),
        ("auth", "Auth failed 599"),
        ("mail", "Sender refused 599"),
        ("rcpt", "Recipient refused 599"),
        ("data", "Message refused 599"),
        ("content", "Message refused 599"),
    ],
)
def test_the_self_test_gives_the_replys_code(stage: str, reason: str) -> None:
    assert self_test(answered(Stage(stage), "599 no")) == reason


def test_a_command_out_of_step_is_given_again_on_a_new_connection() -> None:
    assert words(answered(Stage.RCPT, "503 x", reused=True)) == "deferred session"
    assert words(answered(Stage.RCPT, "503 x")) == "held recipient"


def test_a_network_that_fails_behind_the_final_dot_leaves_the_end_unknown() -> None:
    for cause in get_args(Cause):
        if cause != "reply":
            assert words(broke(Stage.CONTENT, cause)) == "ambiguous message"
            assert words(broke(Stage.CONTENT, cause, reused=True)) == "ambiguous message"


def test_what_is_said_for_history_is_the_servers_words_else_ours() -> None:
    assert answered(Stage.RCPT, "550 5.1.1 No\x1b[2Jbody").said == "550 5.1.1 No\\x1b[2Jbody"
    where = "192.0.2.1:25"
    failure = Failure(stage=Stage.CONNECT, server="m:25", cause="refused", detail=where)
    assert failure.said == f"connect: connection refused ({where})"
    assert failure.text.ja == f"接続を拒否されました ({where})"
    failure = Failure(stage=Stage.RESOLVE, server="m:25", cause="no_name")
    assert failure.text.ja == "名前解決: そのような名前はありません"
    failure = Failure(stage=Stage.MAIL, server="m:25", cause="timeout")
    assert failure.text.ja == "送信元の指定: 時間内に応答がありません"


TOKENS: list[tuple[Cause, str, str]] = [
    ("token_refused", "held server", "Auth failed 400"),
    ("command_unfit", "held server", "Auth not possible 0"),
    ("command", "deferred server", "Auth not possible 0"),
    ("token", "deferred server", "Auth not possible 0"),
    ("token_unkept", "deferred server", "Auth not possible 0"),
    ("timeout", "deferred server", "Auth not possible 0"),
    ("no_name", "deferred server", "Auth not possible 0"),
    ("certificate", "deferred server", "Auth not possible 0"),
    ("closed", "deferred server", "Auth not possible 0"),
]


@pytest.mark.parametrize(("cause", "verdict", "line"), TOKENS)
def test_without_a_token_the_mail_waits_or_is_held_and_never_fails(
    cause: Cause, verdict: str, line: str
) -> None:
    reply = Reply(400, (b"invalid_grant",)) if cause == "token_refused" else None
    failure = Failure(stage=Stage.TOKEN, server="mail:25", cause=cause, reply=reply, detail="x")
    assert words(failure) == verdict
    assert self_test(failure) == line


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (broke(Stage.CONNECT, "refused"), True),
        (answered(Stage.RCPT, "450 4.2.0 Greylisted"), True),
        (answered(Stage.AUTH, "535 5.7.8 Authentication failed"), True),
        (answered(Stage.MAIL, "432 4.3.2 Too many connections"), False),
        (answered(Stage.RCPT, "550 5.1.1 User unknown"), False),
        (answered(Stage.CONTENT, "554 5.7.1 Spam"), False),
        (broke(Stage.CONTENT, "timeout"), False),
    ],
)
def test_the_next_server_gets_what_this_one_cannot_take_now_or_refuses_us_for(
    failure: Failure, expected: bool
) -> None:
    assert judge(failure).fails_over is expected


@pytest.mark.parametrize(
    ("stage", "for_good", "for_now"),
    [
        ("greeting", "deferred server", "deferred server"),
        ("ehlo", "deferred server", "deferred server"),
        ("starttls", "deferred server", "deferred server"),
        ("auth", "held server", "deferred server"),
        ("mail", "held server", "deferred server"),
        ("rcpt", "held recipient", "deferred recipient"),
        ("data", "held message", "deferred message"),
        ("content", "held message", "deferred message"),
        ("rset", "deferred server", "deferred server"),
    ],
)
def test_a_refusal_in_words_that_nobody_knows_is_kept_for_as_little_as_its_stage_allows(
    stage: str, for_good: str, for_now: str
) -> None:
    for text in ("", "xyzzy", "5.9.99 xyzzy", "知らない言葉"):
        assert words(answered(Stage(stage), f"599 {text}")) == for_good
        assert words(answered(Stage(stage), f"499 {text}")) == for_now
