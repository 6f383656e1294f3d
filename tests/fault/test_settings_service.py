"""The settings' files served to who may not read them, by one line a request: by real processes
where something other than the answer counts, too.
"""

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.process import MODES_COUNT
from tests.support.scripted_server import ScriptedServer, ordinary
from tests.support.settings_service import SettingsService, Within
from tests.support.sink import Sink
from zaiond import accounts

SECRET = "hush-hush-0123"
TEXT = """\
# ours, with comments
mail_server:   # the relay
  host:   127.0.0.1   # keep this
  port: {port}
admins:
- a@zaion.jp   # Alice
- b@zaion.jp   # Bob
"""
LOGIN = {"mail_server.auth.mechanism": "basic", "mail_server.auth.username": "zaion"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "zaiond.yaml", TEXT.format(port=25))


def write(path: Path, text: str, mode: int = 0o640) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def ask(file: Path, do: str, **more: Any) -> dict[str, Any]:
    return Within(file).ask(do, **more)


def update(file: Path, **more: Any) -> dict[str, Any]:
    service = Within(file)
    return service.ask("update", revision=service.ask("show")["revision"], **more)


def errors(reply: dict[str, Any]) -> dict[str, str]:
    return {error["key"]: error["en"] for error in reply["errors"]}


def test_it_shows_what_is_set_and_no_secret(file: Path) -> None:
    write(file.parent / "smtp-password", f"{SECRET}\n")
    login = "{mechanism: basic, username: zaion, password_file: smtp-password}"
    write(file, file.read_text().replace("  port: 25\n", f"  port: 25\n  auth: {login}\n"))
    with SettingsService(file) as service:
        shown = service.ask("show")
        assert SECRET not in service.said
    assert shown["language"] == "ja"
    assert {key: now["text"] for key, now in shown["settings"].items()} == {
        "mail_server.host": "127.0.0.1",
        "mail_server.port": "25",
        "mail_server.auth.mechanism": "basic",
        "mail_server.auth.username": "zaion",
        "mail_server.auth.password": "set",
        "mail_server.pop_before_smtp.enabled": "false",
        "mail_server.pop_before_smtp.username": "zaion",
        "mail_server.pop_before_smtp.password": "set",
        "sender": "zaionnex",
        "admins": "a@zaion.jp, b@zaion.jp",
    }
    assert shown["settings"]["mail_server.pop_before_smtp.username"]["lent"]
    assert not shown["settings"]["mail_server.auth.username"]["lent"]


def test_what_is_wrong_stands_at_its_key_all_at_once_in_the_words_of_check(file: Path) -> None:
    before = file.read_bytes()
    entered = {
        "mail_server.host": "mailhost:25",
        "mail_server.port": "70000",
        "mail_server.auth.mechanism": "basic",
        "mail_server.auth.username": "",
        "sender": "a b",
        "admins": "a@b.jp、c@d.jp",
    }
    for refused in (update(file, changes=entered), ask(file, "try", changes=entered)):
        assert errors(refused) == {
            "mail_server.host": "write the name alone: the port belongs into `port`",
            "mail_server.port": "this must be between 1 and 65535",
            "mail_server.auth.username": "this is required: enter a value",
            "mail_server.auth.password": "this is required: enter a value",
            "sender": errors(update(file, changes={"sender": "a b"}))["sender"],
            "admins": "separate addresses by ',', not by '、': \"a@b.jp、c@d.jp\"; "
            "write it as: a@b.jp, c@d.jp",
        }
    refused = update(file, changes=entered, secrets={"mail_server.auth": SECRET})
    assert refused["code"] == "errors"
    assert "mail_server.auth.password" not in errors(refused)
    assert SECRET not in json.dumps(refused)
    assert file.read_bytes() == before


def test_the_addresses_of_the_test_are_reviewed_too(file: Path) -> None:
    wrong = ask(file, "try", addresses="a@b.jp；c@d.jp")
    assert set(errors(wrong)) == {"addresses"}


def test_warnings_come_with_their_key(file: Path) -> None:
    reply = update(file, changes={"mail_server.host": "mail.example.com"})
    assert reply["ok"]
    assert [one["key"] for one in reply["warnings"]] == ["mail_server.host"]


def test_an_update_changes_the_values_alone_and_keeps_comments(file: Path) -> None:
    before = file.read_text()
    reply = update(
        file,
        changes={
            **LOGIN,
            "mail_server.host": "127.0.0.1",
            "mail_server.port": "587",
            "sender": "zaionnex",
            "admins": "b@zaion.jp, c@zaion.jp",
        },
        secrets={"mail_server.auth": SECRET, "mail_server.pop_before_smtp": "not asked for"},
    )
    kept = file.parent / "smtp-password"
    assert reply["files"] == [str(kept), str(file)]
    assert kept.read_text() == f"{SECRET}\n"
    assert not (file.parent / "pop-password").exists()
    assert file.read_text() == before.replace(
        "  port: 25\n",
        "  port: 587\n  auth:\n    mechanism: basic\n    username: zaion\n"
        "    password_file: smtp-password\n",
    ).replace("- a@zaion.jp   # Alice\n", "").replace("# Bob\n", "# Bob\n- c@zaion.jp\n")
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_is_as_it_was_writes_nothing(file: Path) -> None:
    before = file.stat()
    assert update(file, changes={"sender": "zaionnex", "mail_server.port": "25"})["files"] == []
    assert file.stat().st_mtime_ns == before.st_mtime_ns


def test_what_was_changed_meanwhile_is_not_overwritten_and_is_shown(file: Path) -> None:
    with SettingsService(file) as one, SettingsService(file) as two:
        seen = [service.ask("show")["revision"] for service in (one, two)]
        assert two.ask("update", revision=seen[1], changes={"mail_server.port": "587"})["ok"]
        after = file.read_bytes()
        refused = one.ask("update", revision=seen[0], changes={"sender": "z@zaion.jp"})
        assert refused["code"] == "changed_meanwhile"
        assert refused["settings"]["mail_server.port"]["text"] == "587"
        assert file.read_bytes() == after
        again = one.ask("update", revision=refused["revision"], changes={"sender": "z@zaion.jp"})
        assert again["files"] == [str(file)]
    assert "port: 587" in file.read_text()
    assert "sender: z@zaion.jp" in file.read_text()


def test_of_many_who_update_at_once_one_succeeds_and_the_others_are_told(file: Path) -> None:
    with contextlib.ExitStack() as stack:
        services = [stack.enter_context(SettingsService(file)) for _ in range(6)]
        revisions = [service.ask("show")["revision"] for service in services]
        for number, service in enumerate(services):
            changes = {"sender": f"z{number}@zaion.jp", "mail_server.port": str(100 + number)}
            service.send("update", revision=revisions[number], changes=changes)
        replies = [next(service.lines()) for service in services]
    (winner,) = [number for number, reply in enumerate(replies) if reply["ok"]]
    assert {reply.get("code") for reply in replies} == {None, "changed_meanwhile"}
    assert f"sender: z{winner}@zaion.jp" in file.read_text()
    assert f"port: {100 + winner}\n" in file.read_text()


def test_a_secret_that_was_changed_meanwhile_is_a_change_too(file: Path) -> None:
    kept = write(file.parent / "pw", "one\n")
    write(file, file.read_text() + "notify: {wall: true}\n")
    login = "{mechanism: basic, username: zaion, password_file: pw}"
    write(file, file.read_text().replace("  port: 25\n", f"  port: 25\n  auth: {login}\n"))
    service = Within(file)
    revision = service.ask("show")["revision"]
    kept.write_text("two\n")
    refused = service.ask("update", revision=revision, secrets={"mail_server.auth": "three"})
    assert refused["code"] == "changed_meanwhile"
    assert kept.read_text() == "two\n"


def test_what_a_drop_in_says_is_locked_and_says_why(file: Path) -> None:
    drop_in = write(file.parent / "conf.d" / "10.yaml", "mail_server:\n  host: over.zaion.jp\n")
    with SettingsService(file) as service:
        shown = service.ask("show")
        host = shown["settings"]["mail_server.host"]
        assert host["text"] == "over.zaion.jp"
        assert f"{drop_in}:2" in host["locked"]["ja"]
        entered = {"mail_server.host": "mine.zaion.jp"}
        refused = service.ask("update", revision=shown["revision"], changes=entered)
        assert errors(refused) == {"mail_server.host": host["locked"]["en"]}
        entered = {"mail_server.host": "over.zaion.jp", "mail_server.port": "26"}
        assert service.ask("update", revision=shown["revision"], changes=entered)["ok"]
    assert "port: 26" in file.read_text()


def test_what_a_drop_in_takes_away_is_told_at_its_key(file: Path) -> None:
    write(file.parent / "conf.d" / "10.yaml", "mail_server: {port: null}\n")
    assert list(errors(update(file, changes={"mail_server.port": "587"}))) == ["mail_server.port"]


def test_a_first_configuration_is_made(tmp_path: Path) -> None:
    file = tmp_path / "zaiond.yaml"
    with SettingsService(file) as service:
        shown = service.ask("show", language="en")
        assert shown["new"]
        assert shown["errors"] == shown["broken"] == []
        assert shown["settings"]["mail_server.host"] == {
            "text": "mailhost", "locked": None, "proposed": True, "lent": False,
        }  # fmt: skip
        entered = {"mail_server.host": "mailhost", "mail_server.port": "25", "admins": "a@b.jp"}
        reply = service.ask("update", language="en", changes=entered, revision=shown["revision"])
        assert reply["files"] == [str(file)]
    assert file.read_text() == (
        "# The configuration of zaiond. All settings: man zaiond.yaml\n\n"
        "mail_server:\n  host: mailhost\nadmins: a@b.jp\nlanguage: en\n"
    )


def test_errors_that_no_answer_can_mend_are_shown_and_nothing_is_written(file: Path) -> None:
    write(file, file.read_text() + "charset: x\n")
    (error,) = ask(file, "show")["broken"]
    assert (error["key"], error["file"], error["line"]) == ("charset", str(file), 8)
    refused = update(file, changes={"mail_server.port": "26"})
    assert refused["code"] == "broken"
    assert "port: 25" in file.read_text()


def test_a_value_that_is_broken_and_asked_for_is_shown_at_its_key(file: Path) -> None:
    write(file, file.read_text().replace("port: 25", "port: x"))
    shown = ask(file, "show")
    assert shown["broken"] == []
    assert list(errors(shown)) == ["mail_server.port"]
    assert update(file, changes={"mail_server.port": "25"})["ok"]


@pytest.mark.skipif(not MODES_COUNT, reason="modes count for who isn't root anyway")
def test_who_may_not_write_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "etc" / "zaiond.yaml", TEXT.format(port=25))
    file.parent.chmod(0o555)
    try:
        with SettingsService(file, *MODES_COUNT) as service:
            refused = service.ask("show")
    finally:
        file.parent.chmod(0o755)
    assert refused["code"] == "not_permitted"
    assert str(file) in refused["message"]["en"]


def test_nonsense_is_answered_and_the_next_request_too(file: Path) -> None:
    with SettingsService(file) as service:
        assert service.process.stdin is not None
        for nonsense in ("", "x", "[]", '{"do":"rm"}', '{"do":"show","changes":[1]}', "[" * 9000):
            service.process.stdin.write(f"{nonsense}\n")
            service.process.stdin.flush()
            (reply,) = service.lines()
            assert reply["code"] == "malformed"
        assert service.ask("show")["ok"]


def test_the_test_goes_out_by_what_was_entered_saved_or_not(file: Path) -> None:
    before = file.read_bytes()
    with Sink() as sink, SettingsService(file) as service:
        entered = {"mail_server.port": str(sink.port), "sender": "z@zaion.jp"}
        service.send("try", changes=entered, addresses="t@zaion.jp")
        *steps, document = service.lines()
        (mail,) = sink.wait(1)
    assert mail.reverse_path == "z@zaion.jp"
    assert mail.recipients == ("t@zaion.jp",)
    assert mail.subject == "[Zaionnex] Test Mail"
    (result,) = document["results"]
    assert result["line"] == "正常に送信されました"
    told = [line["step"] for line in steps]
    assert told[: len(result["steps"])] == result["steps"]
    assert [step["step"] for step in told[len(result["steps"]) :]] == ["quit"]
    assert file.read_bytes() == before


def test_without_an_address_it_goes_to_the_admins_as_they_were_entered(file: Path) -> None:
    with Sink() as sink, SettingsService(file) as service:
        entered = {"mail_server.port": str(sink.port), "admins": "x@zaion.jp, y@zaion.jp"}
        results = service.ask("try", changes=entered)["results"]
        assert [mail.recipients[0] for mail in sink.wait(2)] == ["x@zaion.jp", "y@zaion.jp"]
    assert [result["ok"] for result in results] == [True, True]


def test_it_fails_in_the_words_of_the_contract_in_the_readers_language(file: Path) -> None:
    for language, line in (
        ("ja", "[Error] 送信エラー Cant connect Server 10061 127.0.0.1:1 t@zaion.jp zaionnex"),
        ("en", "[Error] Send error Cant connect Server 10061 127.0.0.1:1 t@zaion.jp zaionnex"),
    ):
        entered = {"mail_server.port": "1"}
        document = ask(file, "try", language=language, changes=entered, addresses="t@zaion.jp")
        (result,) = document["results"]
        assert result["line"] == line
        assert result["hint"]


def test_a_password_that_was_entered_is_tried_and_never_told(file: Path) -> None:
    tried = LOGIN | {"mail_server.port": ""}
    unprotected = "25\n  auth:\n    allow_unprotected_password: true"
    write(file, file.read_text().replace("25", unprotected))
    before = file.read_bytes()
    script = ordinary(
        offers=("AUTH PLAIN",), answers={"AUTH": "535 5.7.8 no such user: hush-hush-0123"}
    )

    def test() -> tuple[str, dict[str, Any]]:
        with SettingsService(file) as service:
            secrets = {"mail_server.auth": SECRET}
            document = service.ask("try", changes=tried, secrets=secrets, addresses="t@zaion.jp")
            return service.said, document

    async def scene() -> tuple[str, dict[str, Any]]:
        async with ScriptedServer(script) as server:
            tried["mail_server.port"] = str(server.port)
            return await asyncio.to_thread(test)

    said, document = asyncio.run(scene())
    assert document["results"][0]["line"].startswith("[Error] 送信エラー Auth failed 535 ")
    assert SECRET not in said
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_each_step_is_told_when_it_ends(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, SettingsService(file) as service:
        entered = {"mail_server.port": str(listener.getsockname()[1])}
        service.send("try", changes=entered, addresses="t@zaion.jp")
        peer, _ = listener.accept()
        lines = service.lines()
        told = []
        with peer:
            while "connect" not in told:  # the server has said nothing yet
                told.append(next(lines)["step"]["step"])
            peer.sendall(b"554 5.3.2 go away\r\n")
            *_, document = lines
    assert document["results"][0]["reason"] == "Server refused"


def test_a_test_whose_reader_has_gone_ends(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        entered = {"mail_server.port": str(silent.getsockname()[1])}
        with SettingsService(file) as service:
            service.send("try", changes=entered, addresses="t@zaion.jp")
            peer, _ = silent.accept()
            lines = service.lines()
            while next(lines)["step"]["step"] != "connect":
                pass
            with peer:
                assert service.process.stdout is not None
                service.process.stdout.close()
                assert service.process.wait(20) == 0


# -- where zaiond-web listens


def test_it_says_where_to_listen_and_brings_the_key_that_root_alone_reads(file: Path) -> None:
    assert ask(file, "listen") == {
        "ok": True, "listen": "127.0.0.1:8025", "url": None, "cert": None, "key": None,
        "errors": [], "language": "ja",
    }  # fmt: skip
    made = trustme.CA().issue_cert("zaiond.zaion.jp")
    key = write(file.parent / "key.pem", made.private_key_pem.bytes().decode(), 0o600)
    cert = write(file.parent / "cert.pem", made.cert_chain_pems[0].bytes().decode())
    section = "web: {listen: '[::]:8025', cert_file: cert.pem, key_file: key.pem}\n"
    write(
        file, file.read_text() + section + "charset: x\n"
    )  # what is broken elsewhere is no hurdle
    assert ask(file, "listen") == {
        "ok": True, "listen": "[::]:8025", "url": None, "cert": cert.read_text(),
        "key": key.read_text(), "errors": [], "language": "ja",
    }  # fmt: skip


def test_what_is_wrong_with_it_is_said(file: Path) -> None:
    write(file, file.read_text() + "web: {listen: '0.0.0.0:8025'}\n")
    (error,) = ask(file, "listen")["errors"]
    assert error["key"] == "web.listen"
    write(file, TEXT.format(port=25) + "web: {cert_file: no.pem, key_file: no.pem}\n")
    reply = ask(file, "listen")
    assert (reply["ok"], reply["cert"], reply["key"]) == (True, None, None)
    assert "no.pem" in reply["errors"][0]["en"]
    assert {error["key"] for error in reply["errors"]} <= {"web.cert_file", "web.key_file"}


def test_a_password_of_the_page_is_changed_for_who_knows_the_present_one_and_no_other(
    file: Path,
) -> None:
    where, first = file.parent / "state/web", "correct horse battery"
    accounts.set_password(str(where), "yamada", first, 1.0)
    kept = where / "accounts.json"
    before = kept.read_bytes()
    new = {"new": "another horse", "present": first}
    with SettingsService(file) as service:
        for given, code in [
            ({"name": "yamada", **new, "present": "guessed"}, "wrong"),
            ({"name": "suzuki", **new}, "wrong"),  # whom it does not make, either
            ({"name": "yamada", **new, "new": "short"}, "refused"),
            ({**new}, "wrong"),
        ]:
            reply = service.ask("password", **given)
            assert (reply["ok"], reply["code"]) == (False, code)
            assert reply["message"]["en"]
            assert reply["message"]["ja"]
        assert kept.read_bytes() == before
        reply = service.ask("password", name="yamada", **new)
        assert reply["ok"]
        account = accounts.read(str(where)).accounts["yamada"]
        assert account.since == reply["since"]
        assert accounts.is_right("another horse", account)
        kept.write_text("{")
        broken = service.ask("password", name="yamada", **new)
        assert "is damaged" in broken["message"]["en"]
        assert first not in service.said
        assert account.hash not in service.said
