"""What each failure means, and in which words the self-test says it."""

import pytest

from zaiond.smtp.failure import Cause, Failure, Stage
from zaiond.smtp.reply import Reply
from zaiond.smtp.verdict import judge, may_have_forgotten, self_test_reason


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
    reason, code = self_test_reason(failure)
    return f"{reason} {code}"


REPLIES = [
    # the server is busy: a wait, no failover
    ("greeting", "421 4.7.0 Error: too many connections from 192.0.2.1", "deferred server wait"),
    ("greeting", "421 Too many concurrent SMTP connections; try later", "deferred server wait"),
    ("mail", "432 4.3.2 Concurrent connections limit exceeded", "deferred server wait"),
    ("content", "432 4.3.2 STOREDRV; sender thread limit exceeded", "deferred server wait"),
    ("greeting", "421 4.3.2 All server ports are busy", "deferred server wait"),
    ("mail", "421 4.7.0 Too many messages on this connection", "deferred server"),
    # it turns us away
    ("greeting", "554 5.7.1 You are on a block list", "deferred server"),
    ("greeting", "421 4.3.2 Shutting down", "deferred server"),
    ("ehlo", "550 5.7.1 Helo command rejected", "deferred server"),
    ("starttls", "454 4.7.0 TLS not available", "deferred server"),
    # the login
    ("auth", "535 5.7.8 Authentication credentials invalid", "held server"),
    ("auth", "534 5.7.9 Application-specific password required", "held server"),
    ("auth", "454 4.7.0 Temporary authentication failure", "deferred server"),
    ("auth", "432 4.7.12 A password transition is needed", "held server"),
    ("auth", "454 4.7.0 Too many login attempts, please try again later", "deferred server wait"),
    ("auth", "450 4.7.1 Error: too many AUTH commands from 192.0.2.1", "deferred server wait"),
    ("auth", "454 4.3.0 Too many connections", "deferred server wait"),
    ("auth", "535 5.7.0 Too many login failures: account locked", "held server"),
    ("mail", "530 5.7.0 Authentication required", "held server"),
    ("mail", "530 5.7.0 Must issue a STARTTLS command first", "held server"),
    ("rcpt", "530 5.7.0 Authentication required", "held server"),
    ("mail", "503 5.5.4 Error: send AUTH command first", "held server"),
    ("rcpt", "550 5.7.1 Authentication required for relay", "held server"),
    # the sender
    ("mail", "550 5.1.8 Sender address rejected: Domain not found", "held server"),
    ("mail", "553 5.1.7 Bad sender's mailbox address syntax", "held server"),
    ("mail", "504 5.5.2 <zaionnex>: need fully-qualified address", "held server"),
    ("mail", "550 5.7.1 Sender not authorized", "held server"),
    ("mail", "451 4.1.8 Domain of sender does not resolve", "deferred server"),
    ("rcpt", "553 5.7.1 <a@b>: Sender address rejected: not owned by user c", "held recipient"),
    ("rcpt", "504 5.5.2 <a>: Sender address rejected: need full address", "held recipient"),
    ("rcpt", "550 Sender verify failed", "held recipient"),
    ("rcpt", "550 5.1.1 <a@b>: Recipient address rejected: User unknown", "failed recipient"),
    ("content", "554 5.2.252 SendAsDenied; a@b not allowed to send as c@b", "held server"),
    ("content", "550 5.7.60 Client does not have permissions to send as this", "held server"),
    # this machine, said where the recipient is known
    ("rcpt", "504 5.5.2 <fs1>: Helo command rejected: need full hostname", "held recipient"),
    ("rcpt", "554 5.7.1 Client host [192.0.2.1] blocked using zen.example", "held recipient"),
    ("rcpt", "554 5.7.1 <u[192.0.2.1]>: Client host rejected: Access denied", "held recipient"),
    ("rcpt", "450 4.7.25 Client host rejected: cannot find your hostname", "deferred recipient"),
    ("mail", "452 4.3.1 Insufficient system storage", "deferred server"),
    ("mail", "552 5.3.4 Message size exceeds limit", "failed message"),
    # the recipients
    ("rcpt", "550 5.1.1 No such user", "failed recipient"),
    ("rcpt", "550 no", "failed recipient"),
    ("rcpt", "551 User not local", "failed recipient"),
    ("rcpt", "450 4.2.0 Greylisted", "deferred recipient"),
    ("rcpt", "452 4.5.3 Too many recipients", "deferred recipient again"),
    ("rcpt", "452 4.5.3 Error: too many recipients", "deferred recipient again"),
    ("rcpt", "552 Too many recipients", "deferred recipient again"),
    ("rcpt", "452 No more", "deferred recipient again"),
    ("rcpt", "550 5.5.3 Limit exceeded", "deferred recipient again"),
    ("rcpt", "554 Too many recipients specified", "deferred recipient again"),
    ("rcpt", "452 4.3.1 Insufficient system storage", "deferred recipient"),
    ("rcpt", "552 5.2.3 Message too large for the mailbox", "failed recipient"),
    ("rcpt", "552 5.3.4 Message too large", "failed recipient"),
    ("rcpt", "451 4.7.1 Greylisting in action, please come back later", "deferred recipient"),
    ("rcpt", "552 5.2.2 Mailbox full", "failed recipient"),
    ("rcpt", "452 4.2.2 Mailbox full", "deferred recipient"),
    ("rcpt", "554 5.7.1 <a@example.com>: Relay access denied", "held recipient"),
    ("rcpt", "553 sorry, that domain isn't in my list of allowed rcpthosts", "held recipient"),
    ("rcpt", "550 5.7.1 Rejected by policy", "failed recipient"),
    # the message
    ("data", "451 4.3.0 Queue file write error", "deferred server"),
    ("data", "554 5.3.0 No", "failed message"),
    ("content", "554 5.7.1 Message contains spam", "failed message"),
    ("content", "552 5.3.4 Message too big", "failed message"),
    ("content", "451 4.7.1 Try again later", "deferred message"),
    ("content", "452 4.3.1 Disk full", "deferred server"),
    ("content", "421 4.3.0 Shutting down", "deferred server"),
    # the first digit decides where the enhanced code disagrees
    ("rcpt", "450 5.1.1 No such user, said wrongly", "deferred recipient"),
    ("rcpt", "550 4.2.1 Said wrongly", "failed recipient"),
]


@pytest.mark.parametrize(("stage", "line", "meaning"), REPLIES)
def test_what_a_reply_means(stage: str, line: str, meaning: str) -> None:
    assert words(answered(Stage(stage), line)) == meaning


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
        assert words(answered(Stage.MAIL, line)) != "deferred session"
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
    ("mail", "too_big", "failed message", "Message refused 0"),
    ("rcpt", "smtputf8", "failed recipient", "Recipient refused 0"),
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


def test_nothing_but_a_refusal_of_recipient_or_message_makes_mail_fail() -> None:
    for stage, line, _ in REPLIES:
        verdict = judge(answered(Stage(stage), line))
        if verdict.outcome == "failed":
            assert verdict.scope.value in ("message", "recipient")
            assert line.startswith("5")


def test_what_is_said_for_history_is_the_servers_words_else_ours() -> None:
    assert answered(Stage.RCPT, "550 5.1.1 No\x1b[2Jbody").said == "550 5.1.1 No\\x1b[2Jbody"
    failure = Failure(stage=Stage.CONNECT, server="m:25", cause="refused", detail="192.0.2.1:25")
    assert failure.said == "connect: connection refused (192.0.2.1:25)"


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
