"""Machines' names as tokens of subjects, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaiond.fleet import names

_LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
MACHINES = st.lists(_LABEL, min_size=1, max_size=5).map(".".join)


@given(MACHINES)
def test_a_machine_is_known_by_its_subjects(machine: str) -> None:
    assert names.machine(names.token(machine)) == machine
    assert names.machine_of(names.event_subject(machine)) == machine
    assert names.machine_of(names.alive_subject(machine)) == machine
    assert names.token(machine).count(".") == 0


def test_two_machines_have_two_tokens_and_case_makes_none() -> None:
    assert names.token("a.b") != names.token("a-b")
    assert names.token("WEB1.Zaion.JP.") == "web1_zaion_jp"


@pytest.mark.parametrize(
    "machine", ["", "a_b", "a..b", "*", ">", "a b", "-a", "a-", "a.*", "ウェブ", "a\nb", "a" * 254]
)
def test_what_is_no_host_name_is_none_of_the_fleet(machine: str) -> None:
    with pytest.raises(names.UnfitNameError):
        names.token(machine)


@pytest.mark.parametrize(
    "subject",
    ["zaiond.a.other", "zaiond.a.b.event", "zaiond..event", "zaiond.A.event", "x.a.event",
     "zaiond.a.event.", "zaiond.*.event", "zaiond.__.event"],
)  # fmt: skip
def test_another_subject_is_no_machines(subject: str) -> None:
    with pytest.raises(names.UnfitNameError):
        names.machine_of(subject)
