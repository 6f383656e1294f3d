"""What several commands take as an argument."""

import pytest

from zaiond.ctl.arguments import number


@pytest.mark.parametrize("text", ["1", "007", "10000"])
def test_a_number_in_the_range_is_read(text: str) -> None:
    assert number(text, 1, 10_000) == int(text)


@pytest.mark.parametrize("text", ["", "0", "10001", "-1", "+1", " 1", "1.0", "１", "x", "9" * 5000])
def test_what_is_no_number_in_the_range_is_none(text: str) -> None:
    assert number(text, 1, 10_000) is None
