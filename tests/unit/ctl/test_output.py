"""What reaches the terminal: safe, aligned, in the right language."""

import fcntl
import io
import json
import os
import pty
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from zaiond.ctl import documents, output, terminal
from zaiond.ctl.commandline import Line, parse


def line(*argv: str) -> Line:
    parsed = Line()
    parse(argv, parsed)
    return parsed


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "ZAIOND_CONFIG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def on_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> Iterator[int]:
    """A terminal of so many columns as standard output; gives its other end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 25, columns, 0, 0))
    with open(theirs, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        yield ours
    os.close(ours)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("日本語 a\nb", "日本語 a\nb"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\rb\tc\x07\x7f", "a\\x0db\\x09c\\x07\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("\u2066x\u2069\u200f\ufeff", "\\u2066x\\u2069\\u200f\\ufeff"),
        ("\udcff", "\\xff"),
    ],
)
def test_nothing_that_a_terminal_obeys_reaches_it(text: str, shown: str) -> None:
    assert terminal.printable(text) == shown


def test_a_json_document_holds_no_terminal_escapes_and_means_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    value = {"a": "\x1b\x9b\x7f\u202e日本\n\udcff"}
    output.document(value)
    text = capsys.readouterr().out
    assert json.loads(text) == value
    assert "日本" in text
    assert terminal.printable(text) == text


def test_columns_are_aligned_as_wide_signs_need() -> None:
    lines = terminal.table([["宛先", "x"], ["a@b", "\x1b\ny"], ["ｱ\u3099", ""]])
    assert lines == ["宛先  x", "a@b   \\x1b\\ny", "ｱ\u3099"]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("a.b", 3),
        ("日本", 4),
        ("ｱ\u3099", 1),
        ("e\u0301", 1),
        ("Ａ。", 4),
        ("a\u200db", 2),
    ],
)
def test_a_sign_is_as_wide_as_a_terminal_shows_it(text: str, columns: int) -> None:
    assert terminal.width(text) == columns


LONG = "送信を待っているメールを、理由ごとに一覧表示する（書き戻すこともできます）"


def test_japanese_is_broken_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with on_terminal(monkeypatch, 24):
        assert terminal.wrapped(LONG, "  ") == [
            "  送信を待っている",
            "  メールを、理由ごとに",
            "  一覧表示する（書き戻す",
            "  こともできます）",
        ]
        assert terminal.wrapped("漢" * 15 + "。", "", "  ") == ["漢" * 12, "  漢漢漢。"]


def test_where_standard_output_is_no_terminal_a_line_is_as_long_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")  # of the terminal that a script was started from
    assert terminal.wrapped(LONG * 9) == [LONG * 9]
    assert terminal.table([["a", LONG * 9]]) == [f"a  {LONG * 9}"]


@pytest.mark.parametrize(
    ("columns", "width"),
    [
        ("", 77),
        ("x", 77),
        ("0", 77),
        ("-1", 77),
        ("８０", 77),
        ("100", 100),
        ("3", 20),
        ("9" * 5000, 77),
    ],
)
def test_columns_that_are_exported_take_the_place_of_the_terminals_own(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with on_terminal(monkeypatch, 77):
        assert terminal.terminal_width() == width


def test_the_last_column_goes_on_below_itself_or_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = " ".join(["word"] * 12)
    with on_terminal(monkeypatch, 80):
        first, second, _ = terminal.table([["x" * 30, words], ["x", "y"]])
        assert first.startswith("x" * 30 + "  word")
        assert second.startswith(" " * 32 + "word")
        first, second, _ = terminal.table([["x" * 40, "y" * 10, words], ["x", "y", "z"]])
        assert first.startswith("x" * 40 + "  " + "y" * 10 + "  word")
        assert second.startswith("    word")
        lines = terminal.table([["x" * 26, "y" * 26, "z", words], ["x", "y", "z", "w"]])
    start = "x" + " " * 27 + "y" + " " * 27 + "z"
    assert lines == ["x" * 26 + "  " + "y" * 26 + "  z", "    " + words, start, "    w"]


def test_a_long_cell_does_not_take_the_last_columns_room_in_all_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = " ".join(["word"] * 12)
    with on_terminal(monkeypatch, 80):
        first, second, *_ = terminal.table([["s" * 22, "i" * 26, words], ["s", "n" * 38, "x"]])
    assert first.startswith("s" * 22 + "  " + "i" * 26 + "  word word")
    assert second.startswith("    word")


def test_where_the_last_column_is_empty_nothing_goes_on_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with on_terminal(monkeypatch, 80):
        lines = terminal.table([["x" * 70, "word " * 5], ["y", ""]])
    assert lines[-1] == "y"


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_a_terminal_has_its_width_and_colours_unless_they_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with on_terminal(monkeypatch, 30) as other_end:
        assert terminal.terminal_width() == 30
        output.show(terminal.table([[terminal.Painted("\x1b[31m", "red"), "x " * 20]]))
        output.flush()
        written = os.read(other_end, 4096).decode()
    assert written.count("\n") == 2
    assert ("\x1b[31m\\x1b[31m\x1b[0m" in written) == coloured
    assert ("\x1b" in written) == coloured


def test_no_terminal_has_no_colours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    output.show(terminal.wrapped(terminal.Painted("held", "red")))
    assert capsys.readouterr().out == "held\n"


NOW = datetime(2026, 11, 29, 10, 0, 0).astimezone()


@pytest.mark.parametrize(
    ("ago", "brief", "soon", "ages"),
    [
        (timedelta(seconds=5), "11-29 09:59", "09:59:55", ("5秒", "5s")),
        (timedelta(minutes=59, seconds=59), "11-29 09:00", "09:00:01", ("59分", "59m")),
        (timedelta(hours=23), "11-28 11:00", "11-28 11:00", ("23時間", "23h")),
        (timedelta(days=30), "10-30 10:00", "10-30 10:00", ("30日", "30d")),
        (timedelta(days=300), "2026-02-02", "02-02 10:00", ("300日", "300d")),
        (timedelta(seconds=-61), "11-29 10:01", "10:01:01", ("0秒", "0s")),
    ],
)
def test_times_of_a_list_are_short(
    ago: timedelta, brief: str, soon: str, ages: tuple[str, str]
) -> None:
    at = (NOW - ago).isoformat()
    assert (documents.brief(at, NOW), documents.soon(at, NOW)) == (brief, soon)
    assert (
        documents.age(at, NOW).in_language("ja"),
        documents.age(at, NOW).in_language("en"),
    ) == ages
    for none in (None, "soon"):
        assert documents.brief(none, NOW) == documents.soon(none, NOW) == "-"
        assert documents.age(none, NOW).ja == "-"


def test_times_are_local_with_their_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert documents.when("2013-05-25T00:00:00.5Z") == "2013-05-25 09:00:00 +0900"
        assert documents.when(None) == "-"
        assert documents.when("soon") == "soon"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_terminal_without_japanese_gets_escapes_instead_of_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    output.say("é日")
    stream.flush()
    assert stream.buffer.getvalue() == b"\\xe9\\u65e5\n"


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "ja"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ja_JP.eucJP"}, "ja"),
        ({"LANG": ""}, "ja"),
    ],
)
def test_without_a_readable_configuration_the_environment_names_the_language(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str
) -> None:
    monkeypatch.setenv("ZAIOND_CONFIG", "/nonexistent/zaiond.yaml")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert output.language(line("status")) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("language: en\n", "en"),
        ("language: 'en'  # English\n", "en"),
        ("sender: x\nlanguage: ja\n", "ja"),
        ("sender: x\n", "ja"),
        ("  language: en\n", "ja"),
        (": broken [\nlanguage: en\n", "en"),
        ("language: english\n", "ja"),
    ],
)
def test_a_configuration_names_the_language_even_if_it_is_broken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, language: str
) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    file = tmp_path / "zaiond.yaml"
    file.write_text(text, encoding="utf-8")
    assert output.language(line("--config", str(file), "status")) == language


def test_a_drop_in_names_the_language_last(tmp_path: Path) -> None:
    (tmp_path / "zaiond.yaml").write_text("language: ja\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.yaml").write_text("language: en\n")
    (tmp_path / "conf.d" / "a.yaml").write_text("language: ja\n")
    (tmp_path / "conf.d" / "c.txt").write_text("language: ja\n")
    (tmp_path / "conf.d" / ".c.yaml").write_text("language: ja\n")  # an editor's: no drop-in
    assert output.language(line("--config", str(tmp_path / "zaiond.yaml"), "status")) == "en"


def test_a_file_to_be_tried_names_the_language(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text("language: en\n")
    (tmp_path / "zaiond.yaml").write_text("language: ja\n")
    argv = ("--config", str(tmp_path / "zaiond.yaml"), "test")
    assert output.language(line(*argv)) == "ja"
    assert output.language(line(*argv, "--file", str(tmp_path / "new.yaml"))) == "en"
