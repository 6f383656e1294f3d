"""check, config and test --file: what works without a daemon."""

import json
import shlex
from pathlib import Path

import pytest

from zaiond.config.load import load, save_last_good
from zaiond.ctl import main
from zaiond.ctl import test as ctl_test
from zaiond.ctl.config import differences

Said = pytest.CaptureFixture[str]
GOOD = "mail_server:\n  host: localhost\nadmins: root@localhost\n"
BAD = "mail_server:\n  host: localhost\n  prot: 25\nadmins: a@localhost、b@localhost\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "zaiond.yaml"
    write(path, GOOD)
    return path


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o640)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("ZAIOND_CONFIG", str(file))
    monkeypatch.setenv("ZAIOND_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("ZAIOND_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()


def run(*argv: str) -> int:
    return main.run(argv)


def keep(file: Path, tmp_path: Path) -> None:
    save_last_good(str(tmp_path / "state"), load(str(file)).files)


def test_check_of_a_good_file_prints_nothing(capsys: Said) -> None:
    assert run("check") == 0
    assert capsys.readouterr() == ("", "")


def test_check_prints_every_error_with_its_place(file: Path, capsys: Said) -> None:
    write(file, BAD)
    assert run("check", str(file)) == 78
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{file}:3:3: mail_server.prot: ")
    assert second.startswith(f"{file}:4:")
    assert ": admins: " in second


def test_check_speaks_the_language_of_the_broken_file(file: Path, capsys: Said) -> None:
    write(file, BAD)
    run("check")
    japanese = capsys.readouterr().out
    write(file, BAD + "language: en\n")
    run("check")
    english = capsys.readouterr().out
    assert english.replace("、", "").isascii()
    assert not japanese.replace("、", "").isascii()


def test_check_marks_warnings_and_is_content(file: Path, capsys: Said) -> None:
    write(file, "language: en\n" + GOOD.replace("localhost\nadmins", "mx.example.com\nadmins"))
    assert run("check") == 0
    assert ": warning: " in capsys.readouterr().out


def test_check_as_json_is_one_document(file: Path, capsys: Said) -> None:
    write(file, BAD)
    assert run("check", "--json") == 78
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["warnings"] == []
    assert {name: document["errors"][0][name] for name in ("file", "line", "column", "key")} == {
        "file": str(file), "line": 3, "column": 3, "key": "mail_server.prot",
    }  # fmt: skip


def test_check_of_a_file_that_is_not_there_is_an_error(tmp_path: Path, capsys: Said) -> None:
    assert run("check", str(tmp_path / "none.yaml")) == 78
    assert "none.yaml:1:1: " in capsys.readouterr().out


def test_config_show_is_from_disk_where_no_daemon_runs_and_says_so(
    file: Path, capsys: Said
) -> None:
    auth = "  auth: {mechanism: basic, username: u, password: hushhush}\n"
    write(file, GOOD.replace("localhost\nadmins", f"localhost\n{auth}admins"))
    assert run("config", "show") == 0
    said = capsys.readouterr()
    assert "mail_server.host: localhost\n" in said.out
    assert "********" in said.out
    assert "hushhush" not in said.out
    assert "zaiond" in said.err
    assert run("config", "show", "--json") == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["from"] == "disk"
    assert {"key": "mail_server.host", "value": "localhost", "file": str(file), "line": 2} in (
        document["settings"]
    )
    assert "hushhush" not in said.out


def test_config_show_says_where_a_value_comes_from(file: Path, capsys: Said) -> None:
    assert run("config", "show", "--origin") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("mail_server.host:")] == [
        ["mail_server.host:", "localhost", f"{file}:2"]
    ]
    assert next(one for one in lines if one.startswith("mail_server.port:")).endswith(" 既定値")


def test_config_show_of_a_broken_file_is_78_with_the_errors(file: Path, capsys: Said) -> None:
    write(file, BAD)
    assert run("config", "show") == 78
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{file}:3:3: mail_server.prot: " in said.err


def test_config_diff_compares_with_the_last_good_one(
    file: Path, tmp_path: Path, capsys: Said
) -> None:
    keep(file, tmp_path)
    assert run("config", "diff") == 0
    capsys.readouterr()
    write(file, BAD)
    (tmp_path / "conf.d").mkdir()
    write(tmp_path / "conf.d" / "new.yaml", "language: en\n")
    assert run("config", "diff") == 1
    lines = capsys.readouterr().out.splitlines()
    assert "+  prot: 25" in lines
    assert "-admins: root@localhost" in lines
    assert "+language: en" in lines


def test_config_diff_shows_no_secret_file_whatever_it_is_called(
    file: Path, tmp_path: Path, capsys: Said
) -> None:
    main = tmp_path / "zaiond.conf"
    login = "  auth: {mechanism: basic, username: u, password_file: smtp.yaml}\n"
    write(main, GOOD.replace("localhost\nadmins", f"localhost\n{login}admins"))
    write(tmp_path / "smtp.yaml", "hunter1\n")
    file.unlink()
    keep(main, tmp_path)
    write(tmp_path / "smtp.yaml", "hunter2\n")
    write(main, main.read_text() + "sender: z\n")
    assert run("--config", str(main), "config", "diff") == 1
    said = capsys.readouterr().out
    assert "hunter" not in said
    assert "smtp.yaml: " in said
    assert "+sender: z" in said


def test_config_revert_undoes_what_was_broken(file: Path, tmp_path: Path, capsys: Said) -> None:
    keep(file, tmp_path)
    write(file, BAD)
    assert run("config", "revert") == 0
    assert file.read_text() == GOOD
    assert str(file) in capsys.readouterr().out
    assert run("config", "revert") == 0


@pytest.mark.parametrize("command", ["diff", "revert"])
def test_without_a_last_good_configuration_there_is_nothing_to_compare(
    capsys: Said, command: str
) -> None:
    assert run("config", command) == 1
    assert capsys.readouterr().err.startswith("zaiond-ctl: ")


@pytest.mark.parametrize(
    "secret",
    [
        "    password: {}",
        '    "password" : {}  # mine',
        "  auth: {{mechanism: basic, password: {}}}",
        "    password: |\n      {}",
        "    password:\n      {}",
        "    password: >-\n\n      {}\n    username: u",
    ],
)
def test_a_diff_shows_no_secret(secret: str) -> None:
    before, after = secret.format("oldsecret") + "\na: 1\n", secret.format("newsecret") + "\na: 2\n"
    lines = differences({"/z.yaml": before}, {"/z.yaml": after}, {"/z.yaml"}, "en")
    assert "-a: 1" in lines
    assert "secret" not in "\n".join(lines)
    lines = differences(
        {"/z.yaml": secret.format("x")}, {"/z.yaml": secret.format("y")}, {"/z.yaml"}, "en"
    )
    assert lines == ["/z.yaml: only a secret or line ends differ"]


def test_a_secret_file_is_only_said_to_differ() -> None:
    lines = differences(
        {"/s": "one", "/t": "x", "/u": "x"}, {"/s": "two", "/t": None}, {"/z.yaml"}, "en"
    )
    assert lines == [
        "/s: its content differs (not shown: it may be a secret)",
        "/t: gone, or not readable",
    ]


def test_a_test_by_a_broken_file_sends_nothing_and_says_why(file: Path, capsys: Said) -> None:
    write(file, BAD)
    assert run("test", "--file", str(file)) == 78
    said = capsys.readouterr()
    assert said.out == ""
    assert "mail_server.prot" in said.err


@pytest.mark.parametrize(
    "operands",
    [
        ["a@x.jp", "b@x.jp"],
        ["a@x.jp,b@x.jp"],
        ["a@x.jp, b@x.jp"],
        ["a@x.jp,", "b@x.jp"],
        ["a@x.jp", ",b@x.jp"],
        ["a@x.jp", ",", "b@x.jp"],
    ],
)
def test_a_test_takes_several_addresses_as_operands_or_with_commas(operands: list[str]) -> None:
    assert ctl_test.addresses(operands) == ["a@x.jp", "b@x.jp"]


@pytest.mark.parametrize(
    "operands",
    [
        ["a..b@x.jp、b@x.jp"],
        ["a..b@x.jp\u3000b@x.jp"],
        ["a..b@x.jp；", "b@x.jp"],
        ["a..b@x.jp b@x.jp"],
    ],
)
@pytest.mark.parametrize("locale", ["ja_JP.UTF-8", "C.UTF-8"])
def test_a_test_of_addresses_separated_otherwise_shows_the_command_that_works(
    monkeypatch: pytest.MonkeyPatch, file: Path, capsys: Said, operands: list[str], locale: str
) -> None:
    file.unlink()
    monkeypatch.setenv("LC_ALL", locale)
    assert run("test", *operands) == 2
    said = capsys.readouterr().err
    shown, _usage = [line for line in said.splitlines() if "zaiond-ctl test " in line]
    command = shlex.split("zaiond-ctl test " + shown.partition("zaiond-ctl test ")[2])
    assert ctl_test.addresses(command[2:]) == ["a..b@x.jp", "b@x.jp"]


def test_a_test_of_an_empty_operand_is_a_usage_error(capsys: Said) -> None:
    assert run("test", "") == 2
    assert run("test", "a@x.jp", "") == 2
    assert "zaiond-ctl: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter2",
        "auth: {username: u, password: 'hunter2'}",
        '{"auth": {"password":"hunter2"}}',
        "password: |\n  first\n  hunter2",
        "auth: {password:\n  hunter2}",
        "? password\n: hunter2",
        "Password: hunter2",
        "pasword: hunter2",
        "passwd: hunter2",
        "smtp_password: hunter2",
        "oauth2: {client_secret: hunter2}",
        "password: &anchor hunter2",
        "password:hunter2",
        "  auth: {mechanism: basic,password:hunter2}",
        "auth: {password:hunter2}",
        "password：hunter2",
        "password： hunter2",
        "password:\u3000hunter2",
        "\u3000\u3000password: hunter2",
        "- password:hunter2",
        "-\u3000password：hunter2",
        "password =hunter2",
        "password hunter2",
        "password\thunter2",
        "“password”: “hunter2”",
        "PASSWORD:hunter2  # ours",
        "client_secret:hunter2",
        "password:\n  :hunter2",
        "password：|\n  hunter2",
        "auth:\n  password:\n  hunter2",
        "auth:\n  password:\nhunter2\n  hunter2",
        "auth:\n  password: 'a\nhunter2'",
        "auth:\n  password: a\n  : hunter2",
    ],
)
def test_a_difference_shows_no_secret_however_it_is_written(text: str) -> None:
    shown = "\n".join(
        differences({"/z.yaml": "a: 1"}, {"/z.yaml": f"{text}\nb: 2"}, {"/z.yaml"}, "en")
    )
    assert "hunter2" not in shown
    assert "-a: 1" in shown


@pytest.mark.parametrize(
    "text",
    [
        "password_file: smtp-password",
        "password_credential: smtp",
        "allow_unprotected_password: false",
        "token_url: https://login.example/token",
        "grant: refresh_token",
        "refresh_token_file: token",
        "token_command: [/usr/bin/get, --password-file, x]",
        "grant: client_credentials  # no password",
    ],
)
def test_a_difference_shows_what_only_names_a_secret(text: str) -> None:
    shown = differences({"/z.yaml": "a: 1"}, {"/z.yaml": text}, {"/z.yaml"}, "en")
    assert f"+{text}" in shown


@pytest.mark.parametrize("text", ["夜間:", '"a b": {}', "- c: 1", "# d", "---", "e: 1"])
def test_a_difference_shows_what_follows_a_secret(text: str) -> None:
    secret = "auth:\n  password: x"
    shown = differences({"/z.yaml": secret}, {"/z.yaml": f"{secret}\n{text}"}, {"/z.yaml"}, "en")
    assert f"+{text}" in shown


def test_a_template_is_checked_shown_where_it_differs_and_brought_back(
    file: Path, tmp_path: Path, capsys: Said
) -> None:
    write(file, f"{GOOD}language: en\nroutes: {{all: {{template: mine}}}}\n")
    (tmp_path / "templates").mkdir()
    for name in ("mine.subject.j2", "mine.txt.j2"):
        write(tmp_path / "templates" / name, "{{ event.title }}\n")
    assert run("check") == 0
    keep(file, tmp_path)
    template = tmp_path / "templates" / "mine.txt.j2"
    write(template, "{{ event.title }}\n{{ event.titel }}\n")
    write(tmp_path / "templates" / "mine.html.j2", "<p>\n")
    capsys.readouterr()
    assert run("check") == 78
    (error,) = capsys.readouterr().out.splitlines()
    assert error.startswith(f"{template}:2:1: routes.all.template: ")
    assert "titel" in error
    assert run("config", "diff") == 1
    shown = capsys.readouterr().out.splitlines()
    assert "+{{ event.titel }}" in shown
    assert "+<p>" in shown
    assert run("config", "revert") == 0
    assert run("check") == 0
    assert run("config", "diff") == 0
