"""How the process runs what may hang."""

import asyncio
import threading

import pytest

from zaiond.daemon import main


def test_each_call_has_a_thread_that_ends_and_many_that_hang_have_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = threading.active_count()
    monkeypatch.setattr(main, "MOST_THREADS", before + 3)
    go_on = threading.Event()

    async def hang() -> tuple[int, list[bool]]:
        calls = [asyncio.create_task(asyncio.to_thread(go_on.wait, 20)) for _ in range(50)]
        await asyncio.sleep(0)
        most = threading.active_count()
        go_on.set()
        return most, await asyncio.gather(*calls)

    with asyncio.Runner(loop_factory=main._event_loop) as runner:
        most, done = runner.run(hang())
    assert done == [True] * 50
    assert before < most <= before + 5
    assert threading.active_count() <= before


def test_what_a_call_raises_is_raised_where_it_is_waited_for() -> None:
    async def fail() -> None:
        await asyncio.to_thread(int, "x")

    with (
        asyncio.Runner(loop_factory=main._event_loop) as runner,
        pytest.raises(ValueError, match="invalid literal"),
    ):
        runner.run(fail())
