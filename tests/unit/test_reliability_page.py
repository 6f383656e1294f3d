"""The page of promises names constants and tests: those that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("docs/reliability.md", "docs/reliability.ja.md")


def bounds(page: str) -> list[tuple[str, str]]:
    """Where each bound is kept, and by which tests it is seen: the last two cells of a row."""
    text = (ROOT / page).read_text(encoding="utf-8")
    table = text.rpartition("\n## ")[2]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    return [(row[2], row[3]) for row in rows if len(row) == 4 and "`" in row[2]]


@pytest.mark.parametrize("page", PAGES)
def test_every_bound_is_where_the_page_says_and_is_seen_by_a_test(page: str) -> None:
    named = 0
    for where, seen in bounds(page):
        path = None
        for word in re.findall(r"`([^`]+)`", where):
            if "/" in word or word.endswith(".py"):
                path = ROOT / ("" if word.startswith("systemd/") else "zaiond") / word
                assert path.exists(), word
            else:
                assert path is not None
                prefix = word.removesuffix("…")
                assert re.search(
                    rf"^(\w+, )?{re.escape(prefix)}\w*(, \w+)* =", path.read_text(), re.M
                ), word
            named += 1
        for word in re.findall(r"`([^`]+)`", seen):
            assert (ROOT / "tests" / word).exists(), word
    assert named > 30


def test_both_languages_tell_of_the_same_bounds() -> None:
    english, japanese = (
        [re.findall(r"`([^`]+)`", where + seen) for where, seen in bounds(page)] for page in PAGES
    )
    assert english == japanese
