"""The transcripts of SMTP and POP, with the server's bytes in any pieces."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.dialog import TRANSCRIPTS, Cut, run
from tests.support.pop_dialog import POP_TRANSCRIPTS, run_pop

Run = Callable[[Path, Cut], None]

each_transcript = pytest.mark.parametrize(
    ("play", "transcript"),
    [
        pytest.param(play, each, id=f"{each.parent.name}-{each.stem}")
        for play, every in ((run, TRANSCRIPTS), (run_pop, POP_TRANSCRIPTS))
        for each in every
    ],
)


@each_transcript
@settings(max_examples=settings().max_examples // 3)  # there are more than a hundred of them
@given(data=st.data())
def test_any_split_of_the_servers_bytes_gives_the_same_events(
    play: Run, transcript: Path, data: st.DataObject
) -> None:
    def cut(said: bytes) -> list[bytes]:
        places = sorted(data.draw(st.sets(st.integers(1, max(1, len(said) - 1)))))
        return [said[a:b] for a, b in zip([0, *places], [*places, len(said)], strict=True)]

    play(transcript, cut)


@each_transcript
def test_bytes_one_by_one_give_the_same_events(play: Run, transcript: Path) -> None:
    play(transcript, lambda said: [said[i : i + 1] for i in range(len(said))])
