"""The journal: one line each, whatever was in it."""

import logging
import re
from pathlib import Path

import pytest

from tests.support.waiting import turns
from zaiond.journal import Journal, Kind
from zaiond.text import Text


@pytest.fixture
def journal(caplog: pytest.LogCaptureFixture) -> Journal:
    journal = Journal()
    logger = logging.getLogger("zaiond")
    logger.handlers = [caplog.handler]
    return journal


def test_lines_are_in_the_language_in_force(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.info(Text("日本語", "English"))
    journal.language = "en"
    journal.info(Text("日本語", "English"))
    assert caplog.messages == ["日本語", "English"]


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
    journal: Journal, caplog: pytest.LogCaptureFixture, said: str
) -> None:
    journal.error(Text(f"x {said}", f"x {said}"))
    (line,) = caplog.messages
    assert line.isprintable()


def test_a_percent_sign_is_just_that(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    journal.warning(Text("100%s %d", "100%s %d"))
    assert caplog.messages == ["100%s %d"]


def test_what_kind_of_line_it_is_is_its_message_id(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.warning(Text("x", "x"), Kind.DISK_FULL)
    assert vars(caplog.records[0])["MESSAGE_ID"] == Kind.DISK_FULL.value


@pytest.mark.parametrize("page", ["zaiond.8", "zaiond.ja.8"])
def test_the_man_page_lists_every_message_id(page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    assert re.findall(r"MESSAGE_ID=([0-9a-f]{32})", text) == [kind.value for kind in Kind]


def test_fields_are_for_machines(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    journal.warning(Text("x", "x"), uid=1000)
    assert vars(caplog.records[0])["ZAIOND_UID"] == 1000


async def test_what_others_cause_is_a_line_a_second_each_and_the_next_tells_how_many_were_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    journal = Journal(lambda: now)
    journal.language = "en"
    logging.getLogger("zaiond").handlers = [caplog.handler]
    written = [journal.warning(Text("x", f"of {uid}"), by=uid) for uid in (1, 1, 1, 2)]
    now = 1.0
    journal.warning(Text("x", "of 1"), by=1)
    assert written == [True, False, False, True]
    assert caplog.messages == ["of 1", "of 2", "of 1 (and 2 more)"]


def test_what_nobody_else_causes_is_always_written(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    assert all(journal.error(Text("x", "x")) for _ in range(100))
    assert len(caplog.messages) == 100


async def test_what_was_left_out_is_told_where_no_other_line_follows(
    journal: Journal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zaiond.journal.LEFT_OUT_INTERVAL", 0.0)
    journal.language = "en"
    for _ in range(1000):
        journal.warning(Text("x", "x"), by=1)
    await turns(5)
    assert caplog.messages == [
        "x", "999 lines were left out, as there were too many of one cause"
    ]  # fmt: skip
    journal.tell_left_out()
    assert len(caplog.messages) == 2
