"""Sends the test mail, and says in exact words how that went (interface 6): the document of
`zaiond-ctl test --json`.

The daemon runs it for the control socket, zaiond-ctl runs it by itself where no daemon runs.

The mail goes out as the daemon would send it: by the first server that takes it. The servers behind
that one are tested too, up to the answer to the recipient and without a second mail, so that the
one that is needed some day is not found broken on that day.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zaiond.config.forms import fill_names
from zaiond.config.schema import Config
from zaiond.message.compose import message_id_for, test_mail
from zaiond.model import Message
from zaiond.net.context import ConnectionContext
from zaiond.net.trace import Step
from zaiond.selftest import words
from zaiond.selftest.advice import hint, of_server, reason
from zaiond.selftest.server_test import ServerTest, ServerTestResult
from zaiond.smtp.verdict import judge
from zaiond.text import Language


async def self_test(
    config: Config,
    addresses: Sequence[str],
    context: ConnectionContext,
) -> dict[str, Any]:
    """Sends the test mail to each address in turn (none: to the admins), by `config`.

    The mail servers are tried in their order, as the daemon would. Returns the document of
    `test --json`; `line`, `hint`, `detail` and `warning` are in the configuration's language.
    `context` is the one of the daemon's own connections by `config`, if there is a daemon: so the
    test goes the way that its mail goes.

    Raises:
        AddressError: one of the addresses is none; then nothing was sent.
    """
    names = await context.names()
    sender = fill_names(config.sender, host=names.host, fqdn=names.fqdn)
    mails = [
        test_mail(
            recipient=address,
            sender=sender,
            language=config.language,
            charset=config.charset,
            message_id=message_id_for(f"test.{secrets.token_hex(12)}", names.fqdn),
            date=time.time(),
        )
        for address in addresses or config.admins
    ]
    tests = [
        ServerTest(
            # The reply to the final dot is waited for by a person here.
            replace(server, final_timeout=server.timeout),
            f"fallback_mail_servers[{index - 1}]" if index else "mail_server",
            context,
        )
        for index, server in enumerate(config.mail_servers)
    ]
    try:
        return {"results": [await _result(mail, tests, config.language) for mail in mails]}
    finally:
        for test in tests:
            await test.end()


async def _result(mail: Message, tests: Sequence[ServerTest], language: Language) -> dict[str, Any]:
    """One element of the document's results."""
    tried: list[ServerTestResult] = []
    decided: ServerTestResult | None = None
    for test in tests:
        one = await test.run(mail, only_ask=decided is not None)
        tried.append(one)
        if decided is None and (one.failure is None or not judge(one.failure).fails_over):
            decided = one
    last = decided or tried[-1]
    told = _told(last, mail, language)
    return {
        "address": mail.recipients[0],
        **{key: told[key] for key in ("ok", "server", "reason", "code")},
        "line": told["line"] or words.SENT.in_language(language),
        "hint": told["hint"],
        "queue_id": last.queue_id,
        "steps": [_step(step, each.keys, language) for each in tried for step in each.steps],
        "servers": [_told(each, mail, language) for each in tried],
    }


def _told(tried: ServerTestResult, mail: Message, language: Language) -> dict[str, Any]:
    failure = tried.failure
    if failure is None:
        return {
            "server": tried.server, "ok": True, "reason": None, "code": None,
            "line": None, "hint": None,
        }  # fmt: skip
    why, code = reason(failure)
    server = failure.server  # the POP server, if it was that
    envelope = f"{server} {mail.recipients[0]} {mail.reverse_path}"
    return {
        "server": server,
        "ok": False,
        "reason": why,
        "code": code,
        "line": f"[Error] {words.SEND_ERROR.in_language(language)} {why} {code} {envelope}",
        "hint": hint(failure, tried.keys).in_language(language),
    }


def _step(step: Step, keys: str, language: Language) -> dict[str, Any]:
    warning = None if step.warning is None else of_server(step.warning, keys)
    return {
        "step": step.step,
        "ok": step.ok,
        "seconds": step.seconds,
        "detail": step.detail.in_language(language),
        "server": step.server,
        "warning": warning.in_language(language) if warning is not None else None,
    }
