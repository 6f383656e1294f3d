"""Help, man pages and bash completion say what the command line takes: all of it, no more."""

import re
import subprocess
from pathlib import Path

import pytest

from zaiond.ctl import main
from zaiond.ctl.commandline import COMMON, GROUPS, Command, commands
from zaiond.model import SEVERITIES
from zaiond.smtp.failure import Stage

ROOT = Path(__file__).parents[3]
COMMANDS = [command for group in GROUPS for command in commands(group)]
EVERY_OPTION = [*COMMON, *(option for command in COMMANDS for option in command.options)]
LONG = {option.names[-1] for option in EVERY_OPTION}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZAIOND_CONFIG", "/nonexistent/zaiond.yaml")


@pytest.mark.parametrize(("locale", "word"), [("ja_JP.UTF-8", "使い方"), ("C", "Usage")])
def test_help_names_every_command_and_option_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], locale: str, word: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    assert main.run(["--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(word)
    for command in COMMANDS:
        assert f"  {command.name}" in text
        assert main.run([*command.name.split(), "--help"]) == 0
        own = capsys.readouterr().out
        assert own.startswith(word)
        for option in (*command.options, *COMMON):
            assert f"  {option.declared}" in own
        assert "  zaiond-ctl " in own


def test_a_command_group_has_a_help_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["queue", "--help"]) == 0
    text = capsys.readouterr().out
    assert "queue delete ID..." in text
    assert "history" not in text


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from zaiond import __version__

    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"zaiond-ctl {__version__}\n"


@pytest.mark.parametrize("name", ["zaiond-ctl.1", "zaiond-ctl.ja.1"])
def test_the_man_page_describes_every_command_and_option_and_no_other(name: str) -> None:
    source = (ROOT / "docs" / name).read_text(encoding="utf-8")
    text = re.sub(r"\\f[BIR]", "", source).replace("\\-", "-").replace("\\e", "\\")
    sections = re.findall(r"^\.SS (.*)$", text, re.MULTILINE)
    assert sections == [one.declared for one in COMMANDS]
    entries = set(re.findall(r"^\.TP\n(-.*)$", text, re.MULTILINE))
    assert entries == {option.declared for option in EVERY_OPTION}
    for command in COMMANDS:
        for example in command.examples:
            assert example.declared in text
            assert (example.ja if ".ja." in name else example.en[1:]) in text


@pytest.mark.parametrize("name", ["zaiond-ctl.1", "zaiond-ctl.ja.1"])
def test_the_man_page_is_well_formed(name: str) -> None:
    lines = (ROOT / "docs" / name).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(".TH ZAIOND\\-CTL 1 ")
    requests = {line.split()[0] for line in lines if line.startswith(".")}
    known = {".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".I", ".BR", ".RB", ".IR", ".RI", ".nf"}
    assert requests <= known | {".fi", ".br", ".ad"}


@pytest.mark.parametrize("name", ["zaiond-ctl.1", "zaiond-ctl.ja.1"])
def test_the_man_page_explains_every_step_of_the_test(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    explained = re.findall(r"^\.TP\n\.BR? ([a-z\", ]+)$", text, re.MULTILINE)
    words = {word for line in explained for word in re.findall(r"[a-z]+", line)}
    # QUIT's answer interests nobody; what a fleet's member hands on is no mail, and not tested.
    assert {stage.value for stage in Stage} - {"quit", "hand-over"} <= words


def completed(*words: str) -> list[str]:
    script = (
        f'source {ROOT / "etc/completion/zaiond-ctl.bash"}; shift; COMP_WORDS=(zaiond-ctl "$@");'
        'COMP_CWORD=$#; _zaiond_ctl; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    ran = subprocess.run(
        ["bash", "-c", script, "-", "-", *words], capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    return ran.stdout.split()


def test_completion_offers_the_commands() -> None:
    offered = completed("")
    assert set(offered) == set(GROUPS) | {option.names[-1] for option in COMMON}
    assert completed("sta") == ["status"]
    assert completed("--config", "x", "qu") == ["queue"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_completion_offers_the_options_of_each_command(command: Command) -> None:
    offered = set(completed(*command.name.split(), "-"))
    assert offered == {option.names[-1] for option in (*command.options, *COMMON)}


def test_completion_offers_the_words_of_a_group() -> None:
    for group in GROUPS:
        words = {one.name.split()[1] for one in commands(group) if " " in one.name}
        if words:
            assert words <= set(completed(group, ""))


def test_completion_knows_values(tmp_path: Path) -> None:
    assert completed("emit", "a", "-s", "") == list(SEVERITIES)
    assert completed("emit", "a", "--severity", "=", "w") == ["warning"]
    (tmp_path / "zaiond.yaml").touch()
    file = str(tmp_path / "zaiond.yaml")
    assert completed("check", str(tmp_path / "z")) == [file]
    assert completed("--config", str(tmp_path / "z")) == [file]
    assert completed("emit", "a", "-m", "") == []


def test_every_value_of_an_option_is_skipped_by_completion() -> None:
    taking = {name for option in EVERY_OPTION if option.value for name in option.names}
    for name in taking - {"-s", "--severity", "--config", "--file", "--from", "--credentials"}:
        if "dir" not in name:
            assert completed("emit", name, "") == [], name
