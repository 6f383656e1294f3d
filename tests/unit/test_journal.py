"""The journal: one line each, whatever was in it."""

import io
import json
import re
from pathlib import Path

import pytest

from tests.support.waiting import turns
from zaiond.journal import Journal, Kind, to_json, to_terminal
from zaiond.text import Text


class Terminal(io.StringIO):
    """What a person sees, a line each."""

    @property
    def lines(self) -> list[str]:
        return [line.removeprefix("zaiond: ") for line in self.getvalue().split("\n")[:-1]]


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def journal(terminal: Terminal) -> Journal:
    return Journal(to_terminal(terminal), lambda: 0.0)


def test_lines_are_in_the_language_in_force(journal: Journal, terminal: Terminal) -> None:
    journal.info(Text("日本語", "English"))
    journal.language = "en"
    journal.info(Text("日本語", "English"))
    assert terminal.lines == ["日本語", "English"]


@pytest.mark.parametrize(
    "said",
    [
        "a\nzaiond: forged",
        "a\r",
        "\x1b[2J",
        "\x9b2J",
        "\u202eabc",
        "a\u2028b",
        "\x00",
        "\x7f",
        "\udce7",
        "a\U000e0041b",
    ],
)
def test_nothing_makes_a_line_of_its_own_or_moves_a_terminal(
    journal: Journal, terminal: Terminal, said: str
) -> None:
    journal.error(Text(f"x {said}", f"x {said}"))
    (line,) = terminal.lines
    assert line.isprintable()


def test_a_percent_sign_is_just_that(journal: Journal, terminal: Terminal) -> None:
    journal.warning(Text("100%s %d", "100%s %d"))
    assert terminal.lines == ["100%s %d"]


def test_json_has_the_kind_of_line_and_its_fields_for_machines(terminal: Terminal) -> None:
    journal = Journal(to_json(terminal))
    journal.warning(Text("満杯\n", "full"), Kind.DISK_FULL, uid=1000, event="E")
    line = json.loads(terminal.getvalue())
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "level": "warning", "message": "満杯\\x0a", "message_id": Kind.DISK_FULL.value,
        "uid": 1000, "event": "E",
    }  # fmt: skip
    assert terminal.getvalue().count("\n") == 1


def test_an_error_of_our_own_brings_its_traceback(journal: Journal, terminal: Terminal) -> None:
    try:
        raise ValueError("\x1b[2J")
    except ValueError as error:
        journal.error(Text("x", "x"), error=error)
    first, *_, last = terminal.lines
    assert (first, last) == ("x", "ValueError: \\x1b[2J")


def test_a_line_that_can_not_be_written_is_no_error() -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    Journal(to_terminal(Full())).error(Text("x", "x"))


@pytest.mark.parametrize("page", ["zaiond.8", "zaiond.ja.8"])
def test_the_man_page_lists_every_message_id(page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    assert re.findall(r"MESSAGE_ID=([0-9a-f]{32})", text) == [kind.value for kind in Kind]


async def test_what_others_cause_is_a_line_a_second_each_and_the_next_tells_how_many_were_left_out(
    terminal: Terminal,
) -> None:
    now = 0.0
    journal = Journal(to_terminal(terminal), lambda: now)
    journal.language = "en"
    for uid in (1, 1, 1, 2):
        journal.warning(Text("x", f"of {uid}"), by=uid)
    assert terminal.lines == ["of 1", "of 2"]
    now = 1.0
    journal.warning(Text("x", "of 1"), by=1)
    assert terminal.lines == ["of 1", "of 2", "of 1 (and 2 more)"]


def test_what_nobody_else_causes_is_always_written(journal: Journal, terminal: Terminal) -> None:
    for _ in range(100):
        journal.error(Text("x", "x"))
    assert len(terminal.lines) == 100


async def test_what_was_left_out_is_told_where_no_other_line_follows(
    journal: Journal, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zaiond.journal.LEFT_OUT_INTERVAL", 0.0)
    journal.language = "en"
    for _ in range(1000):
        journal.warning(Text("x", "x"), by=1)
    await turns(5)
    assert terminal.lines == [
        "x", "999 lines were left out, as there were too many of one cause"
    ]  # fmt: skip
    journal.tell_left_out()
    assert len(terminal.lines) == 2
