"""POP before SMTP against POP servers that misbehave: each fault is told as what it is, in time,
before any SMTP, and no secret crosses a connection that doesn't protect it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from tests.support.delivery import connection_context
from tests.support.pop_server import DIGEST, PASSWORD, TIMESTAMP, USER, Door, pop
from tests.support.scripted_server import (
    Answer,
    Peer,
    ScriptedServer,
    dripping,
    drop,
    garbage,
    half_close,
    hang,
    late,
    ordinary,
    reset,
    server_context,
)
from zaiond.config.schema import Auth, MailServer, PopBeforeSmtp, Secret
from zaiond.net import pop_login
from zaiond.net.connection import SmtpConnection
from zaiond.net.context import ConnectionContext
from zaiond.net.trace import Step
from zaiond.selftest.advice import reason
from zaiond.smtp.failure import DeliveryFailure, Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import judge

SHORT = 0.3  # seconds, where a deadline is to pass
SOON = 30.0  # a bound for what hangs, not a target


def settings(
    smtp: ScriptedServer,
    popper: ScriptedServer,
    *,
    allow: bool = False,
    password: str = PASSWORD,
    security: str = "none",
    **more: Any,
) -> MailServer:
    login = PopBeforeSmtp(
        enabled=True,
        port=popper.port,
        security=security,  # type: ignore[arg-type]
    )
    auth = Auth(username=USER, password=Secret(password), allow_unprotected_password=allow)
    given: dict[str, Any] = {"timeout": 5.0, "security": "none", **more}
    return MailServer(host="127.0.0.1", port=smtp.port, auth=auth, pop_before_smtp=login, **given)


async def opened(server: MailServer, context: ConnectionContext | None = None) -> list[Step]:
    """The steps of a connection that was opened and closed."""
    steps: list[Step] = []
    async with asyncio.timeout(SOON):
        connection = await SmtpConnection.open(
            server, context or connection_context(), steps.append
        )
        await connection.close()
    return steps


async def failed(server: MailServer, context: ConnectionContext | None = None) -> Failure:
    with pytest.raises(DeliveryFailure) as raised:
        await opened(server, context)
    failure = raised.value.failure
    assert failure.stage is Stage.POP
    assert failure.server == f"127.0.0.1:{server.pop_before_smtp.port}"
    assert reason(failure)[0] == "POP login failed"
    return failure


# What goes well


@pytest.mark.parametrize(
    ("security", "timestamp", "allow", "method"),
    [
        ("none", TIMESTAMP, False, "APOP"),
        ("none", "", True, "USER/PASS"),
        ("starttls", "", False, "USER/PASS"),
        ("starttls", TIMESTAMP, False, "APOP"),
        ("tls", "", False, "USER/PASS"),
        ("tls", TIMESTAMP, False, "APOP"),
    ],
)
async def test_pop_comes_before_smtp_and_ends_with_quit(
    authority: trustme.CA, ca_file: str, security: str, timestamp: str, allow: bool, method: str
) -> None:
    door = Door()
    context = server_context(authority)
    tls = {"starttls": {"starttls": context}, "tls": {"tls": context}}.get(security, {})
    async with (
        ScriptedServer(door.smtp()) as smtp,
        ScriptedServer(pop(door, timestamp=timestamp, **tls)) as popper,  # type: ignore[arg-type]
    ):
        given = settings(smtp, popper, security=security, allow=allow, ca_file=ca_file)
        steps = await opened(given)
        await popper.finished()
        assert steps[0].server == f"127.0.0.1:{popper.port}"
    assert door.logins == 1
    (peer,) = popper.peers
    assert peer.commands[-1] == "QUIT"
    assert [step.step for step in steps][:2] == ["pop", "resolve"]
    said = steps[0].detail.en
    assert steps[0].ok
    assert said.startswith(f"{method} (")
    assert said.endswith(": +OK Logged in.")
    assert ("TLSv1.3" in said) is (security != "none")
    assert (steps[0].warning is not None) is (security == "none")
    shown = repr(steps)
    assert PASSWORD not in shown
    assert DIGEST not in shown
    protected = peer.protected if security != "none" else peer.plain
    assert (DIGEST if method == "APOP" else PASSWORD).encode() in protected
    if not allow:
        assert PASSWORD.encode() not in peer.plain
        assert security == "none" or DIGEST.encode() not in peer.plain


async def test_a_server_that_does_not_answer_quit_keeps_nobody() -> None:
    door = Door()
    async with (
        ScriptedServer(door.smtp()) as smtp,
        ScriptedServer(pop(door, timestamp=TIMESTAMP, answers={"QUIT": hang})) as popper,
    ):
        await opened(settings(smtp, popper, timeout=SHORT))
    assert door.logins == 1


# Faults, at every stage


async def stall(peer: Peer) -> None:
    await peer.send(b"+OK")  # without its end
    await peer.rest()


async def endless_line(peer: Peer) -> None:
    while True:
        await peer.send(b"+OK" + b"x" * 65536)


FAULTS: list[tuple[Answer, str, int]] = [
    (hang, "timeout", 10060),
    (stall, "timeout", 10060),
    (dripping(b"+OK "), "timeout", 10060),
    (drop, "closed", 10054),
    (half_close, "closed", 10054),
    (reset, "reset", 10054),
    (garbage, "protocol", 0),
    (endless_line, "protocol", 0),
]


@pytest.mark.parametrize(
    ("security", "stage"),
    [
        (security, stage)
        for security in ("none", "starttls", "tls")
        for stage in ("GREETING", "STLS", "USER", "PASS", "APOP")
        if stage != "STLS" or security == "starttls"
    ],
)
@pytest.mark.parametrize(
    ("fault", "cause", "code"), FAULTS, ids=lambda each: getattr(each, "__name__", "")
)
async def test_a_fault_is_told_as_what_it_is_and_nothing_is_sent_by_smtp(
    authority: trustme.CA,
    ca_file: str,
    security: str,
    stage: str,
    fault: Answer,
    cause: str,
    code: int,
) -> None:
    context = server_context(authority)
    tls = {"starttls": {"starttls": context}, "tls": {"tls": context}}.get(security, {})
    script = pop(
        answers={stage: fault},
        timestamp=TIMESTAMP if stage == "APOP" else "",
        **tls,  # type: ignore[arg-type]
    )
    async with ScriptedServer(Door().smtp()) as smtp, ScriptedServer(script) as popper:
        given = settings(
            smtp, popper, security=security, allow=True, ca_file=ca_file, timeout=SHORT
        )
        failure = await failed(given)
        assert smtp.peers == []
    # A half-close inside of TLS is an end, too; a TLS record cut short may be told as either.
    assert failure.cause == cause or {failure.cause, cause} == {"closed", "reset"}
    assert reason(failure)[1] == code
    assert (judge(failure).outcome, judge(failure).scope.value) == ("deferred", "server")


async def test_replies_that_come_in_time_one_by_one_do_not_outlast_the_session() -> None:
    slowly = late(SHORT, "+OK")
    script = pop(answers={"GREETING": slowly, "USER": slowly, "PASS": slowly})
    async with ScriptedServer(Door().smtp()) as smtp, ScriptedServer(script) as popper:
        given = settings(smtp, popper, allow=True, timeout=5.0, session_timeout=1.5 * SHORT)
        failure = await failed(given)
        await popper.finished()
    assert failure.cause == "timeout"
    assert failure.detail == f"{1.5 * SHORT:g} s"
    assert "PASS" not in popper.peers[0].commands


async def test_a_server_that_is_not_there_is_told_with_the_sockets_code() -> None:
    async with ScriptedServer(Door().smtp()) as smtp, ScriptedServer(pop()) as gone:
        given = settings(smtp, gone)
    async with ScriptedServer(Door().smtp()) as smtp:
        failure = await failed(given)
        assert smtp.peers == []
    assert reason(failure) == ("POP login failed", 10061)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_for_another_name_is_shown_with_its_names(
    authority: trustme.CA, ca_file: str, security: str
) -> None:
    wrong = server_context(authority, "other.example")
    script = pop(starttls=wrong) if security == "starttls" else pop(tls=wrong)
    async with ScriptedServer(Door().smtp()) as smtp, ScriptedServer(script) as popper:
        failure = await failed(settings(smtp, popper, security=security, ca_file=ca_file))
        await popper.finished()
    assert failure.cause == "certificate"
    assert "other.example" in failure.text.en
    assert all(no_secret(peer) for peer in popper.peers)


# Refusals


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ({}, "held"),
        ({"PASS": "-ERR [IN-USE] another session"}, "deferred"),
        ({"PASS": "-ERR [SYS/TEMP] later"}, "deferred"),
        ({"GREETING": "-ERR too many connections"}, "deferred"),
    ],
)
async def test_a_refused_login_is_at_fault_or_for_now(
    answers: dict[str, Answer], outcome: str
) -> None:
    async with (
        ScriptedServer(Door().smtp()) as smtp,
        ScriptedServer(pop(answers=answers)) as popper,
    ):
        failure = await failed(settings(smtp, popper, allow=True, password="wr0ng password"))
        assert smtp.peers == []
    assert judge(failure).outcome == outcome
    assert reason(failure) == ("POP login failed", 0)
    assert "wr0ng" not in repr(failure)


async def test_an_account_without_apop_is_logged_in_to_by_password_where_that_is_protected(
    authority: trustme.CA, ca_file: str
) -> None:
    door = Door()
    script = pop(
        door,
        timestamp=TIMESTAMP,
        answers={"APOP": "-ERR no secret for APOP"},
        tls=server_context(authority),
    )
    async with ScriptedServer(door.smtp()) as smtp, ScriptedServer(script) as popper:
        steps = await opened(settings(smtp, popper, security="tls", ca_file=ca_file))
    assert steps[0].detail.en.startswith("USER/PASS (")
    assert door.logins == 1


# Secrets


def no_secret(peer: Peer) -> bool:
    """Whether nothing of the login was sent, not even the name."""
    return not any(each.encode() in peer.said for each in (USER, PASSWORD, DIGEST))


async def inject(peer: Peer) -> None:
    await peer.send(b"+OK Begin\r\n+OK injected\r\n")
    await peer.rest()


@pytest.mark.parametrize(
    ("security", "make", "cause"),
    [
        ("none", lambda context, wrong: pop(), "unprotected"),
        ("none", lambda context, wrong: pop(timestamp="<1.\x01x@y>"), "unprotected"),
        ("starttls", lambda context, wrong: pop(timestamp=TIMESTAMP), "tls_not_offered"),
        (
            "starttls",
            lambda context, wrong: pop(starttls=context, answers={"STLS": inject}),
            "injection",
        ),
        ("starttls", lambda context, wrong: pop(starttls=wrong), "certificate"),
        ("tls", lambda context, wrong: pop(tls=wrong, timestamp=TIMESTAMP), "certificate"),
        ("tls", lambda context, wrong: pop(timestamp=TIMESTAMP), "tls"),
    ],
)
async def test_nothing_of_a_secret_crosses_what_does_not_protect_it(
    authority: trustme.CA,
    ca_file: str,
    security: str,
    make: Callable[..., Any],
    cause: str,
) -> None:
    script = make(server_context(authority), server_context(authority, "other.example"))
    async with ScriptedServer(Door().smtp()) as smtp, ScriptedServer(script) as popper:
        failure = await failed(settings(smtp, popper, security=security, ca_file=ca_file))
        await popper.finished()
        assert smtp.peers == []
    assert failure.cause == cause
    assert all(no_secret(peer) for peer in popper.peers)


async def test_the_password_does_not_follow_an_apop_that_is_refused_on_an_open_wire() -> None:
    script = pop(timestamp=TIMESTAMP)
    async with ScriptedServer(Door().smtp()) as smtp, ScriptedServer(script) as popper:
        failure = await failed(settings(smtp, popper, password="wr0ng"))
        await popper.finished()
    assert judge(failure).outcome == "held"
    assert popper.peers[0].commands == ["APOP", "QUIT"]
    assert b"wr0ng" not in popper.peers[0].said


# How often


async def test_sessions_side_by_side_and_one_after_the_other_share_a_login() -> None:
    door, context = Door(), connection_context()
    async with (
        ScriptedServer(door.smtp()) as smtp,
        ScriptedServer(pop(door, timestamp=TIMESTAMP)) as popper,
    ):
        given = settings(smtp, popper)
        await asyncio.gather(*(opened(given, context) for _ in range(8)))
        told, *_ = await opened(given, context)
        assert (told.step, told.ok) == ("pop", True)
        assert told.detail.en == "logged in 0 s ago, which holds"
    assert (door.logins, len(popper.peers), len(smtp.peers)) == (1, 1, 9)


async def test_those_who_waited_for_a_login_that_is_refused_do_not_try_it_again() -> None:
    context = connection_context()
    async with (
        ScriptedServer(Door().smtp()) as smtp,
        ScriptedServer(pop(timestamp=TIMESTAMP)) as popper,
    ):
        given = settings(smtp, popper, password="wrong")
        tries = (failed(given, context) for _ in range(8))
        failures = await asyncio.gather(*tries)
        assert len(popper.peers) == 1
        assert len({failure.detail for failure in failures}) == 1
        await failed(given, context)  # whoever comes later does
        assert len(popper.peers) == 2


async def test_a_login_is_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    door, context = Door(), connection_context()
    async with (
        ScriptedServer(door.smtp()) as smtp,
        ScriptedServer(pop(door, timestamp=TIMESTAMP)) as popper,
    ):
        given = settings(smtp, popper)
        await opened(given, context)
        await opened(given, context)
        assert door.logins == 1
        monkeypatch.setattr(pop_login, "REMEMBERED", 0.0)
        await opened(given, context)
    assert door.logins == 2


async def test_what_two_sessions_find_forgotten_takes_one_login() -> None:
    door, context = Door(), connection_context()
    async with (
        ScriptedServer(door.smtp()) as smtp,
        ScriptedServer(pop(door, timestamp=TIMESTAMP)) as popper,
    ):
        given = settings(smtp, popper)
        first, second = [await SmtpConnection.open(given, context) for _ in range(2)]
        reply = Reply(554, (b"5.7.1 Relay access denied",))
        refused = [Failure(stage=Stage.RCPT, server=given.address, cause="reply", reply=reply)]
        assert first.login_expired(refused)
        await opened(given, context)
        assert second.login_expired(refused)
        await opened(given, context)
        await first.close()
        await second.close()
    assert door.logins == 2


async def test_who_gives_up_waiting_leaves_the_login_to_the_next() -> None:
    door, context = Door(), connection_context()
    at_pop = asyncio.Event()

    async def slow(peer: Peer) -> None:
        at_pop.set()
        await peer.rest()

    answers: dict[str, Answer] = {"APOP": slow}
    script = pop(door, timestamp=TIMESTAMP, answers=answers)
    async with ScriptedServer(door.smtp()) as smtp, ScriptedServer(script) as popper:
        given = settings(smtp, popper)
        first = asyncio.create_task(opened(given, context))
        await at_pop.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    async with (
        ScriptedServer(door.smtp()) as smtp,
        ScriptedServer(pop(door, timestamp=TIMESTAMP)) as popper,
    ):
        await opened(settings(smtp, popper), context)
    assert door.logins == 1


async def test_a_greeting_that_turns_us_away_is_answered_by_another_login() -> None:
    door, context = Door(), connection_context()

    async def greet(peer: Peer) -> None:
        await peer.say("220 hello" if door.open else "554 5.7.1 Log in by POP first")

    async with (
        ScriptedServer(ordinary(answers={"GREETING": greet})) as smtp,
        ScriptedServer(pop(door, timestamp=TIMESTAMP)) as popper,
    ):
        given = settings(smtp, popper)
        await opened(given, context)
        door.open = False
        await opened(given, context)
    assert door.logins == 2


async def test_a_greeting_that_turns_us_away_after_the_new_login_too_is_believed() -> None:
    door, context = Door(), connection_context()
    async with (
        ScriptedServer(ordinary(answers={"GREETING": "554 5.7.1 Log in by POP first"})) as smtp,
        ScriptedServer(pop(door, timestamp=TIMESTAMP)) as popper,
    ):
        for _ in range(3):
            with pytest.raises(DeliveryFailure) as raised:
                await opened(settings(smtp, popper), context)
            assert judge(raised.value.failure).outcome == "held"
    assert door.logins == 2
