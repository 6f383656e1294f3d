"""The self-test against servers of every kind: its exact lines, its document, its hints."""

import asyncio
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from tests.support.delivery import connection_context
from tests.support.scripted_server import (
    Answer,
    ScriptedServer,
    drop,
    hang,
    late,
    ordinary,
    server_context,
    then,
)
from zaiond.config.schema import Auth, Config, MailServer, Secret
from zaiond.errors import AddressError
from zaiond.net.machine import MachineNames
from zaiond.selftest import render
from zaiond.selftest.run import self_test

TO = "test@example.co.jp"
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
    document = await self_test(given, addresses, connection_context())
    return render.lines(document, given.language, verbose=verbose)


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
        document = await self_test(config(at(server, auth=allowed)), [TO], connection_context())
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
        document = await self_test(given, [], connection_context())
    assert [result["address"] for result in document["results"]] == [
        "a@example.co.jp",
        "b@example.co.jp",
    ]


async def test_what_is_no_address_is_an_error_and_nothing_is_sent() -> None:
    async with ScriptedServer(ordinary()) as server:
        with pytest.raises(AddressError):
            await self_test(config(at(server)), [TO, "nobody"], connection_context())
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
        document = await self_test(given, [TO, "b@x.jp"], connection_context())
        result, _ = document["results"]
        assert result["server"] == f"127.0.0.1:{second.port}"
        assert result["reason"] == "Recipient refused"
        assert len(first.peers) == 1  # a server that is down is not tried for each address
    assert third.peers[0].contents == []  # a refused recipient is refused


async def test_a_kept_connection_that_is_lost_is_made_anew() -> None:
    answers: dict[str, Answer] = {"MAIL": then("250 Ok", drop, "250 Ok")}
    async with ScriptedServer(ordinary(answers=answers)) as server:
        document = await self_test(config(at(server)), ["a@x.jp", "b@x.jp"], connection_context())
        assert [result["ok"] for result in document["results"]] == [True, True]
        assert len(server.peers) == 2


async def test_the_document_has_the_steps_with_the_servers_words() -> None:
    answers: dict[str, Answer] = {"RCPT": "550 5.1.1 No"}
    async with ScriptedServer(ordinary(answers=answers)) as server:
        document = await self_test(config(at(server)), [TO], connection_context())
        (result,) = document["results"]
    assert set(result) == {
        "address", "ok", "server", "reason", "code", "line", "hint", "steps", "queue_id", "servers",
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
        document = await self_test(config(at(server)), [TO], connection_context())
    last = document["results"][0]["steps"][-1]
    assert (last["step"], last["ok"]) == ("mail", False)


async def steps_of(*servers: MailServer, to: Sequence[str] = (TO,)) -> list[dict[str, Any]]:
    document = await self_test(config(*servers), to, connection_context())
    steps: list[dict[str, Any]] = document["results"][-1]["steps"]
    return steps


async def test_every_address_that_was_tried_is_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def three(*args: object, **more: object) -> list[tuple[object, ...]]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (host, server.port)) for host in ("127.0.0.2", "127.0.0.3", "127.0.0.1")]

    async with ScriptedServer(ordinary()) as server:
        monkeypatch.setattr(socket, "getaddrinfo", three)
        resolve, *connects = (await steps_of(at(server, host="mail.example.jp")))[:4]
        port = server.port
    assert resolve["detail"] == f"127.0.0.2:{port}, 127.0.0.3:{port}, 127.0.0.1:{port}"
    assert [(step["step"], step["ok"]) for step in connects] == [
        ("connect", False),
        ("connect", False),
        ("connect", True),
    ]
    assert connects[0]["detail"] == f"接続を拒否されました (127.0.0.2:{port})"
    assert connects[1]["detail"] == f"接続を拒否されました (127.0.0.3:{port})"
    assert connects[2]["detail"] == f"127.0.0.1:{port}"


async def test_where_no_address_takes_us_each_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def two(*args: object, **more: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, 0, 0, "", (host, 9)) for host in ("127.0.0.2", "127.0.0.3")]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    steps = await steps_of(MailServer(host="mail.example.jp", timeout=5.0))
    assert [(step["step"], step["ok"]) for step in steps] == [
        ("resolve", True),
        ("connect", False),
        ("connect", False),
    ]


async def test_a_steps_seconds_are_its_own() -> None:
    slowly = late(0.5, "250 2.1.0 Ok")
    loop = asyncio.get_running_loop()
    answers: dict[str, Answer] = {"MAIL": slowly, "RCPT": drop}
    async with (
        ScriptedServer(ordinary(offers=(), answers=answers)) as first,
        ScriptedServer(ordinary(answers={"MAIL": slowly})) as second,
    ):
        given = config(at(first), at(second))
        began = loop.time()
        document = await self_test(given, ["a@x.jp", "b@x.jp"], connection_context())
        elapsed = loop.time() - began
    steps = [step for result in document["results"] for step in result["steps"]]
    slow = [step["seconds"] for step in steps if step["step"] == "mail"]
    assert len(slow) == 4
    assert all(seconds >= 0.5 for seconds in slow)
    assert [step["ok"] for step in steps if step["step"] == "rcpt"] == [False, True] * 2
    assert sum(step["seconds"] for step in steps) <= elapsed  # no time is counted twice


async def test_a_reply_that_does_not_fit_is_a_step_that_failed() -> None:
    async with ScriptedServer(ordinary(answers={"MAIL": "354 What?"})) as server:
        steps = await steps_of(at(server))
    assert [(s["step"], s["ok"]) for s in steps[-2:]] == [("mail", False), ("mail", False)]
    assert "354 What?" in steps[-1]["detail"]


async def test_the_queue_id_is_picked_out_and_shown() -> None:
    answers: dict[str, Answer] = {"CONTENT": "250 2.0.0 Ok: queued as 4XyZ1r"}
    async with ScriptedServer(ordinary(answers=answers)) as server:
        document = await self_test(config(at(server)), [TO], connection_context())
    assert document["results"][0]["queue_id"] == "4XyZ1r"
    assert "（キュー ID 4XyZ1r）" in render.lines(document, "ja", verbose=True)[-1]
    assert "(queue id 4XyZ1r)" in render.lines(document, "en", verbose=True)[-1]


ALLOWED = Auth(
    mechanism="basic",
    username="zaion",
    password=Secret("k0nna-himitsu"),
    allow_unprotected_password=True,
)


async def test_an_allowed_password_in_plain_text_is_warned_of_without_a_secret() -> None:
    async with ScriptedServer(ordinary(offers=("AUTH PLAIN",))) as server:
        given = config(at(server, auth=ALLOWED, security="none"))
        document = await self_test(given, [TO], connection_context())
    (auth,) = [step for step in document["results"][0]["steps"] if step["step"] == "auth"]
    assert auth["detail"] == "PLAIN: 235 2.7.0 Welcome"
    assert "保護されていない接続" in auth["warning"]
    shown = "\n".join(render.lines(document, "ja", verbose=True))
    assert f"     警告: {auth['warning']}" in shown
    assert "himitsu" not in f"{document}{shown}"
    assert render.lines(document, "ja") == ["正常に送信されました"]
    others = [step for step in document["results"][0]["steps"] if step["step"] != "auth"]
    assert all(step["warning"] is None for step in others)


async def test_a_refused_cram_md5_over_an_unprotected_connection_is_told_as_such() -> None:
    login = Auth(mechanism="cram-md5", username="zaion", password=Secret("k0nna-himitsu"))
    answers: dict[str, Answer] = {"AUTH": "535 5.7.8 No"}
    script = ordinary(offers=("AUTH CRAM-MD5",), answers=answers)
    async with ScriptedServer(script) as server:
        document = await self_test(config(at(server, auth=login)), [TO], connection_context())
    (result,) = document["results"]
    assert (result["reason"], result["code"]) == ("Auth failed", 535)
    assert "CRAM-MD5" in result["hint"]
    auth = result["steps"][-1]
    assert (auth["step"], auth["ok"], auth["detail"]) == ("auth", False, "CRAM-MD5: 535 5.7.8 No")
    assert "CRAM-MD5" in auth["warning"]


async def test_a_protected_login_is_not_warned_of(authority: trustme.CA, ca_file: str) -> None:
    script = ordinary(offers=("AUTH PLAIN",), starttls=server_context(authority))
    async with ScriptedServer(script) as server:
        steps = await steps_of(at(server, auth=ALLOWED, security="starttls", ca_file=ca_file))
    assert [step["step"] for step in steps] == [
        "resolve", "connect", "greeting", "ehlo", "starttls", "tls", "ehlo", "auth",
        "mail", "rcpt", "data", "content",
    ]  # fmt: skip
    assert all(step["ok"] for step in steps)
    assert all(step["warning"] is None for step in steps)
    tls = steps[5]["detail"]
    assert "TLSv1.3" in tls
    assert "127.0.0.1" in tls
    assert "有効期限" in tls


async def test_a_certificate_that_expires_soon_is_warned_of(
    authority: trustme.CA, ca_file: str
) -> None:
    soon = datetime.now(UTC) + timedelta(days=10)
    context = server_context(authority, not_after=soon)
    async with ScriptedServer(ordinary(tls=context)) as server:
        given = config(at(server, security="tls", ca_file=ca_file), language="en")
        document = await self_test(given, [TO], connection_context())
    (tls,) = [step for step in document["results"][0]["steps"] if step["step"] == "tls"]
    assert tls["ok"]
    assert soon.strftime("%Y-%m-%d") in tls["warning"]
    assert any("Warning: The server's certificate expires in" in line
               for line in render.lines(document, "en", verbose=True))  # fmt: skip


@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_a_certificate_for_another_name_is_shown_with_its_names(
    mode: str, authority: trustme.CA, ca_file: str
) -> None:
    context = server_context(authority, "mail.example.jp")
    secret = Auth(mechanism="basic", username="zaion", password=Secret("k0nna-himitsu"))
    script = ordinary(offers=("AUTH PLAIN",), **{mode: context})  # type: ignore[arg-type]
    async with ScriptedServer(script) as server:
        given = config(at(server, security=mode, ca_file=ca_file, auth=secret))
        document = await self_test(given, [TO], connection_context())
        await server.finished()
        assert not any(b"AUTH " in peer.said for peer in server.peers)
        assert not any("MAIL" in peer.commands for peer in server.peers)
    (result,) = document["results"]
    assert (result["reason"], result["code"]) == ("Cant start TLS", 0)
    assert "mail.example.jp" in result["steps"][-1]["detail"]
    assert "mail.example.jp" in result["hint"]
    assert [step["ok"] for step in result["steps"]].count(False) == 1


async def test_the_second_look_at_a_certificate_is_no_time_of_the_handshake(
    authority: trustme.CA, ca_file: str
) -> None:
    slowly = late(0.5, "220 scripted.example ESMTP")
    loop = asyncio.get_running_loop()
    context = server_context(authority, "mail.example.jp")
    answers: dict[str, Answer] = {"GREETING": then("220 scripted.example ESMTP", slowly)}
    async with ScriptedServer(ordinary(starttls=context, answers=answers)) as server:
        began = loop.time()
        steps = await steps_of(at(server, security="starttls", ca_file=ca_file))
        elapsed = loop.time() - began
    assert "mail.example.jp" in steps[-1]["detail"]
    assert steps[-1]["seconds"] + 0.5 <= elapsed


async def test_an_expired_certificate_is_shown_with_its_end(
    authority: trustme.CA, ca_file: str
) -> None:
    past = datetime.now(UTC) - timedelta(days=10)
    context = server_context(authority, not_before=past - timedelta(days=9), not_after=past)
    async with ScriptedServer(ordinary(tls=context)) as server:
        steps = await steps_of(at(server, security="tls", ca_file=ca_file))
    assert past.strftime("%Y-%m-%d") in steps[-1]["detail"]


async def test_a_certificate_of_an_unknown_authority_is_not_looked_into(
    authority: trustme.CA,
) -> None:
    async with ScriptedServer(ordinary(tls=server_context(authority))) as server:
        steps = await steps_of(at(server, security="tls"))
    assert [(step["step"], step["ok"]) for step in steps][-1] == ("tls", False)


async def test_every_server_is_tested_and_only_one_mail_is_sent() -> None:
    async with (
        ScriptedServer(ordinary()) as first,
        ScriptedServer(ordinary()) as second,
        ScriptedServer(ordinary(offers=())) as third,
    ):
        given = config(at(first), at(second), at(third))
        document = await self_test(given, ["a@x.jp", "b@x.jp"], connection_context())
        names = [f"127.0.0.1:{server.port}" for server in (first, second, third)]
        for server in (first, second, third):
            await server.finished()
    assert [len(server.peers) for server in (first, second, third)] == [1, 1, 1]
    assert [len(server.peers[0].contents) for server in (first, second, third)] == [2, 0, 0]
    asked = ["MAIL", "RCPT", "RSET"]
    assert second.peers[0].commands == ["EHLO", *asked, *asked, "QUIT"]
    assert third.peers[0].commands == ["EHLO", *asked, *asked, "QUIT"]
    for result in document["results"]:
        assert [server["server"] for server in result["servers"]] == names
        assert all(server["ok"] for server in result["servers"])
        assert list(dict.fromkeys(step["server"] for step in result["steps"])) == names
        assert result["server"] == names[0]
    assert render.lines(document, "ja") == ["正常に送信されました"] * 2
    assert render.whose(document, "ja") == ["1 行目: a@x.jp", "2 行目: b@x.jp"]
    assert render.remarks(document, "ja") == []
    verbose = render.lines(document, "ja", verbose=True)
    assert [line for line in verbose if line.startswith("a@x.jp (")] == [
        f"a@x.jp ({name}):" for name in names
    ]


async def test_a_broken_fallback_is_told_of_although_the_mail_went_out() -> None:
    refusing: dict[str, Answer] = {"GREETING": "554 5.7.1 Go away"}
    async with (
        ScriptedServer(ordinary()) as first,
        ScriptedServer(ordinary(answers=refusing)) as second,
    ):
        given = config(at(first), at(second))
        document = await self_test(given, ["a@x.jp", "b@x.jp"], connection_context())
        where = f"127.0.0.1:{second.port}"
    assert [result["ok"] for result in document["results"]] == [True, True]
    assert len(second.peers) == 1
    assert render.lines(document, "ja") == ["正常に送信されました"] * 2
    said, again, cause, _ = render.remarks(document, "ja")
    assert said == f"警告: 送信エラー Server refused 554 {where} a@x.jp zaionnex"
    assert again == f"警告: 送信エラー Server refused 554 {where} b@x.jp zaionnex"
    assert "554 5.7.1 Go away" in cause
    told = [step for step in document["results"][1]["steps"] if step["server"] == where]
    assert [(step["step"], step["ok"]) for step in told] == [("greeting", False)]


async def test_a_fallbacks_remedy_names_the_fallbacks_settings() -> None:
    async with ScriptedServer(ordinary()) as first, ScriptedServer(ordinary()) as second:
        given = config(at(first), at(second, security="starttls"))
        document = await self_test(given, [TO], connection_context())
    remedy = render.remarks(document, "ja")[2]
    assert "fallback_mail_servers[0].security" in remedy
    assert "mail_server.security" not in remedy


async def test_a_warning_of_a_fallback_names_the_fallbacks_settings() -> None:
    async with (
        ScriptedServer(ordinary()) as first,
        ScriptedServer(ordinary(offers=("AUTH PLAIN",))) as second,
    ):
        steps = await steps_of(at(first), at(second, auth=ALLOWED, security="none"))
    (warning,) = [step["warning"] for step in steps if step["warning"] is not None]
    assert "fallback_mail_servers[0].security" in warning


async def test_where_all_servers_fail_each_has_its_own_cause_and_remedy() -> None:
    async with (
        ScriptedServer(ordinary(answers={"GREETING": "554 Go away"})) as first,
        ScriptedServer(ordinary(answers={"MAIL": "450 4.7.1 Later"})) as second,
    ):
        shown = await lines(config(at(first), at(second)), ["a@x.jp"])
        one, two = f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}"
    assert shown[:3] == [
        f"[Error] 送信エラー Sender refused 450 {two} a@x.jp zaionnex",
        "",
        f"{one} (a@x.jp)",
    ]
    assert "554 Go away" in shown[3]
    assert shown[6] == f"{two} (a@x.jp)"
    assert "450 4.7.1 Later" in shown[7]


async def test_the_machines_names_have_a_host_without_and_a_name_with_its_domain() -> None:
    names = await MachineNames().current()
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
    assert await MachineNames().current() == expected


def test_the_self_test_needs_no_running_loop_of_its_own() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        given = config(MailServer(host="127.0.0.1", port=sock.getsockname()[1]))
        document = asyncio.run(self_test(given, [TO], connection_context()))
    assert document["results"][0]["code"] == 10061
