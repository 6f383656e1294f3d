"""What all hubs must know: from one hub's memory to the bucket, and to the next hub's."""

from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from zaiond.fleet.machines import Machines
from zaiond.fleet.shared import Shared
from zaiond.routing.records import JobState, Problem, Sent, Silence, Told
from zaiond.routing.state import State
from zaiond.users import NO_UID


class Hub:
    """A hub's memory, with what it shares."""

    def __init__(self, *machines: str) -> None:
        self.state = State((), count(1).__next__)
        self.machines = Machines({})
        for one in machines:
            self.machines.number(one)
        self.shared = Shared(self.state, self.machines)
        self.state.on_commit = self.shared.note

    def uid(self, machine: str, uid: int = 1000) -> int:
        found = self.machines.uid(machine, uid, "")
        assert found is not None
        return found

    def opens(self, machine: str, key: str, uid: int | None = None) -> str:
        uid = self.uid(machine) if uid is None else uid
        place = f"{uid} {key}"
        problem = Problem(
            uid=uid, key=key, since=1.0, last=2.0, worst="err", event=77, id="e1",
            told=(Told("r", 3.0),),
        )  # fmt: skip
        self.state.put("problem", place, problem)
        self.state.commit()
        return place


def test_a_problem_is_the_same_machine_s_whatever_numbers_the_hubs_have() -> None:
    one, other = Hub("web1", "web2"), Hub("web2", "web1")
    one.opens("web1", "disk full")
    other.shared.adopt(one.shared.take())
    (place,) = other.state.problems
    found = other.state.problems[place]
    assert place == f"{other.uid('web1')} disk full"
    assert (found.uid, found.key, found.id) == (other.uid("web1"), "disk full", "e1")
    assert found.event == 0  # its row is the other hub's
    assert found.told == (Told("r", 3.0),)


def test_whose_a_problem_is_has_the_same_name_at_the_next_hub() -> None:
    one, other, third = Hub("web1"), Hub("web9", "web1"), Hub()
    assert one.machines.uid("web1", 0, "root") is not None
    one.opens("web1", "of root", uid=one.uid("web1", 0))
    one.opens("web1", "of 1000")
    one.opens("web1", "its own", uid=one.uid("web1", 0) | NO_UID)
    other.shared.adopt(one.shared.take())
    other.shared.keep({})
    third.shared.adopt(other.shared.take())
    for hub in (one, other, third):
        called = {p.key: hub.machines.called(p.uid) for p in hub.state.problems.values()}
        assert called == {"of root": "root@web1", "of 1000": "uid 1000@web1", "its own": "web1"}


def test_jobs_silences_and_limits_go_along_and_what_is_a_hub_s_own_does_not() -> None:
    one, other = Hub(), Hub()
    own = Problem(uid=0, key="own", since=1.0, last=1.0, worst="err")
    one.state.put("problem", "0 own", own)
    one.state.put("job", "nightly", JobState(heard=5.0))
    one.state.put("silence", "s", Silence(due=9.0, id="s", comment="c", by="b", created=1.0))
    one.state.put("sent", "\na@b", Sent(window=60.0, buckets={3: 2}))
    one.state.commit()
    other.state.put("problem", "0 own", own)
    other.state.put("job", "old", JobState())
    other.state.commit()
    other.shared.adopt(one.shared.take())
    assert other.state.jobs == {"nightly": JobState(heard=5.0)}
    assert list(other.state.silences) == ["s"]
    assert other.state.sent == one.state.sent
    assert list(other.state.problems) == ["0 own"]


def test_a_job_s_problem_is_found_by_its_job_and_told_by_its_machine() -> None:
    one, other = Hub("web1"), Hub("web9", "web1")
    problem = Problem(uid=one.uid("web1"), key="", job="j", since=1.0, last=1.0, worst="err")
    one.state.put("problem", "job j", problem)
    one.state.commit()
    other.shared.adopt(one.shared.take())
    assert list(other.state.problems) == ["job j"]
    assert other.state.problems["job j"].uid == other.uid("web1")


def test_what_was_closed_leaves_nothing_behind() -> None:
    one, other = Hub("web1"), Hub()
    place = one.opens("web1", "k")
    before = one.shared.take()
    one.state.put("problem", place, None)
    one.state.commit()
    after = one.shared.take()
    assert after.keys() == before.keys()
    assert set(after.values()) == {b"[]"}
    other.shared.adopt(after)
    assert not other.state.problems


def test_only_what_has_changed_is_written_and_again_if_it_could_not_be() -> None:
    one = Hub("web1")
    one.opens("web1", "k")
    first = one.shared.take()
    assert len(first) == 1
    assert not one.shared.is_changed
    one.shared.note_shards(first)
    assert one.shared.take() == first


def test_a_hub_whose_own_memory_is_newer_puts_right_what_the_bucket_has() -> None:
    one, other = Hub("web1"), Hub("web1")
    closed, _ = one.opens("web1", "closed"), one.opens("web1", "stays")
    bucket = one.shared.take() | {"state.of_a_newer_version.1": b"[]"}
    one.opens("web1", "opened")  # and killed before it is put there
    one.state.put("problem", closed, None)
    one.state.commit()
    one.shared = Shared(one.state, one.machines)
    one.shared.keep(bucket)
    bucket |= (written := one.shared.take())
    other.shared.adopt(bucket)
    assert {problem.key for problem in other.state.problems.values()} == {"stays", "opened"}
    assert len(written) == 2  # and nothing else


def test_a_hub_that_stands_by_forgets_what_another_looks_after_and_keeps_its_own() -> None:
    one = Hub("web1")
    one.opens("web1", "k")
    one.state.put("problem", "0 own", Problem(uid=0, key="own", since=1.0, last=1.0, worst="err"))
    one.state.put("job", "j", JobState())
    one.shared.forget()
    assert list(one.state.problems) == ["0 own"]
    assert not one.state.jobs


def test_a_shard_that_can_not_be_read_costs_itself_alone() -> None:
    one, other = Hub("web1"), Hub()
    one.opens("web1", "k")
    found = one.shared.take() | {"state.job.1": b"no json", "state.new_kind.1": b"[]"}
    assert other.shared.adopt(found) == 1
    assert len(other.state.problems) == 1


KEYS = st.tuples(st.sampled_from(("web1", "web2", "web3")), st.text(max_size=8), st.booleans())


@settings(max_examples=50)
@given(changes=st.lists(KEYS, max_size=30))
def test_a_bucket_that_got_every_change_has_what_the_hub_has(
    changes: list[tuple[str, str, bool]],
) -> None:
    one, other = Hub("web1", "web2", "web3"), Hub("web3")
    bucket: dict[str, bytes] = {}
    for machine, key, stays in changes:
        place = one.opens(machine, key)
        if not stays:
            one.state.put("problem", place, None)
            one.state.commit()
        bucket |= one.shared.take()
    other.shared.adopt(bucket)

    def shown(hub: Hub) -> set[tuple[str | None, int, str]]:
        of = hub.state.problems.values()
        return {(hub.machines.machine_of(p.uid), p.uid & NO_UID, p.key) for p in of}

    assert shown(other) == shown(one)
