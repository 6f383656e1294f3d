"""The command line: what is taken, and what is said of what isn't."""

import pytest

from zaiond.ctl import commandline
from zaiond.ctl.commandline import GROUPS, Line, parse
from zaiond.ctl.exit_status import Fault
from zaiond.ctl.main import run


def parsed(*argv: str) -> Line:
    line = Line()
    parse(argv, line)
    return line


def fault(*argv: str) -> Fault:
    with pytest.raises(Fault) as error:
        parsed(*argv)
    assert error.value.text.ja
    return error.value


def test_common_options_go_before_and_after_the_command() -> None:
    for argv in (
        ("--config", "f", "--json", "status"),
        ("status", "--config=f", "--json"),
        ("--json", "status", "--config", "f"),
    ):
        line = parsed(*argv)
        assert line.text("config") == "f"
        assert line.flag("json")
        assert line.command is not None
        assert line.command.name == "status"


def test_options_go_between_the_words_of_a_command() -> None:
    line = parsed("queue", "--json", "retry", "A", "--runtime-dir", "/r", "B")
    assert line.command is not None
    assert line.command.name == "queue retry"
    assert line.operands == ["A", "B"]
    assert line.text("runtime-dir") == "/r"


def test_of_two_commands_with_the_same_beginning_the_longer_one_is_meant() -> None:
    assert parsed("problems").name == "problems"
    line = parsed("problems", "--json", "close", "--comment", "c", "close")
    assert (line.name, line.operands) == ("problems close", ["close"])


def test_an_option_takes_its_value_in_every_usual_form() -> None:
    for argv in (["-s", "err"], ["-serr"], ["--severity", "err"], ["--severity=err"]):
        assert parsed("emit", *argv, "a").text("severity") == "err"


def test_a_value_may_begin_with_a_dash() -> None:
    line = parsed("emit", "a", "-m", "-v", "--subject", "--json", "-d", "-x=-y")
    assert line.text("message") == "-v"
    assert line.text("subject") == "--json"
    assert line.texts("data") == ["-x=-y"]
    assert not line.flag("json")


def test_short_flags_stand_together() -> None:
    assert parsed("test", "-vh").flag("verbose")
    assert parsed("test", "-vh").flag("help")


def test_after_a_double_dash_nothing_is_an_option() -> None:
    assert parsed("queue", "delete", "--", "--json").operands == ["--json"]


def test_the_last_of_a_repeated_option_counts_unless_it_takes_many() -> None:
    line = parsed("emit", "a", "-s", "err", "-s", "info", "-d", "a=1", "-d", "b=2")
    assert line.text("severity") == "info"
    assert line.texts("data") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "name a command"),
        (("stauts",), "did you mean status"),
        (("silence",), "silence add, silence list, silence expire"),
        (("problems", "x"), "one argument too many: x"),
        (("queue",), "queue list, queue retry, queue delete"),
        (("queue", "show"), "no command queue show"),
        (("queue", "delete"), "ID... is missing"),
        (("status", "x"), "one argument too many: x"),
        (("history", "a", "b"), "one argument too many: b"),
        (("emit", "a", "--sevrity", "x"), "did you mean --severity"),
        (("emit", "a", "-x"), "no option -x for emit"),
        (("-s", "x", "emit"), "no option -s before the command"),
        (("emit", "a", "-s"), "-s needs a value: SEVERITY"),
        (("status", "--json=yes"), "--json takes no value"),
        (("status", "--config"), "--config needs a value: FILE"),
    ],
)
def test_a_wrong_command_line_is_told(argv: tuple[str, ...], words: str) -> None:
    assert words in str(fault(*argv))


def test_help_and_version_need_nothing_else() -> None:
    assert parsed("--help").group is None
    assert parsed("queue", "--help").group == "queue"
    assert parsed("queue", "delete", "-h").command is not None
    assert parsed("--version").flag("version")


def test_every_command_has_words_in_both_languages_and_an_example_that_parses() -> None:
    import shlex

    for group in GROUPS:
        for command in commandline.commands(group):
            assert command.ja
            assert command.en
            assert command.ja.count("\n") == command.en.count("\n")
            assert command.examples
            for option in command.options:
                assert option.ja
                assert option.en
            for example in command.examples:
                assert example.ja
                assert example.en
                assert len(example.declared) <= 80 - len("  zaiond-ctl ")  # of a terminal
                words = shlex.split(example.declared.rpartition("zaiond-ctl ")[2])
                line = parsed(*words)
                assert line.command is command


@pytest.mark.parametrize(
    ("argv", "usage"),
    [
        (("web", "password"), "zaiond-ctl web password --help"),
        (("web", "frob"), "zaiond-ctl web --help"),
        (("queue",), "zaiond-ctl queue --help"),
        (("--frob",), "zaiond-ctl --help"),
    ],
)
def test_a_wrong_command_line_names_the_help_of_its_command(
    argv: tuple[str, ...], usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*argv]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f": {usage}")


def test_the_help_of_a_command_lists_those_that_begin_with_its_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["web", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in ("web password NAME", "web token NAME"))
    assert run(["web", "list", "--help"]) == 0
    assert "web token NAME" not in capsys.readouterr().out
