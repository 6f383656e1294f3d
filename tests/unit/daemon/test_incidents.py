"""What was told of servers, and is not over."""

import msgspec

from zaiond.daemon.incidents import SETTLED, Incidents

A, B = "a:25", "b:25"


def test_a_server_that_comes_back_for_a_moment_is_in_the_same_outage() -> None:
    of = Incidents()
    assert of.out_of_use(A, 10.0).since == 10.0
    assert of.in_use(A, 20.0)
    assert not of.in_use(A, 21.0)  # no news
    assert of.out_of_use(A, 20.0 + SETTLED - 1).since == 10.0
    of.in_use(A, 1000.0)
    assert of.out_of_use(A, 1000.0 + SETTLED).since == 1000.0 + SETTLED


def test_an_outage_stays_told_until_the_server_is_back() -> None:
    of = Incidents()
    of.out_of_use(A, 10.0).stays = True
    assert of.stays_down(A) is not None
    assert of.stays_down(B) is None
    of.in_use(A, 20.0)
    assert of.stays_down(A) is None


def test_servers_that_are_configured_no_more_are_forgotten() -> None:
    of = Incidents()
    of.out_of_use(A, 10.0)
    of.out_of_use(B, 10.0)
    assert of.forget([B])
    assert set(of.outages) == {B}
    assert not of.forget([B])


def test_it_is_the_same_on_disk() -> None:
    of = Incidents(no_mail=5.0)
    of.out_of_use(A, 10.0).stays = True
    assert msgspec.json.decode(msgspec.json.encode(of), type=Incidents) == of
