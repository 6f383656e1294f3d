"""The self-test against servers of every kind: its exact lines, its document, its hints."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.scripted_server import Answer, ScriptedServer, drop, hang, ordinary, then
from zaiond import selftest
from zaiond.config.schema import Auth, Config, MailServer, Secret
from zaiond.errors import AddressError
from zaiond.net.names import Names, machine_names

TO = "test@example.co.jp"
NAMES = Names("fileserver01", "fileserver01.example.co.jp")
SHORT = 0.3


def config(*servers: MailServer, **given: Any) -> Config:
    first, *more = servers
    given.setdefault("admins", (TO,))
    return Config(mail_server=first, fallback_mail_servers=tuple(more), **given)


def at(server: ScriptedServer, **given: Any) -> MailServer:
    return MailServer(**{"host": "127.0.0.1", "port": server.port, "timeout": 5.0, **given})


async def lines(
    given: Config, addresses: Sequence[str] = (), *, verbose: bool = False
) -> list[str]:
    document = await selftest.run(given, addresses, names=NAMES)
    return selftest.lines(document, given.language, verbose=verbose)


async def test_success_is_the_settings_pages_line_and_mail() -> None:
    async with ScriptedServer(ordinary()) as server:
        assert await lines(config(at(server)), [TO]) == ["正常に送信されました"]
        assert await lines(config(at(server), language="en"), [TO]) == ["Sent successfully"]
        await server.finished()
    content = server.peers[0].contents[0].decode()
    header, _, body = content.partition("\r\n\r\n")
    assert "\r\nSubject: [Zaionnex] Test Mail\r\n" in f"\r\n{header}\r\n"
    assert f"\r\nTo: {TO}\r\n" in f"\r\n{header}\r\n"
    assert body
    assert "MAIL" in server.peers[0].commands


async def test_failure_is_the_settings_pages_line_then_cause_and_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_such_name(*args: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    first, empty, cause, remedy = await lines(config(MailServer(host="mailhost")), [TO])
    assert first == (
        "[Error] 送信エラー Cant connect Server 11001 mailhost:25 test@example.co.jp zaionnex"
    )
    assert empty == ""
    assert cause.startswith("原因: ")
    assert remedy.startswith("対処: ")
    english = config(MailServer(host="mailhost"), language="en")
    first, _, cause, _ = await lines(english, [TO])
    assert first == (
        "[Error] Send error Cant connect Server 11001 mailhost:25 test@example.co.jp zaionnex"
    )
    assert cause.startswith("Cause: ")


LOGIN = Auth(mechanism="basic", username="zaion", password=Secret("secret"))


@pytest.mark.parametrize(
    ("answers", "given", "reason"),
    [
        ({"GREETING": "554 5.7.1 Go away"}, {}, "Server refused 554"),
        ({"EHLO": "550 Go away"}, {}, "Server refused 550"),
        ({}, {"security": "starttls"}, "Cant start TLS 0"),
        ({}, {"security": "tls"}, "Cant start TLS 0"),
        ({}, {"auth": LOGIN, "security": "none"}, "Auth not possible 0"),
        ({"MAIL": "553 5.1.8 Unknown domain"}, {}, "Sender refused 553"),
        ({"RCPT": "550 5.1.1 No such user"}, {}, "Recipient refused 550"),
        ({"DATA": "554 5.3.0 No"}, {}, "Message refused 554"),
        ({"CONTENT": "554 5.7.1 Spam"}, {}, "Message refused 554"),
        ({"CONTENT": drop}, {}, "Connection lost 10054"),
        ({"MAIL": drop}, {}, "Connection lost 10054"),
        ({"MAIL": hang}, {"timeout": SHORT}, "Timed out 10060"),
        ({"CONTENT": hang}, {"timeout": SHORT}, "Timed out 10060"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_each_failure_has_its_reason_and_code(
    answers: dict[str, Answer], given: dict[str, Any], reason: str
) -> None:
    async with ScriptedServer(ordinary(answers=answers)) as server:
        first, *_ = await lines(config(at(server, **given)), [TO])
        assert first == f"[Error] 送信エラー {reason} 127.0.0.1:{server.port} {TO} zaionnex"


async def test_a_refused_login_has_the_replys_code() -> None:
    answers: dict[str, Answer] = {"AUTH": "535 5.7.8 Wrong"}
    allowed = Auth(
        mechanism="basic",
        username="zaion",
        password=Secret("secret"),
        allow_unprotected_password=True,
    )
    async with ScriptedServer(ordinary(offers=("AUTH PLAIN",), answers=answers)) as server:
        document = await selftest.run(config(at(server, auth=allowed)), [TO], names=NAMES)
    (result,) = document["results"]
    assert (result["reason"], result["code"]) == ("Auth failed", 535)


async def test_each_address_has_its_line_in_order_and_then_one_hint_each() -> None:
    answers: dict[str, Answer] = {"RCPT": then("550 5.1.1 No", "250 Ok", "450 4.2.0 Later")}
    async with ScriptedServer(ordinary(answers=answers)) as server:
        shown = await lines(config(at(server)), ["a@x.jp", "b@x.jp", "c@x.jp"])
        where = f"127.0.0.1:{server.port}"
        assert len(server.peers) == 1  # one connection serves them all
    assert shown[:4] == [
        f"[Error] 送信エラー Recipient refused 550 {where} a@x.jp zaionnex",
        "正常に送信されました",
        f"[Error] 送信エラー Recipient refused 450 {where} c@x.jp zaionnex",
        "",
    ]
    assert shown[4] == "a@x.jp"
    assert "550 5.1.1 No" in shown[5]
    assert shown[7:9] == ["", "c@x.jp"]
    assert "450 4.2.0 Later" in shown[9]


async def test_without_addresses_it_goes_to_the_admins() -> None:
    async with ScriptedServer(ordinary()) as server:
        given = config(at(server), admins=("管理者 <a@example.co.jp>", "b@example.co.jp"))
        document = await selftest.run(given, [], names=NAMES)
    assert [result["address"] for result in document["results"]] == [
        "a@example.co.jp",
        "b@example.co.jp",
    ]


async def test_what_is_no_address_is_an_error_and_nothing_is_sent() -> None:
    async with ScriptedServer(ordinary()) as server:
        with pytest.raises(AddressError):
            await selftest.run(config(at(server)), [TO, "nobody"], names=NAMES)
        assert server.peers == []


async def test_the_next_server_is_tried_and_the_last_one_tried_is_named() -> None:
    down: dict[str, Answer] = {"GREETING": "554 down"}
    refusing: dict[str, Answer] = {"RCPT": "550 5.1.1 No"}
    async with (
        ScriptedServer(ordinary(answers=down)) as first,
        ScriptedServer(ordinary(answers=refusing)) as second,
        ScriptedServer(ordinary()) as third,
    ):
        given = config(at(first), at(second), at(third))
        document = await selftest.run(given, [TO, "b@x.jp"], names=NAMES)
        result, _ = document["results"]
        assert result["server"] == f"127.0.0.1:{second.port}"
        assert result["reason"] == "Recipient refused"
        assert third.peers == []  # a refused recipient is refused
        assert len(first.peers) == 1  # a server that is down is not tried for each address


async def test_a_kept_connection_that_is_lost_is_made_anew() -> None:
    answers: dict[str, Answer] = {"MAIL": then("250 Ok", drop, "250 Ok")}
    async with ScriptedServer(ordinary(answers=answers)) as server:
        document = await selftest.run(config(at(server)), ["a@x.jp", "b@x.jp"], names=NAMES)
        assert [result["ok"] for result in document["results"]] == [True, True]
        assert len(server.peers) == 2


async def test_the_document_has_the_steps_with_the_servers_words() -> None:
    answers: dict[str, Answer] = {"RCPT": "550 5.1.1 No"}
    async with ScriptedServer(ordinary(answers=answers)) as server:
        document = await selftest.run(config(at(server)), [TO], names=NAMES)
        (result,) = document["results"]
    assert set(result) == {
        "address", "ok", "server", "reason", "code", "line", "hint", "steps",
    }  # fmt: skip
    steps = [(step["step"], step["ok"]) for step in result["steps"]]
    assert steps[:6] == [
        ("resolve", True),
        ("connect", True),
        ("greeting", True),
        ("ehlo", True),
        ("mail", True),
        ("rcpt", False),
    ]
    assert result["steps"][5]["detail"] == "550 5.1.1 No"
    assert all(step["seconds"] >= 0 for step in result["steps"])


async def test_verbose_adds_the_steps_and_what_success_means() -> None:
    async with ScriptedServer(ordinary()) as server:
        shown = await lines(config(at(server)), [TO], verbose=True)
        where = f"127.0.0.1:{server.port}"
    assert shown[0] == "正常に送信されました"
    assert f"{TO} ({where}):" in shown
    assert any("ok content" in line and "250 2.0.0 Queued" in line for line in shown)
    assert where in shown[-1]
    assert "受信トレイ" in shown[-1]


async def test_a_failure_without_a_reply_is_a_step_too() -> None:
    async with ScriptedServer(ordinary(answers={"MAIL": drop})) as server:
        document = await selftest.run(config(at(server)), [TO], names=NAMES)
    last = document["results"][0]["steps"][-1]
    assert (last["step"], last["ok"]) == ("mail", False)


async def test_the_machines_names_have_a_host_without_and_a_name_with_its_domain() -> None:
    names = await machine_names()
    assert "." not in names.host
    assert names.fqdn.split(".")[0] == names.host


@pytest.mark.parametrize(
    ("name", "canonical", "expected"),
    [
        ("fs1.example.jp", "", ("fs1", "fs1.example.jp")),
        ("fs1", "fs1.example.jp", ("fs1", "fs1.example.jp")),
        ("fs1", "localhost.localdomain", ("fs1", "fs1")),
        ("fs1", "", ("fs1", "fs1")),
        ("evil\r\nname", "evil", ("evil--name", "evil")),
    ],
)
async def test_the_machines_names_are_fit_for_a_command(
    name: str, canonical: str, expected: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, canonical, ())])
    assert await machine_names() == expected


def test_the_self_test_needs_no_running_loop_of_its_own() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        given = config(MailServer(host="127.0.0.1", port=sock.getsockname()[1]))
        document = asyncio.run(selftest.run(given, [TO], names=NAMES))
    assert document["results"][0]["code"] == 10061
