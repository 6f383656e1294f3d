"""What is made of the store and the daemon's parts for zaiond-ctl."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from zaiond.daemon import commands
from zaiond.delivery.queue_admin import Changed


def test_what_was_left_alone_is_not_told_as_changed() -> None:
    before = [{"event_ids": ["a"]}, {"event_ids": ["b", "c"]}, {"event_ids": ["d"]}]
    told = commands._changed(before, Changed(1, in_flight=("b", "d")))
    assert told["deliveries"] == [{"event_ids": ["a"]}]
    assert told["under_way"] == ["b", "d"]
    assert commands._changed(before, Changed(3))["deliveries"] == before


async def document(ones: list[dict[str, Any] | None], more: bytes = b"") -> Any:
    async def made() -> AsyncGenerator[dict[str, Any] | None, None]:
        for one in ones:
            yield one

    return json.loads(b"".join([piece async for piece in commands._pieces("list", made(), more)]))


async def test_a_reply_that_would_be_too_long_says_that_there_is_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ones: list[dict[str, Any] | None] = [None, {"a": "x" * 40}, None, {"a": "y" * 40}, {"a": "z"}]
    assert await document(ones, b',"total":3') == {"list": [*filter(None, ones)], "total": 3}
    monkeypatch.setattr(commands, "REPLY_BYTES", 70)
    assert await document(ones, b',"total":3') == {
        "list": [{"a": "x" * 40}],
        "total": 3,
        "truncated": True,
    }
