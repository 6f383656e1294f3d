"""Charts: what they are made of, what they are called, and that nothing else gets into them."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

import pytest

from zaiond.web import charts, numbers

NOW = datetime(2013, 5, 25, 12, tzinfo=UTC)
HOSTILE = '<script>"&\x1b\u202e'


def rectangles(svg: str) -> list[dict[str, str]]:
    return [dict(one.attrib) for one in ET.fromstring(svg) if one.tag == "rect"]


def test_a_column_is_as_high_as_its_number_and_what_is_there_is_seen() -> None:
    svg = charts.columns(
        "c",
        "t",
        "d",
        [
            charts.Column("a", [("green", 1000), ("red", 0)]),
            charts.Column("", [("green", 500), ("red", 1)]),
            charts.Column("", []),
        ],
    )
    first, second, third = rectangles(svg)
    assert float(first["height"]) == pytest.approx(2 * float(second["height"]))
    assert third["class"] == "fill-red"
    assert float(third["height"]) >= 2
    assert float(third["y"]) + float(third["height"]) == pytest.approx(float(second["y"]))


def test_it_has_a_name_and_a_description_for_who_does_not_see_it_and_no_style() -> None:
    for svg in (
        charts.columns("c", HOSTILE, HOSTILE, [charts.Column(HOSTILE, [("green", 1)])]),
        charts.strip("c", HOSTILE, HOSTILE, [charts.Bar(0.5, ok=True), charts.Bar(1, ok=False)]),
        charts.strip("c", HOSTILE, HOSTILE, []),
    ):
        root = ET.fromstring(svg)
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == "c-title c-description"
        title, description = root[0], root[1]
        assert (title.get("id"), description.get("id")) == ("c-title", "c-description")
        assert title.text == r'<script>"&\x1b\u202e'
        assert "style" not in svg
        assert "<script" not in svg


def test_a_run_that_failed_is_told_by_where_it_is_too() -> None:
    good, bad = rectangles(
        charts.strip("c", "t", "d", [charts.Bar(1.0, ok=True), charts.Bar(1.0, ok=False)])
    )
    assert float(good["y"]) + float(good["height"]) == pytest.approx(float(bad["y"]))


@pytest.mark.parametrize(
    ("most", "end"), [(0, 1), (1, 1), (3, 4), (6, 10), (11, 20), (50, 50), (51, 100), (999, 1000)]
)
def test_an_axis_ends_at_a_round_number(most: int, end: int) -> None:
    assert charts.axis_end(most) == end


def hours(*of: dict[str, int]) -> dict[str, Any]:
    listed = [
        {"start": f"2013-05-25T{place:02}:00:00Z", "deliveries": one}
        for place, one in enumerate(of)
    ]
    return {"hours": listed, "truncated": False}


def test_the_numbers_stand_beside_the_chart_and_are_the_same() -> None:
    found = numbers.mails_by_hour(hours({"delivered": 3}, {}, {"failed": 1, "delivered": 2}), "en")
    assert found["states"] == ["delivered", "failed"]
    assert [row for _, row in found["rows"]] == [[3, 0], [0, 0], [2, 1]]
    legend = [(colour, text.en) for colour, text in found["legend"]]
    assert legend == [("green", "5 delivered"), ("red", "1 failed")]
    assert "5 delivered, 1 failed" in found["svg"]
    found = numbers.mails_by_hour(hours({"delivered": 3}), "ja")
    assert "送信済み 3 件" in found["svg"]


def test_a_day_without_mails_has_no_rows() -> None:
    assert numbers.mails_by_hour(hours({}, {}), "en")["rows"] == []


def test_the_runs_of_a_job_are_in_words_too_the_newest_first() -> None:
    runs: list[dict[str, Any]] = [
        {"ended": "2013-05-25T09:00:00Z", "seconds": 12.4, "ok": True},
        {"ended": "2013-05-25T10:00:00Z", "seconds": None, "ok": False},
    ]
    found = numbers.last_runs("r", HOSTILE, runs, "en", NOW)
    assert found["counted"].en == "of the last 2, 1 failed"
    newest, oldest = found["runs"]
    assert newest.en.endswith("failed")
    assert oldest.en.endswith("ok (12 s)")
    assert "<script" not in found["svg"]
