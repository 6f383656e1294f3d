"""Each transcript goes as it is written."""

from pathlib import Path

import pytest

from tests.support.dialog import TRANSCRIPTS, run


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_session_goes_as_the_transcript_says(transcript: Path) -> None:
    run(transcript)
