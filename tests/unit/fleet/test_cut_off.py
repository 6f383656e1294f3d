"""When a member mails by itself, and when it hands on again."""

from hypothesis import given
from hypothesis import strategies as st

from zaiond.fleet.cut_off import CutOff, Heard

LIMIT = 600.0


def cut_at(kind: str) -> CutOff:
    """One that has been cut off for this, at 1000."""
    state = CutOff(0.0)
    state.failed(kind)
    assert state.is_due(1000.0, 1000.0, LIMIT)
    assert state.cut()
    return state


def test_it_is_not_due_while_nothing_waits_or_has_waited_for_so_long() -> None:
    state = CutOff(0.0)
    state.failed("unreachable")
    assert not state.is_due(10_000.0, None, LIMIT)
    assert not state.is_due(10_000.0, LIMIT - 1, LIMIT)
    assert state.is_due(10_000.0, LIMIT, LIMIT)


def test_what_has_waited_through_a_stop_is_handed_on_first() -> None:
    state = CutOff(1000.0)
    assert not state.is_due(1000.0 + LIMIT - 1, 50_000.0, LIMIT)
    assert state.is_due(1000.0 + LIMIT, 50_000.0, LIMIT)


def test_what_is_taken_puts_it_off() -> None:
    state = CutOff(0.0)
    assert state.event_taken(500.0) == Heard()
    assert not state.is_due(500.0 + LIMIT - 1, 5000.0, LIMIT)


def test_what_is_too_large_puts_it_off_as_it_says_nothing_of_the_engine() -> None:
    state = CutOff(0.0)
    state.passed_over(500.0)
    assert not state.is_due(500.0 + LIMIT - 1, 5000.0, LIMIT)
    assert state.is_due(500.0 + LIMIT, 5000.0, LIMIT)
    cut = cut_at("full")
    cut.passed_over(2000.0)
    assert not cut.hands_on


def test_a_connection_that_is_there_again_was_all() -> None:
    state = cut_at("unreachable")
    assert state.word_taken(2000.0) == Heard(hands_on=True, over=True)
    assert state.mode == "handing_on"
    assert not state.is_due(2000.0 + LIMIT - 1, 5000.0, LIMIT)


def test_what_jetstream_refused_only_an_event_shows_to_be_over() -> None:
    state = cut_at("full")
    assert state.word_taken(2000.0) == Heard(hands_on=True)
    assert state.word_taken(2030.0) == Heard()
    assert state.event_taken(2040.0) == Heard(over=True)
    assert state.mode == "handing_on"


def test_a_refusal_on_trial_is_by_itself_again_and_no_news() -> None:
    state = cut_at("full")
    state.word_taken(2000.0)
    state.failed("full")
    assert state.is_due(2001.0, 0.5, LIMIT)
    assert not state.cut()
    assert state.mode == "by_itself"
    assert not state.is_due(90_000.0, 90_000.0, LIMIT)


def test_who_was_told_before_a_stop_is_told_that_it_is_over() -> None:
    state = CutOff(0.0, told=True)
    assert state.hands_on
    assert state.word_taken(1.0) == Heard(over=True)
    again = CutOff(0.0, told=True)
    again.failed("no_stream")
    assert again.word_taken(1.0) == Heard()
    assert again.event_taken(2.0) == Heard(over=True)


KINDS = st.sampled_from(["unreachable", "lost", "silent", "right", "no_stream", "full", "refused"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("failed"), KINDS),
        st.tuples(st.sampled_from(["word", "event", "look"]), st.just("")),
    )
)


@given(STEPS, st.booleans())
def test_each_time_it_is_told_once_and_that_it_is_over_once(
    steps: list[tuple[str, str]], told: bool
) -> None:
    state, now = CutOff(0.0, told=told), 0.0
    for what, kind in steps:
        now += LIMIT
        was_by_itself = state.mode == "by_itself"
        heard = Heard()
        if what == "failed":
            state.failed(kind)
        elif what == "word":
            heard = state.word_taken(now)
        elif what == "event":
            if not state.hands_on:
                continue
            heard = state.event_taken(now)
        elif state.is_due(now, now, LIMIT) and state.cut():
            assert not told
            told = True
        assert heard.hands_on == (was_by_itself and state.hands_on)
        if heard.over:
            assert told
            told = False
        assert told == (state.mode != "handing_on")
