"""Floods, kills, reloads, a mail server in many moods and a full disk, all at once: what was
acknowledged arrives, and nothing is left of the storm.

How long: ZAIOND_SOAK_SECONDS in the environment; what happens when: ZAIOND_SOAK_SEED.
"""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.harness import LostError
from tests.soak.storm import Storm

SECONDS = float(os.environ.get("ZAIOND_SOAK_SECONDS", "60"))
SEED = int(os.environ.get("ZAIOND_SOAK_SEED", "0")) or random.SystemRandom().getrandbits(32)


@pytest.fixture
def directory() -> Iterator[Path]:
    """An empty one that other users may enter."""
    path = Path(tempfile.mkdtemp(prefix="zaiond-soak-", dir="/var/tmp"))
    yield path
    shutil.rmtree(path)


def test_whatever_happens_at_once_what_was_acknowledged_arrives(directory: Path) -> None:
    print(f"ZAIOND_SOAK_SEED={SEED}")
    with Storm(directory, SECONDS, SEED) as storm:
        outcome = storm.run()
    print(outcome.told())
    assert outcome.acknowledged
    outcome.check()


def test_an_acknowledgement_before_the_commit_is_found_out(directory: Path) -> None:
    # A control: an account that can't show a loss proves nothing.
    fault, point = "acknowledge-before-the-commit", "before-commit-of-accept"
    with Storm(directory, 8, SEED, fault, point, deaths=3) as storm:
        outcome = storm.run()
    with pytest.raises(LostError):
        outcome.check()
