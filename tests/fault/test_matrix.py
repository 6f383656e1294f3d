"""Every stage of a session × every fault of a server × every TLS mode: what becomes of a mail, what
the queue has afterwards, what the self-test says, and that nobody stays longer than promised.

What is expected is written from what is promised, in `expected`: read it as a table.
"""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from tests.support.delivery import SOON, Post, configuration, connection_context, server
from tests.support.faulty_server import (
    CELLS,
    CODES,
    FAULTS,
    MODES,
    OTHERWISE,
    STAGES,
    Cell,
    FaultyServer,
)
from tests.support.scripted_server import server_context, unanswering
from zaiond.config.schema import Auth, Config, MailServer, Secret
from zaiond.selftest.run import self_test

TO = "a@x.example"
SILENT = ("stall", "drip")  # faults that only a deadline ends
MARGIN = 1.0  # seconds that a session may outlive its deadline


class Seen(NamedTuple):
    """What became of a mail: the outcomes of its attempts, its delivery's state on disk and how
    the server is thought to be; and the REASON and CODE of the self-test.
    """

    attempts: tuple[str, ...]
    state: str
    server: str
    line: str


def delivered() -> Seen:
    return Seen(("delivered",), "delivered", "up", "")


def no_session(line: str) -> Seen:
    """The server is of no use for now: it is probed, and the mail waits for it."""
    return Seen((), "waiting", "down", line)


def no_login(line: str) -> Seen:
    """An administrator is needed: the queue is held."""
    return Seen((), "waiting", "faulty", line)


def later(line: str) -> Seen:
    return Seen(("deferred",), "deferred", "up", line)


def kept(line: str) -> Seen:
    """The server takes other mails: this one, or its recipient, is held."""
    return Seen(("held",), "held", "up", line)


def held(line: str) -> Seen:
    """As `no_login`, but it was the mail's own turn."""
    return Seen(("held",), "waiting", "faulty", line)


def unknown(line: str) -> Seen:
    """It may have arrived: later again, and perhaps twice."""
    return Seen(("unknown",), "deferred", "up", line)


REASONS = {
    "greeting": "Server refused",
    "EHLO": "Server refused",
    "STARTTLS": "Cant start TLS",
    "AUTH first": "Auth failed",
    "AUTH later": "Auth failed",
    "MAIL": "Sender refused",
    "RCPT": "Recipient refused",
    "DATA": "Message refused",
    "content": "Message refused",
    "final dot": "Message refused",
}
BEFORE_A_MAIL = STAGES[: STAGES.index("MAIL")]


def expected(cell: Cell) -> Seen:
    """What is promised."""
    stage, fault, mode = cell
    if stage == "connect":
        code = "10061" if fault == "refuse for now" else "10060"
        return no_session(f"Cant connect Server {code}")
    if stage == "QUIT":
        return delivered()
    if mode == "opportunistic" and (
        stage == "handshake" or (stage == "STARTTLS" and fault.startswith("refuse"))
    ):
        return delivered()  # unverified, or without TLS
    if stage == "handshake":
        return no_session("Cant start TLS 0")
    if fault == "early bytes":
        return expected_of_early_bytes(stage, mode)

    reason = REASONS[stage]
    for_now, for_good = CODES.get(stage, OTHERWISE)
    if fault == "refuse for good":
        line = f"{reason} {for_good}"
        if stage.startswith("AUTH"):
            return no_login(line)
        if stage in BEFORE_A_MAIL:
            return no_session(line)  # what turns us away today may take us tomorrow
        return held(line) if stage == "MAIL" else kept(line)
    if fault in ("refuse for now", "421"):
        line = f"{reason} {for_now if fault == 'refuse for now' else 421}"
        return no_session(line) if stage in BEFORE_A_MAIL else later(line)

    line = f"{reason} 0"  # garbage, and a line without end
    if stage == "STARTTLS":
        line = "Cant start TLS 0"
    elif fault in SILENT:
        line = "Timed out 10060"
    elif fault in ("reset", "half-close"):
        line = "Connection lost 10054"
    if stage in BEFORE_A_MAIL:
        return no_session(line)
    return unknown(line) if stage in ("content", "final dot") else later(line)


def expected_of_early_bytes(stage: str, mode: str) -> Seen:
    """The mail is kept, and nothing of it was sent. An answer too many puts each further one a
    command ahead, until one comes to a command that it doesn't fit, or to none at all.
    """
    if stage == "STARTTLS" or (mode == "starttls" and stage in ("greeting", "EHLO")):
        return no_session("Cant start TLS 0")
    if stage in ("EHLO", "AUTH later"):
        return no_session("Sender refused 0")  # nothing had been asked: the opening was done
    if stage == "AUTH first":
        return later("Sender refused 0")  # the login seems done, and MAIL gets its last question
    if stage in ("content", "final dot"):
        return delivered()
    return later("Message refused 0")  # DATA gets a 250


# -- how it is found out


@pytest.fixture(scope="module")
def certificates(authority: trustme.CA) -> dict[str, ssl.SSLContext]:
    return {"right": server_context(authority), "wrong": server_context(trustme.CA())}


def settings(cell: Cell, port: int, ca_file: str) -> MailServer:
    limit = 1.0 if cell.fault in SILENT else 5.0
    auth = Auth()
    if cell.stage.startswith("AUTH"):
        auth = Auth(
            mechanism="basic",
            username="zaion",
            password=Secret("secret"),
            allow_unprotected_password=cell.mode == "none",
        )
    return replace(
        server(port, timeout=limit, final_timeout=limit, auth=auth),
        security=cell.mode,  # type: ignore[arg-type]
        ca_file=ca_file,
    )


@asynccontextmanager
async def given(
    cell: Cell, certificates: dict[str, ssl.SSLContext], ca_file: str
) -> AsyncIterator[tuple[Config, FaultyServer | None]]:
    """A server as the cell says, and the configuration for it; in the end nobody has overstayed."""
    if cell.stage == "connect" and cell.fault == "stall":
        with unanswering() as port:
            yield configuration(settings(cell, port, ca_file)), None
        return
    async with FaultyServer(cell, certificates) as faulty:
        mail_server = settings(cell, faulty.port, ca_file)
        if cell.stage == "connect":
            await faulty.stop_listening()
        yield configuration(mail_server), faulty
        await left_alone(faulty)
        assert faulty.troubled or cell.stage == "connect", cell
        assert faulty.overstayed <= mail_server.timeout + MARGIN, cell
        # What was refused, or never asked for, was not sent; and nothing was sent twice.
        assert faulty.deliveries <= 1, cell


async def left_alone(faulty: FaultyServer | None) -> None:
    """Waits until the client has gone by itself."""
    if faulty is not None:
        async with asyncio.timeout(SOON):
            await faulty.finished()


async def by_delivery(
    config: Config, faulty: FaultyServer | None, directory: Path
) -> tuple[tuple[str, ...], str, str]:
    async with Post(directory, config) as post:
        await post.emit("1")
        await post.until(lambda: bool(post.outcomes or post.servers_changed))
        await left_alone(faulty)
        assert post.pool.servers is not None
        (server_state,) = post.pool.servers.states
        state = await post.writer.submit(lambda db: db.execute("SELECT state FROM deliveries").get)
        return tuple(await post.attempts("1")), str(state), server_state.state


async def by_self_test(config: Config) -> str:
    (result,) = (await self_test(config, [TO], connection_context()))["results"]
    where = f" {config.mail_server.address} {TO} zaionnex"
    if result["ok"]:
        assert result["line"] == "正常に送信されました"
        return ""
    line: str = result["line"]
    assert line.startswith("[Error] 送信エラー "), line
    assert line.endswith(where), line
    assert result["hint"]
    return line.removeprefix("[Error] 送信エラー ").removesuffix(where)


async def seen(
    cell: Cell, directory: Path, certificates: dict[str, ssl.SSLContext], ca_file: str
) -> Seen:
    async def delivery() -> tuple[tuple[str, ...], str, str]:
        async with given(cell, certificates, ca_file) as (config, faulty):
            return await by_delivery(config, faulty, directory)

    async def test() -> str:
        async with given(cell, certificates, ca_file) as (config, _):
            return await by_self_test(config)

    found, line = await asyncio.gather(delivery(), test())
    return Seen(*found, line)


PAIRS = list(dict.fromkeys((cell.stage, cell.fault) for cell in CELLS))


@pytest.mark.parametrize(("stage", "fault"), PAIRS)
async def test_each_cell_has_what_is_promised(
    stage: str,
    fault: str,
    tmp_path: Path,
    certificates: dict[str, ssl.SSLContext],
    ca_file: str,
) -> None:
    cells = [cell for cell in CELLS if (cell.stage, cell.fault) == (stage, fault)]
    found = await asyncio.gather(
        *(seen(cell, tmp_path / cell.mode, certificates, ca_file) for cell in cells)
    )
    assert dict(zip(cells, found, strict=True)) == {cell: expected(cell) for cell in cells}


def test_the_matrix_has_every_combination_that_can_be() -> None:
    left_out = set(itertools.product(STAGES, FAULTS, MODES)) - set(CELLS)
    assert {cell for cell in left_out if cell[0] == "STARTTLS"} == {
        *(("STARTTLS", fault, mode) for fault in FAULTS for mode in ("none", "tls")),
        ("STARTTLS", "wrong certificate", "opportunistic"),
        ("STARTTLS", "wrong certificate", "starttls"),
    }
    assert {cell for cell in left_out if cell[0] == "handshake"} == {
        ("handshake", fault, "none") for fault in FAULTS
    }
    assert {cell for cell in left_out if cell[0] == "connect"} == {
        ("connect", fault, mode)
        for fault in FAULTS
        for mode in MODES
        if fault not in ("refuse for now", "stall")
    }
    # Of the other ten stages nothing but that a certificate is shown there.
    others = [cell for cell in left_out if cell[0] not in ("STARTTLS", "handshake", "connect")]
    assert {fault for _, fault, _ in others} == {"wrong certificate"}
    assert len(others) == 10 * len(MODES)
    assert len(CELLS) == 13 * 11 * 4 - len(left_out) == 461
