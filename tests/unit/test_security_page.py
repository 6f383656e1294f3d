"""docs/security.md has every requirement of OWASP ASVS 5.0, levels 1 and 2, in both languages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# How many requirements of levels 1 and 2 a section has, which are its first ones.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5,
    "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2,
    "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11,
    "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1,
    "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5,
    "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
_ONE = r"\d{1,2}\.\d\.\d{1,2}"
_UNMET = r"\*\*(not met|未対応)\*\*"
ALL = [
    (*map(int, section.split(".")), number)
    for section, count in SECTIONS.items()
    for number in range(1, count + 1)
]


@pytest.mark.parametrize("page", ["docs/security.md", "docs/security.ja.md"])
def test_every_requirement_of_level_2_has_its_answer(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    told = set[tuple[int, ...]]()
    for first, last in re.findall(rf"({_ONE})(?:-({_ONE}))?", text):
        begin, end = (tuple(map(int, one.split("."))) for one in (first, last or first))
        assert begin <= end, (first, last)
        told |= {one for one in ALL if begin <= one <= end}
    assert [one for one in ALL if one not in told] == []


def test_both_languages_say_the_same_of_the_same() -> None:
    found = []
    for page in ("docs/security.md", "docs/security.ja.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        rows = [line for line in text.splitlines() if line.startswith("| ")]
        found.append(
            [
                (re.findall(_ONE, row.split("|")[1]), bool(re.search(_UNMET, row, re.IGNORECASE)))
                for row in rows
            ]
        )
    assert found[0] == found[1]
