"""Whatever is laid out for a terminal's width: it fits, and no word of it is cut or lost."""

import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from zaiond.ctl import terminal

ASCII = st.text("abcXYZ09.:@/-_<>", min_size=1, max_size=30)
JAPANESE = st.text(
    "日本語漢字送信待カタナーｱをにはがきでっ、。（）「」！：", min_size=1, max_size=30
)
ODD = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
TEXTS = st.lists(st.one_of(ASCII, JAPANESE, ODD), max_size=12).map(" ".join)
PHRASES = st.lists(
    st.sampled_from(["日本語", "カタ゚カ", "です。", "（注）", "「はい」、", "x", "を"])
)
WIDTHS = st.integers(20, 130)


_, _TERMINAL = pty.openpty()


@contextmanager
def at(columns: int) -> Iterator[None]:
    """A terminal of so many columns is standard output."""
    variables = {"COLUMNS": str(columns), "NO_COLOR": "1"}
    with (
        open(_TERMINAL, "w", closefd=False) as stream,
        patch.dict(os.environ, variables),
        patch("sys.stdout", stream),
    ):
        yield


def squeezed(*texts: str) -> str:
    return "".join("".join(texts).split())


@given(TEXTS, st.integers(20, 40), st.sampled_from([0, 2, 14]), st.sampled_from([0, 4, 14]))
def test_a_text_fits_and_loses_nothing(text: str, columns: int, indent: int, hang: int) -> None:
    with at(columns):
        lines = terminal.wrapped(text, " " * indent, " " * hang)
    shown = terminal.one_line(text)
    assert squeezed(*lines) == squeezed(shown)
    for number, line in enumerate(lines):
        # Only a word that alone is longer stands out.
        assert terminal.width(line) <= columns or terminal.width(line.strip(" ")) > columns - hang
        assert number == 0 or line[hang] != " "
    for word in shown.split():
        if word.isascii():
            assert any(word in line for line in lines), f"{word} is cut"


@given(PHRASES.map("".join), WIDTHS)
def test_no_line_begins_with_a_closing_sign_or_ends_with_an_opening_one(
    text: str, columns: int
) -> None:
    with at(columns):
        lines = terminal.wrapped(text)
    for before, after in pairwise(lines):
        assert before[-1] not in "（「"
        assert after[0] not in "、。）」\u309a"


CELLS = st.text("a日ｱ\u3099b", max_size=12)  # a longer one may stand out of its column


@given(st.lists(st.tuples(CELLS, CELLS, TEXTS), min_size=1, max_size=8), WIDTHS)
def test_the_columns_of_a_table_begin_below_each_other_and_its_lines_fit(
    rows: list[tuple[str, str, str]], columns: int
) -> None:
    rows = [(f"|{first}", f"|{second}", third) for first, second, third in rows]
    with at(columns):
        lines = terminal.table(rows, "  ")
    beginnings = [line for line in lines if line.startswith("  |")]
    assert len(beginnings) == len(rows)
    assert len({terminal.width(line[: line.index("|", 3)]) for line in beginnings}) == 1
    for line in lines:
        if terminal.width(line) > columns:
            # The first columns are as wide as they are, and no word is cut.
            assert line.startswith("  |") or " " not in line.strip(" ")
    assert squeezed(*lines) == squeezed(*(terminal.one_line(cell) for row in rows for cell in row))
