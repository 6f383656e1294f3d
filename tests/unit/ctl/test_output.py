"""What reaches the terminal: safe, aligned, in the right language."""

import io
import json
import sys
from pathlib import Path

import pytest

from zaiond.ctl import output
from zaiond.ctl.commandline import Line, parse


def line(*argv: str) -> Line:
    parsed = Line()
    parse(argv, parsed)
    return parsed


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "ZAIOND_CONFIG"):
        monkeypatch.delenv(name, raising=False)


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
    assert output.printable(text) == shown


def test_a_json_document_holds_no_terminal_escapes_and_means_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    value = {"a": "\x1b\x9b\x7f\u202e日本\n\udcff"}
    output.document(value)
    text = capsys.readouterr().out
    assert json.loads(text) == value
    assert "日本" in text
    assert output.printable(text) == text


def test_columns_are_aligned_as_wide_signs_need() -> None:
    lines = output.table([["宛先", "x"], ["a@b", "\x1b\ny"], ["ｱ\u3099", ""]])
    assert lines == ["宛先  x", "a@b   \\x1b\\ny", "ｱ\u3099"]


def test_times_are_local_with_their_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert output.when("2013-05-25T00:00:00.5Z") == "2013-05-25 09:00:00 +0900"
        assert output.when(1369440000.0) == "2013-05-25 09:00:00 +0900"
        assert output.when(None) == "-"
        assert output.when("soon") == "soon"
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
    assert output.language(line("--config", str(tmp_path / "zaiond.yaml"), "status")) == "en"


def test_a_file_to_be_tried_names_the_language(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text("language: en\n")
    (tmp_path / "zaiond.yaml").write_text("language: ja\n")
    argv = ("--config", str(tmp_path / "zaiond.yaml"), "test")
    assert output.language(line(*argv)) == "ja"
    assert output.language(line(*argv, "--file", str(tmp_path / "new.yaml"))) == "en"
