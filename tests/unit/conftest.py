from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.spooled import Spooled
from tests.support.told import Told
from zaiond import wire


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    told = Told(tmp_path / "state")
    yield told
    await told.writer.close()
    told.store.database.closed_cleanly()
    for each in told.accepted:
        for one in each.events:
            wire.parse(one.body)  # or it could not be mailed


@pytest.fixture
async def spooled(tmp_path: Path) -> AsyncIterator[Spooled]:
    spooled = Spooled(tmp_path)
    yield spooled
    await spooled.close()
