"""`zaiond-ctl setup` as a person sees it: a real process, at a terminal of its own."""

import asyncio
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.process import MODES_COUNT
from tests.support.scripted_server import ScriptedServer, ordinary
from tests.support.sink import Sink
from tests.support.terminal import CTRL_C, CTRL_D, Terminal
from tests.support.token_server import CLIENT_SECRET, FIRST, TokenServer

SECRET = "hush-hush-0123"
QUESTIONS = {
    "ja": [
        "送信メールサーバー",
        "SMTP ポート番号（規定値は 25 となります）",
        "SMTP 認証\n  1) 基本認証\n  2) 統合 Windows 認証 (NTLM)\n  3) CRAM-MD5\n  4) 未使用\n",
        "POP Before SMTP を使用\n  1) 使用\n  2) 未使用\n",
        "送信元メールアドレス",
        "管理通知用メールアドレス（コンマ区切りで複数設定できます）",
        "確認用の送信先メールアドレス *",
        "1) 更新  2) キャンセル",
    ],
    "en": [
        "Outgoing mail server",
        "SMTP port (25 by default)",
        "SMTP authentication\n  1) Basic authentication\n"
        "  2) Integrated Windows authentication (NTLM)\n  3) CRAM-MD5\n  4) Not used\n",
        "POP before SMTP\n  1) Use\n  2) Don't use\n",
        "Sender's mail address",
        "Administrators' mail addresses (several, separated by commas)",
        "Address for the test *",
        "1) Update  2) Cancel",
    ],
}
TEXT = """\
# ours, with comments
mail_server:   # the relay
  host:   127.0.0.1   # keep this
  port: {port}
  # how we log in: not at all
admins:
- a@zaion.jp   # Alice
- b@zaion.jp   # Bob

notify: {{backup_auto_update: true}}
"""

XOAUTH2 = """\
  auth:
    mechanism: xoauth2
    username: zaion@zaion.jp
    allow_unprotected_password: true
    oauth2:
      grant: refresh_token
      token_url: {url}
      client_id: zaiond
      client_secret_file: client-secret
      refresh_token_file: refresh-token
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "zaiond.yaml", TEXT.format(port=25))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o640)
    return path


def command(file: Path, *more: str) -> list[str | Path]:
    places = [f"--{name}-dir={file.parent / name}" for name in ("runtime", "state", "spool")]
    return [PROGRAMS / "zaiond-ctl", f"--config={file}", *places, "setup", *more]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


def contents(directory: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in directory.rglob("*") if p.is_file()}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_page_is_asked_in_its_order_tried_and_taken_by_the_running_daemon(
    tmp_path: Path, sink: Sink, language: str
) -> None:
    ja = language == "ja"
    text = TEXT.format(port=1) + f"language: {language}\n"
    with Daemon(tmp_path, text) as daemon:
        with Terminal([PROGRAMS / "zaiond-ctl", *daemon.options, "setup"]) as terminal:
            terminal.answer("[127.0.0.1]: ")
            terminal.answer("[1]: ", str(sink.port))
            terminal.answer("[4]: ")
            terminal.answer("[2]: ")
            terminal.answer("[zaionnex]: ", "山田 <zaionnex@zaion.jp>")
            terminal.answer("[a@zaion.jp, b@zaion.jp]: ", "b@zaion.jp, c@zaion.jp")
            terminal.answer("* [b@zaion.jp, c@zaion.jp]: ", "test@zaion.jp")
            terminal.expect("送信結果: 正常に送信されました" if ja else "Result: Sent successfully")
            terminal.answer("番号: " if ja else "Number: ", "4")  # once more, to the admins
            terminal.answer("* [b@zaion.jp, c@zaion.jp]: ")
            terminal.expect("正常に送信されました\n正常に送信されました" if ja else "Sent successf")
            assert daemon.config.read_text() == text
            terminal.answer("番号: " if ja else "Number: ", "1")
            terminal.expect(str(daemon.config))
            terminal.expect("反映しました" if ja else "The running zaiond has taken it")
            assert terminal.ended() == 0
        at = -1
        for question in QUESTIONS[language]:
            at = terminal.screen.find(question, at + 1)
            assert at >= 0, question
        assert daemon.config.read_text() == (
            text.replace("port: 1\n", f"port: {sink.port}\n")
            .replace("not at all\n", 'not at all\nsender: "山田 <zaionnex@zaion.jp>"\n')
            .replace("- a@zaion.jp   # Alice\n", "")
            .replace("# Bob\n", "# Bob\n- c@zaion.jp\n")
        )
        assert [mail.recipients for mail in sink.wait(3)] == [
            ("test@zaion.jp",),
            ("b@zaion.jp",),
            ("c@zaion.jp",),
        ]
        in_force = {s["key"]: s["value"] for s in daemon.document("config", "show")["settings"]}
        assert in_force["mail_server.port"] == str(sink.port)
        assert in_force["admins"] == "b@zaion.jp, c@zaion.jp"


def test_a_password_is_not_shown_and_goes_into_a_file_of_its_own(file: Path) -> None:
    before = file.read_text()
    with Terminal(command(file)) as terminal:
        terminal.answer("[127.0.0.1]: ")
        terminal.answer("[25]: ", "587")
        terminal.answer("[4]: ", "1")
        terminal.answer("ユーザーID: ", "zaion")
        terminal.expect("パスワード [未設定]: ")
        assert not terminal.echoes
        terminal.enter(SECRET)
        terminal.answer("[2]: ")
        terminal.answer("[zaionnex]: ")
        terminal.answer("b@zaion.jp]: ")
        terminal.answer("b@zaion.jp]: ", "-")
        terminal.answer("番号: ", "更新")
        assert terminal.ended() == 0
    assert SECRET not in terminal.screen
    kept = file.parent / "smtp-password"
    assert kept.read_text() == f"{SECRET}\n"
    assert kept.stat().st_mode & 0o777 == 0o640
    assert file.read_text() == before.replace("port: 25", "port: 587").replace(
        "  port: 587\n",
        "  port: 587\n  auth:\n    mechanism: basic\n    username: zaion\n"
        "    password_file: smtp-password\n",
    )
    assert file.stat().st_mode & 0o777 == 0o640
    # Once more: Enter keeps it, another one takes its place, in the same file.
    for typed, wanted in (("", SECRET), ("another", "another")):
        with Terminal(command(file)) as terminal:
            for prompt in ("[127.0.0.1]: ", "[587]: ", "[1]: ", "ユーザーID [zaion]: "):
                terminal.answer(prompt)
            terminal.answer("パスワード [設定済み]: ", typed)
            for prompt, text in (
                ("[2]: ", ""),
                ("[zaionnex]: ", ""),
                ("b@zaion.jp]: ", ""),
                ("b@zaion.jp]: ", "-"),
                ("番号: ", "1"),
            ):
                terminal.answer(prompt, text)
            terminal.expect("更新しました" if typed else "変更はありません")
            assert terminal.ended() == 0
        assert kept.read_text() == f"{wanted}\n"


@pytest.mark.parametrize("way", [CTRL_C, CTRL_D, "2", "キャンセル"])
def test_whoever_cancels_has_changed_nothing(file: Path, way: bytes | str) -> None:
    before = contents(file.parent)
    with Terminal(command(file)) as terminal:
        terminal.answer("[127.0.0.1]: ", "other.zaion.jp")
        terminal.answer("[25]: ", "587")
        terminal.answer("[4]: ", "1")
        terminal.answer("ユーザーID: ", "zaion")
        terminal.answer("パスワード [未設定]: ", SECRET)
        if isinstance(way, bytes):
            terminal.answer("[2]: ", way)
        else:
            terminal.answer("[2]: ")
            terminal.answer("[zaionnex]: ")
            terminal.answer("b@zaion.jp]: ")
            terminal.answer("b@zaion.jp]: ", "-")
            terminal.answer("番号: ", way)
        terminal.expect("キャンセルしました。設定は変更していません")
        assert terminal.ended() == 1
    assert contents(file.parent) == before
    assert "Traceback" not in terminal.screen


async def test_the_test_logs_in_with_a_token_and_keeps_the_refresh_token_that_came_with_it(
    file: Path,
) -> None:
    with TokenServer() as tokens:
        tokens.rotate = True
        script = ordinary(offers=("AUTH XOAUTH2",), answers={"AUTH": tokens.check})
        async with ScriptedServer(script) as server:
            write(file.parent / "client-secret", CLIENT_SECRET)
            write(file.parent / "refresh-token", FIRST)
            login = XOAUTH2.format(url=tokens.url)
            write(file, TEXT.format(port=server.port).replace("  # how we", f"{login}  # how we"))
            (file.parent / "state").mkdir()

            def person() -> None:
                with Terminal(command(file)) as terminal:
                    for prompt in ("[127.0.0.1]: ", "]: ", "[5]: ", "[zaion@zaion.jp]: ", "[2]: "):
                        terminal.answer(prompt)
                    terminal.answer("[zaionnex]: ")
                    terminal.answer("b@zaion.jp]: ")
                    terminal.answer("b@zaion.jp]: ", "test@zaion.jp")
                    terminal.expect("送信結果: 正常に送信されました")
                    terminal.answer("番号: ", "2")
                    assert terminal.ended() == 1

            await asyncio.to_thread(person)
    (kept,) = (file.parent / "state").iterdir()
    assert tokens.refresh_token in kept.read_text()
    assert tokens.refresh_token != FIRST


def test_a_test_that_takes_too_long_can_be_cancelled(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        write(file, TEXT.format(port=silent.getsockname()[1]))
        before = contents(file.parent)
        with Terminal(command(file)) as terminal:
            for prompt in ("[127.0.0.1]: ", "]: ", "[4]: ", "[2]: "):
                terminal.answer(prompt)
            terminal.answer("[zaionnex]: ", "z@zaion.jp")
            terminal.answer("b@zaion.jp]: ")
            terminal.answer("b@zaion.jp]: ", "t@zaion.jp")
            terminal.expect("送信しています")
            peer, _ = silent.accept()
            with peer:
                terminal.enter(CTRL_C)
                terminal.expect("キャンセルしました")
                assert terminal.ended() == 1
        assert contents(file.parent) == before


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_a_password_can_be_cancelled_too_and_the_terminal_echoes_again(
    file: Path, key: bytes
) -> None:
    with Terminal(command(file)) as terminal:
        terminal.answer("[127.0.0.1]: ")
        terminal.answer("[25]: ")
        terminal.answer("[4]: ", "基本認証")
        terminal.answer("ユーザーID: ", "zaion")
        terminal.answer("パスワード [未設定]: ", key)
        assert terminal.ended() == 1
        assert terminal.echoes
    assert "キャンセルしました" in terminal.screen


def test_what_is_wrong_is_refused_at_once_as_check_would_say_it(file: Path) -> None:
    write(file, file.read_text() + "language: en\n")
    with Terminal(command(file)) as terminal:
        for prompt, typed, said in (
            ("[127.0.0.1]: ", "mailhost:25", "write the name alone: the port belongs into `port`"),
            ("[127.0.0.1]: ", "？", "full-width characters"),
            ("[127.0.0.1]: ", "?", "The name of the server"),
            ("[127.0.0.1]: ", "", ""),
            ("[25]: ", "x", "this must be a whole number"),
            ("[25]: ", "65536", "this must be between 1 and 65535"),
            ("[25]: ", "", ""),
            ("[4]: ", "9", "answer by a number from 1 to 4"),
            ("[4]: ", "1", ""),
            ("User ID: ", "", "this is required: enter a value"),
            ("User ID: ", "u", ""),
            ("Password [not set]: ", "", "this is required: enter a value"),
            ("Password [not set]: ", SECRET, ""),
            ("[2]: ", "", ""),
            ("[zaionnex]: ", "a b", "the part before the '@'"),
            ("[zaionnex]: ", "", ""),
            ("b@zaion.jp]: ", "a@b.jp、c@d.jp", "separate addresses by ',', not by '、'"),
            ("b@zaion.jp]: ", "a@b.jp, c", "there is no '@': \"c\""),
            ("b@zaion.jp]: ", "", ""),
            ("b@zaion.jp]: ", "nobody", "there is no '@'"),
            ("b@zaion.jp]: ", "-", ""),
            ("Number: ", "", "answer by a number from 1 to 4"),
            ("Number: ", "Cancel", "Cancelled. Nothing was changed"),
        ):
            terminal.answer(prompt, typed)
            terminal.expect(said)
        assert terminal.ended() == 1


def test_back_asks_again_with_what_was_answered(file: Path, sink: Sink) -> None:
    with Terminal(command(file)) as terminal:
        terminal.answer("[127.0.0.1]: ")
        terminal.answer("[25]: ", "1")
        terminal.answer("[4]: ", "1")
        terminal.answer("ユーザーID: ", "zaion")
        terminal.answer("パスワード [未設定]: ", SECRET)
        terminal.answer("[2]: ")
        terminal.answer("[zaionnex]: ", "z@zaion.jp")
        terminal.answer("b@zaion.jp]: ")
        terminal.answer("b@zaion.jp]: ", "t@zaion.jp")
        terminal.expect(
            "送信結果: [Error] 送信エラー Cant connect Server 10061 127.0.0.1:1 t@zaion.jp z@"
        )
        terminal.answer("番号: ", "3")
        terminal.answer("[127.0.0.1]: ")
        terminal.answer("[1]: ", str(sink.port))
        terminal.answer("[1]: ", "4")  # neither user nor password after all
        terminal.answer("[2]: ")
        terminal.answer("[z@zaion.jp]: ")
        terminal.answer("b@zaion.jp]: ")
        terminal.answer("b@zaion.jp]: ", "t@zaion.jp")
        terminal.expect("送信結果: 正常に送信されました")
        terminal.answer("番号: ", "1")
        terminal.expect("zaiond は動いていません")
        assert terminal.ended() == 0
    assert "zaion\n" not in file.read_text()
    assert not (file.parent / "smtp-password").exists()
    assert "sender: z@zaion.jp\n" in file.read_text()


def test_a_first_configuration_is_made_in_the_language_of_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "zaiond.yaml"
    with Terminal(command(file), {"LC_ALL": "", "LANG": "en_US.UTF-8"}) as terminal:
        terminal.answer("server [mailhost]: ")
        terminal.answer("[25]: ")
        terminal.answer("[4]: ")
        terminal.answer("[2]: ")
        terminal.answer("[zaionnex]: ")
        terminal.answer("commas): ", "")
        terminal.expect("this is required")
        terminal.answer("commas): ", "root@localhost")
        terminal.answer("root@localhost]: ", "-")
        terminal.answer("Number: ", "1")
        assert terminal.ended() == 0
    assert file.read_text() == (
        "# The configuration of zaiond. All settings: man zaiond.yaml\n\n"
        "mail_server:\n  host: mailhost\nadmins: root@localhost\nlanguage: en\n"
    )
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_a_drop_in_says_is_shown_and_where_it_is_changed(file: Path) -> None:
    drop_in = write(file.parent / "conf.d" / "10.yaml", "mail_server:\n  host: over.zaion.jp\n")
    with Terminal(command(file)) as terminal:
        terminal.expect("送信メールサーバー: over.zaion.jp\n")
        terminal.expect(f"{drop_in}:2 で設定されています")
        terminal.answer("[25]: ", CTRL_C)
        assert terminal.ended() == 1


def test_what_another_editor_saved_meanwhile_is_not_lost(file: Path) -> None:
    with Terminal(command(file)) as terminal:
        terminal.answer("[127.0.0.1]: ", "other.zaion.jp")
        for prompt in ("[25]: ", "[4]: ", "[2]: ", "[zaionnex]: ", "b@zaion.jp]: "):
            terminal.answer(prompt)
        terminal.answer("b@zaion.jp]: ", "-")
        terminal.expect("番号: ")
        saved = write(file, TEXT.format(port=2525)).read_text()
        terminal.enter("1")
        terminal.expect("もう一度 zaiond-ctl setup を実行してください")
        assert terminal.ended() == 75
    assert file.read_text() == saved


def test_with_json_the_last_thing_is_a_document(file: Path, tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    words = " ".join(str(word) for word in command(file, "--json"))
    with Terminal(["sh", "-c", f"{words} > {printed}"]) as terminal:
        terminal.answer("[127.0.0.1]: ", "other.zaion.jp")
        for prompt in ("[25]: ", "[4]: ", "[2]: ", "[zaionnex]: ", "b@zaion.jp]: "):
            terminal.answer(prompt)
        terminal.answer("b@zaion.jp]: ", "-")
        terminal.answer("番号: ", "1")
        assert terminal.ended() == 0
    assert json.loads(printed.read_text()) == {"updated": True, "files": [str(file)]}


def test_without_a_terminal_it_says_so(file: Path) -> None:
    done = subprocess.run(
        command(file), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "端末" in done.stderr
    assert done.stdout == ""


def test_errors_in_what_is_not_asked_for_come_first(file: Path) -> None:
    write(file, file.read_text() + "lanugage: ja\n")
    with Terminal(command(file)) as terminal:
        terminal.expect(f"{file}:11:1: lanugage: ")
        assert terminal.ended() == 78


def test_who_may_not_write_is_told_before_any_question(file: Path) -> None:
    file.parent.chmod(0o500)
    with Terminal([*MODES_COUNT, *command(file)]) as terminal:
        assert terminal.ended() == 77
    assert "送信メールサーバー" not in terminal.screen
    assert "root" in terminal.screen


def test_what_the_running_daemon_does_not_take_is_told(tmp_path: Path) -> None:
    text = TEXT.format(port=1)
    with Daemon(tmp_path, text) as daemon:
        # A credential, which only systemd brings: right for us, and not for this daemon.
        auth = "  auth: {mechanism: basic, username: u, password_credential: smtp}\n"
        write(daemon.config, text.replace("  # how", f"{auth}  # how"))
        with Terminal([PROGRAMS / "zaiond-ctl", *daemon.options, "setup"]) as terminal:
            for prompt in ("[127.0.0.1]: ", "[1]: ", "[1]: ", "ユーザーID [u]: "):
                terminal.answer(prompt)
            terminal.expect("パスワード: 設定済み\n")
            for prompt, typed in (
                ("[2]: ", ""),
                ("[zaionnex]: ", "z@zaion.jp"),
                ("b@zaion.jp]: ", ""),
                ("b@zaion.jp]: ", "-"),
                ("番号: ", "1"),
            ):
                terminal.answer(prompt, typed)
            terminal.expect(f"更新しました: {daemon.config}")
            terminal.expect("mail_server.auth.password_credential: ")
            assert terminal.ended() == 78
        assert "sender: z@zaion.jp" in daemon.config.read_text()
        assert daemon.document("status")["config"]["state"] == "last_good"


def test_a_daemon_that_has_another_file_is_not_said_to_have_taken_this_one(
    tmp_path: Path, file: Path
) -> None:
    with (
        Daemon(tmp_path / "d", TEXT.format(port=1)) as daemon,
        Terminal(
            [PROGRAMS / "zaiond-ctl", *daemon.options, f"--config={file}", "setup"]
        ) as terminal,
    ):
        for prompt in ("[127.0.0.1]: ", "[25]: ", "[4]: ", "[2]: "):
            terminal.answer(prompt)
        terminal.answer("[zaionnex]: ", "z@zaion.jp")
        terminal.answer("b@zaion.jp]: ")
        terminal.answer("b@zaion.jp]: ", "-")
        terminal.answer("番号: ", "1")
        terminal.expect(f"別のファイル（{daemon.config}）")
        assert terminal.ended() == 0


def test_octets_that_are_no_text_are_asked_for_again(file: Path) -> None:
    with Terminal(command(file), {"PYTHONIOENCODING": "utf-8:strict"}) as terminal:
        terminal.answer("[127.0.0.1]: ", b"\xa5\xe1\r")
        terminal.answer("LANG", "")
        terminal.answer("[25]: ", CTRL_C)
        assert terminal.ended() == 1


def test_a_terminal_that_has_no_such_signs_gets_escapes(file: Path) -> None:
    with Terminal(command(file), {"PYTHONIOENCODING": "ascii"}) as terminal:
        terminal.expect("\\u30e1\\u30fc\\u30eb")
        terminal.answer("[127.0.0.1]: ", CTRL_C)
        assert terminal.ended() == 1
    assert "Traceback" not in terminal.screen
