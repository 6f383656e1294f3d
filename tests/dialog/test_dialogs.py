"""Each transcript goes as it is written."""

from pathlib import Path

import pytest

from tests.support.dialog import TRANSCRIPTS, run
from tests.support.pop_dialog import POP_TRANSCRIPTS, run_pop


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_session_goes_as_the_transcript_says(transcript: Path) -> None:
    run(transcript)


@pytest.mark.parametrize("transcript", POP_TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_login_by_pop_goes_as_the_transcript_says(transcript: Path) -> None:
    run_pop(transcript)
