"""The self-test: sends the test mail, and says in exact words how that went (interface 6).

`run` makes the document of `zaiond-ctl test --json`; `lines` makes of it what `test` prints. The
daemon runs it for the control socket, zaiond-ctl runs it by itself where no daemon runs.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from zaiond.config.schema import Config, MailServer
from zaiond.config.values import fill_names
from zaiond.message.compose import message_id_for, test_mail
from zaiond.model import Message
from zaiond.net.connection import SmtpConnection, Step
from zaiond.net.names import Names, machine_names
from zaiond.net.tls import TlsContexts
from zaiond.smtp.hint import hint
from zaiond.smtp.verdict import DeliveryFailure, Failure, Scope, judge, self_test_reason
from zaiond.text import Language, Text

_SENT = Text("正常に送信されました", "Sent successfully")
_SEND_ERROR = Text("送信エラー", "Send error")


async def run(
    config: Config, addresses: Sequence[str], *, names: Names | None = None
) -> dict[str, Any]:
    """Sends the test mail to each address in turn (none: to the admins), by `config`.

    The mail servers are tried in their order, as the daemon would. Returns the document of
    `test --json`; `line` and `hint` are in the configuration's language. `names` are
    this machine's, which are looked up if they aren't given.

    Raises:
        AddressError: one of the addresses is none; then nothing was sent.
    """
    names = names or await machine_names()
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
    trial = _Trial(config.mail_servers, names.fqdn)
    try:
        return {"results": [await trial.result(mail, config.language) for mail in mails]}
    finally:
        await trial.end()


class _Trial:
    """One connection at a time, kept from address to address; a server that failed stays so."""

    def __init__(self, servers: Sequence[MailServer], helo_name: str) -> None:
        # The reply to the final dot is waited for by a person here.
        self._servers = [replace(s, final_timeout=s.timeout) for s in servers]
        self._helo_name = helo_name
        self._tls = TlsContexts()
        self._connection: SmtpConnection | None = None
        self._unusable: dict[int, Failure] = {}
        self._steps: list[Step] = []

    async def result(self, mail: Message, language: Language) -> dict[str, Any]:
        """One element of the document's results."""
        self._steps = []
        failure: Failure | None = None
        server = self._servers[0]
        for index, server in enumerate(self._servers):  # noqa: B007 (the last one tried)
            failure = await self._try(index, mail)
            if failure is None or not _another_server(failure):
                break
        address = mail.recipients[0]
        line = _SENT.in_language(language)
        reason, code = None, None
        if failure is not None:
            reason, code = self_test_reason(failure)
            line = (
                f"[Error] {_SEND_ERROR.in_language(language)} {reason} {code} {server.address} "
                f"{address} {mail.reverse_path}"
            )
        return {
            "address": address,
            "ok": failure is None,
            "server": server.address,
            "reason": reason,
            "code": code,
            "line": line,
            "hint": hint(failure).in_language(language) if failure is not None else None,
            "steps": [asdict(step) for step in self._steps],
        }

    async def _try(self, index: int, mail: Message) -> Failure | None:
        """One server; on a new connection at once, if it is only the kept one that is lost."""
        while True:
            failure = self._unusable.get(index) or await self._send(index, mail)
            if failure is None or judge(failure).scope is not Scope.SESSION:
                return failure

    async def _send(self, index: int, mail: Message) -> Failure | None:
        server = self._servers[index]
        connection = self._connection
        if connection is None or connection.lost or connection.server is not server:
            await self.end()
            try:
                connection = await SmtpConnection.open(
                    server, self._helo_name, tls=self._tls, on_step=self._step
                )
            except DeliveryFailure as error:
                self._unusable[index] = error.failure
                return error.failure
            self._connection = connection
        began = time.monotonic()
        failure: Failure | None = None
        connection.prepare(mail)
        try:
            refused = await connection.ready()
            failure = next(iter(refused.values()), None)
            if failure is None:
                await connection.send_content()
        except DeliveryFailure as error:
            failure = error.failure
        if failure is not None and failure.reply is None:
            # A reply is a step of its own; this is what came instead of one.
            self._step(Step(failure.stage, False, time.monotonic() - began, failure.said))
        return failure

    def _step(self, step: Step) -> None:
        self._steps.append(step)

    async def end(self) -> None:
        """Closes the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _another_server(failure: Failure) -> bool:
    """Whether the daemon would try the next server with this mail."""
    verdict = judge(failure)
    if verdict.wait or verdict.outcome in ("failed", "ambiguous"):
        return False
    return verdict.outcome == "deferred" or verdict.scope is Scope.SERVER


def lines(document: dict[str, Any], language: Language, *, verbose: bool = False) -> list[str]:
    """What `zaiond-ctl test` prints: a line for each address, then causes and remedies.

    `verbose` adds the steps of each session, and what success means.
    """
    results = document["results"]
    shown = [result["line"] for result in results]
    failed = [result for result in results if not result["ok"]]
    hints = dict.fromkeys(result["hint"] for result in failed)
    for text in hints:
        shown.append("")
        if len(hints) > 1:
            shown.append(", ".join(r["address"] for r in failed if r["hint"] == text))
        shown.extend(text.splitlines())
    if verbose:
        for result in results:
            shown.extend(["", f"{result['address']} ({result['server']}):"])
            shown.extend(_step_line(step) for step in result["steps"])
        for result in results:
            if result["ok"]:
                shown.extend(["", _look(result).in_language(language)])
    return shown


def _step_line(step: dict[str, Any]) -> str:
    mark = "ok" if step["ok"] else "NG"
    return f"  {mark} {step['step']:<8} {step['seconds']:6.3f}s  {step['detail']}"


def _look(result: dict[str, Any]) -> Text:
    address, server = result["address"], result["server"]
    return Text(
        ja=f"メールサーバー {server} が {address} 宛てのメールを受け付けました。届いたかどうかは、"
        "受信トレイ（迷惑メールのフォルダーも）で確認してください。",
        en=f"The mail server {server} took the mail to {address}. Whether it arrived, the inbox "
        "shows (look into the spam folder, too).",
    )
