"""How long a body may take to come."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from zaiond.web import context
from zaiond.web.context import TooMuch, received


def read(pieces: Sequence[bytes], pause: float) -> bytes:
    """What comes of a body whose pieces come with this pause before each, in seconds."""
    left = list(pieces)

    async def receive() -> Message:
        await asyncio.sleep(pause)  # as a slow client
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def all_of_it() -> bytes:
        request = Request({"type": "http"}, receive)
        return b"".join([piece async for piece in received(request, 100_000)])

    return asyncio.run(all_of_it())


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(context, "SLOWEST", 1000)


def test_a_long_body_has_the_longer_the_more_has_come() -> None:
    assert len(read([b"x" * 1000] * 5, 0.1)) == 5000


def test_who_sends_hardly_anything_has_no_more_time() -> None:
    with pytest.raises(TimeoutError):
        read([b"x"] * 5, 0.1)


def test_a_body_has_its_bound_however_fast_it_comes() -> None:
    with pytest.raises(TooMuch):
        read([b"x" * 60_000] * 2, 0)
