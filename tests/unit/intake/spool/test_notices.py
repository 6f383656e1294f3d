"""What the admins are told of files in the spool that can't be taken."""

import asyncio

import pytest

from tests.support.told import Told
from zaiond.daemon import reports
from zaiond.text import Text

REFUSED = Text("1 行目: だめ", "line 1: no")


async def test_a_refused_file_is_told_of_with_the_text_of_the_line(told: Told) -> None:
    path = "/var/spool/zaiond/.refused/x y.json"
    await told.tell(told.reports.spool_refused, path, 0, REFUSED, '{"type":"a b"}')
    (one,) = told.events
    assert (one["type"], one["severity"]) == ("zaiond.spool.refused", "err")
    for word in (path, "User: root", "line 1: no", '{"type":"a b"}', "zaiond-ctl emit"):
        assert word in one["message"]
    assert "(1 file)" in one["subject"]


async def test_the_same_file_is_told_of_once_across_a_restart(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "SPOOL_INTERVAL", 0.0)
    for _ in range(2):
        await told.tell(told.reports.spool_refused, "/s/a.json", 4711, REFUSED, "", language="ja")
    (one,) = told.events
    assert "uid 4711" in one["message"]


async def test_many_refused_files_are_one_notice_an_interval_that_says_how_many(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "SPOOL_INTERVAL", 0.05)
    begun = asyncio.get_running_loop().time()
    await told.tell(told.reports.spool_refused, "/s/0.json", 0, REFUSED, "{" * 2000)

    def refuse_many() -> None:
        for number in range(1, 100):
            told.reports.spool_refused(f"/s/{number}.json", 0, REFUSED, "{" * 2000)

    await told.tell(refuse_many)
    assert asyncio.get_running_loop().time() - begun >= 0.05
    first, second = told.events
    assert "(1 file)" in first["subject"]
    assert "(99 files)" in second["subject"]
    assert "And 79 more." in second["message"]
    assert len(second["message"]) < 60_000


async def test_a_name_of_any_bytes_can_be_told_of(told: Told) -> None:
    name = "/s/\udcff\n財.json"
    await told.tell(told.reports.spool_refused, name, 0, REFUSED, "\x1b[31m", language="ja")
    ((accepted,),) = [each.events for each in told.accepted]
    assert accepted.id.isprintable()
    assert told.events[0]["message"].startswith("ファイル: /s/\\udcff 財.json\n")
