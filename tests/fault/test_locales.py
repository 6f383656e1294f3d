"""zaiond-ctl in every locale and encoding, with names that are Japanese, or not even text."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.terminal import CTRL_C, Terminal

CONFIG = """\
mail_server:
  host: 127.0.0.1
  port: 1
  ca_file: 証明書①.pem
  auth: {mechanism: basic, username: 財音, password_file: 秘密}
admins: 山田 <a@zaion.jp>、b@zaion.jp
"""
NAME = "設定①\udcff"
COMMANDS = [
    (78, ["check"]),
    (78, ["check", "--json"]),
    (78, ["config", "show"]),
    (1, ["config", "diff"]),
    (1, ["config", "revert"]),
    (69, ["status"]),
    (2, ["test", "a@zaion.jp、山田"]),
    (78, ["test", "--file", "ありません\udcff①"]),
    (69, ["emit", "a.b", "-m", "終わり①\udcff"]),
    (65, ["emit", "終わり\udcff"]),
    (69, ["history", "①\udcff"]),
    (2, ["setup"]),
    (0, ["--help"]),
    (2, ["設定\udcff"]),
]
WITHOUT_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="session")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ja_JP.eucJP is, if this machine can make one; else it is a locale that isn't there."""
    directory = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef"):
        where = directory / "ja_JP.eucJP"
        subprocess.run(["localedef", "-i", "ja_JP", "-f", "EUC-JP", where], check=False)
    return directory


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.mkdir()
    (path / "zaiond.yaml").write_text(CONFIG, encoding="utf-8")
    (path / "秘密").write_text("s3cret")
    for each in path.iterdir():
        each.chmod(0o600)
    return path


def run(etc: Path, environment: dict[str, str], *arguments: str) -> tuple[int, bytes, bytes]:
    places = [f"--config={etc / 'zaiond.yaml'}"]
    places += [f"--{name}-dir={etc / name}" for name in ("runtime", "state", "spool")]
    done = subprocess.run(
        [PROGRAMS / "zaiond-ctl", *places, *arguments],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], **environment},
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "ja_JP.eucJP"},
        {"LC_ALL": "ja_JP.eucJP", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"},
        WITHOUT_UTF8,
    ],
    ids=lambda environment: " ".join(environment.values()),
)
def test_no_command_ends_in_a_traceback_for_its_encoding(
    etc: Path, locales: Path, environment: dict[str, str]
) -> None:
    for expected, command in COMMANDS:
        status, out, err = run(etc, {**environment, "LOCPATH": str(locales)}, *command)
        assert b"Traceback" not in out + err, (command, err)
        assert status == expected, (command, out, err)


def test_what_is_said_is_the_same_in_the_terminals_own_encoding(etc: Path, locales: Path) -> None:
    _, expected, _ = run(etc, {"LC_ALL": "C.UTF-8"}, "check")
    _, out, _ = run(etc, {"LC_ALL": "ja_JP.eucJP", "LOCPATH": str(locales)}, "check")
    said = expected.decode()
    assert "証明書①.pem がありません" in said
    assert out in (
        said.encode("euc_jp", "backslashreplace"),
        expected,  # a machine that can't make such a locale
    )
    _, out, _ = run(etc, WITHOUT_UTF8, "check")
    assert out == said.encode("ascii", "backslashreplace")


def test_a_document_is_json_in_every_encoding(etc: Path, locales: Path) -> None:
    (etc / "zaiond.yaml").write_text("admins: '𠮷田 <a@x.jp>、b@x.jp'\n", encoding="utf-8")
    _, expected, _ = run(etc, {"LC_ALL": "C.UTF-8"}, "check", "--json")
    assert "𠮷田" in expected.decode()
    for environment in (
        {"LC_ALL": "ja_JP.eucJP", "LOCPATH": str(locales)},
        {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "cp932"},
        WITHOUT_UTF8,
    ):
        _, out, _ = run(etc, environment, "check", "--json")
        assert json.loads(out.decode()) == json.loads(expected)


def test_files_are_found_by_their_names_whatever_the_locale(
    tmp_path: Path, etc: Path, locales: Path
) -> None:
    text = CONFIG.replace("  ca_file: 証明書①.pem\n", "").replace("山田 <a@zaion.jp>、", "")
    (etc / "zaiond.yaml").write_text(text, encoding="utf-8")
    for environment in ({"LC_ALL": "ja_JP.eucJP", "LOCPATH": str(locales)}, WITHOUT_UTF8):
        assert run(etc, environment, "check")[0] == 0
        daemon = Daemon(tmp_path, "", environment)
        daemon.config = etc / "zaiond.yaml"
        with daemon:
            assert daemon.document("status")["config"]["state"] == "good"


def test_setup_asks_in_the_terminals_encoding(etc: Path) -> None:
    (etc / "zaiond.yaml").unlink()
    command = ["env", *(f"{name}={value}" for name, value in WITHOUT_UTF8.items())]
    command += [str(PROGRAMS / "zaiond-ctl"), f"--config={etc / 'zaiond.yaml'}", "setup"]
    with Terminal(command) as terminal:
        terminal.answer(": ", "127.0.0.1")
        terminal.answer("[25]: ")
        terminal.answer("[4]: ", "1")
        terminal.answer("ID: ", "zaion")
        terminal.expect("Password [not set]: ")
        terminal.enter("s3cret")
        terminal.answer("[2]: ", CTRL_C)
        assert terminal.ended() == 1
    assert "Traceback" not in terminal.screen
