"""Which hub works: the lease, judged by each hub's own clock."""

from zaiond.fleet.lease import AGAIN, HOLDS, LOOK, OVER, RENEW, Found, Lease


def test_who_finds_no_lease_takes_it_at_once() -> None:
    lease = Lease("hub1", 100.0)
    assert lease.step(100.0) == "look"
    lease.saw(None, 100.0)
    assert (lease.step(100.0), lease.next_at, lease.revision) == ("take", 100.0, 0)
    assert not lease.holds(100.0)
    lease.wrote(7, 100.0)
    assert lease.holds(100.0)
    assert (lease.epoch, lease.revision, lease.next_at) == (7, 7, 100.0 + RENEW)


def test_a_lease_that_another_hub_renews_is_never_taken() -> None:
    lease = Lease("hub2", 0.0)
    for revision in range(1, 100):
        now = revision * RENEW
        lease.saw(Found("hub1", revision), now)
        assert lease.step(now + RENEW) == "look"
    assert lease.holder == "hub1"


def test_a_lease_that_nobody_renewed_is_over_by_the_watcher_s_own_clock() -> None:
    lease = Lease("hub2", 1000.0)
    lease.saw(Found("hub1", 5), 1000.0)
    assert lease.next_at == 1000.0 + LOOK
    lease.saw(Found("hub1", 5), 1000.0 + OVER - 0.1)
    assert lease.step(1000.0 + OVER - 0.1) == "look"
    lease.saw(Found("hub1", 5), 1000.0 + OVER)
    assert lease.step(1000.0 + OVER) == "take"
    assert lease.revision == 5  # only if nobody has renewed it meanwhile


def test_who_was_refused_looks_again_before_he_takes_anything() -> None:
    lease = Lease("hub2", 0.0)
    lease.saw(Found("hub1", 5), 0.0)
    assert lease.step(OVER) == "take"
    lease.lost(OVER)
    assert lease.step(OVER) == "look"
    lease.saw(Found("hub1", 6), OVER)
    assert lease.step(OVER) == "look"


def test_who_could_not_renew_stops_before_the_lease_is_over_for_the_others() -> None:
    lease = Lease("hub1", 0.0)
    lease.saw(None, 0.0)
    lease.wrote(1, 0.0)
    lease.wrote(2, RENEW)
    assert (lease.epoch, lease.revision) == (1, 2)
    lease.unanswered(2 * RENEW)
    assert lease.next_at == 2 * RENEW + AGAIN
    assert lease.holds(RENEW + HOLDS - 0.1)
    assert not lease.holds(RENEW + HOLDS)
    assert lease.step(RENEW + HOLDS) == "look"
    assert lease.epoch == 0


def test_a_renewal_counts_from_before_it_was_sent() -> None:
    lease = Lease("hub1", 0.0)
    lease.saw(None, 0.0)
    lease.wrote(1, 0.0)  # however late the answer came
    assert not lease.holds(HOLDS)


def test_a_hub_that_starts_again_takes_its_own_lease_at_once() -> None:
    lease = Lease("hub1", 50.0)
    lease.saw(Found("hub1", 9), 50.0)
    assert (lease.step(50.0), lease.revision) == ("take", 9)


def test_what_was_written_without_an_answer_is_taken_back_at_once() -> None:
    lease = Lease("hub1", 0.0)
    lease.saw(None, 0.0)
    assert lease.run_now("r1") == "r1"
    lease.wrote(1, 0.0)
    lease.lost(6.0)  # the next renewal finds a revision that was not expected
    lease.saw(Found("hub1", 2, "r1"), 6.0)
    assert lease.step(6.0) == "take"
    lease.lost(7.0)
    lease.saw(Found("hub1", 3, "r2"), 7.0)  # but another run under the same name is another hub
    assert lease.step(7.0) == "look"


def test_a_run_goes_on_over_stops_and_starts_while_no_other_hub_has_worked() -> None:
    lease = Lease("hub1", 0.0, "r1")
    for stands in (Found("hub1", 3, "r1"), Found("", 4, "r1")):  # killed; in order
        lease.saw(stands, 0.0)
        assert lease.run_now("r2") == "r1"
    lease.wrote(5, 0.0)
    lease.lost(20.0)
    lease.saw(Found("hub1", 5, "r1"), 20.0)
    assert lease.run_now("r2") == "r1"


def test_another_run_begins_where_another_hub_has_worked_though_it_is_gone() -> None:
    for stands in (Found("hub2", 4, "r9"), Found("", 5, "r9"), None):
        lease = Lease("hub1", 0.0, "r1")
        lease.saw(stands, 0.0)
        assert lease.run_now("r2") == "r2"


def test_a_run_of_which_nobody_knows_whether_it_was_written_stays_the_same() -> None:
    lease = Lease("hub1", 0.0, "r1")
    lease.saw(Found("", 5, "r9"), 0.0)
    assert lease.run_now("r2") == "r2"
    lease.unanswered(5.0)
    assert lease.run_now("r3") == "r2"
    lease.lost(5.5)  # the second try found what the first had written
    lease.saw(Found("hub1", 6, "r2"), 6.0)  # it was
    assert (lease.step(6.0), lease.run_now("r3")) == ("take", "r2")


def test_a_lease_that_was_given_up_is_free() -> None:
    lease = Lease("hub2", 0.0)
    lease.saw(Found("hub1", 3), 0.0)
    lease.saw(Found("", 4), 2.0)
    assert (lease.step(2.0), lease.revision) == ("take", 4)


def test_nobody_takes_what_he_has_never_seen() -> None:
    lease = Lease("hub1", 0.0)
    for second in range(60):
        lease.unanswered(float(second))
        assert lease.step(float(second)) == "look"


def test_a_lease_that_can_not_be_written_for_want_of_room_is_held_while_it_stands_as_it_was() -> (
    None
):
    lease = Lease("hub1", 0.0)
    lease.saw(Found("hub2", 7), 0.0)
    lease.unwritten(OVER)
    assert lease.holds(OVER)
    assert (lease.epoch, lease.revision) == (7, 7)
    lease.wrote(8, OVER + RENEW)
    assert (lease.epoch, lease.revision) == (7, 8)
    assert not lease.holds(OVER + RENEW + HOLDS)
