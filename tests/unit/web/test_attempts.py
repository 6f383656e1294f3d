"""Wrong passwords are a wait that grows, for a name and for an address, in a bounded memory."""

import pytest

from zaiond.web.attempts import FORGOTTEN_AFTER, FREE, LONGEST_WAIT, MOST, Attempts

HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def attempts() -> Attempts:
    return Attempts("key")


def fail(attempts: Attempts, count: int, name: str = "yamada", address: str = HERE) -> None:
    for _ in range(count):
        attempts.failed(name, address, 0.0)


def test_nine_are_no_wait_and_ten_are_one_of_a_minute(attempts: Attempts) -> None:
    fail(attempts, FREE - 1)
    assert attempts.wait("yamada", HERE, 0.0) == 0
    fail(attempts, 1)
    assert attempts.wait("yamada", HERE, 0.0) == 60
    assert attempts.wait("yamada", HERE, 59.0) == 1
    assert attempts.wait("yamada", HERE, 60.0) == 0


def test_each_further_one_doubles_it_up_to_an_hour(attempts: Attempts) -> None:
    fail(attempts, FREE + 1)
    assert attempts.wait("yamada", HERE, 0.0) == 120
    fail(attempts, 3)
    assert attempts.wait("yamada", HERE, 0.0) == 960
    fail(attempts, 1000)
    assert attempts.wait("yamada", HERE, 0.0) == LONGEST_WAIT


def test_it_counts_for_the_name_from_anywhere_and_for_the_address_with_any_name(
    attempts: Attempts,
) -> None:
    fail(attempts, FREE)
    assert attempts.wait("yamada", THERE, 0.0) > 0
    assert attempts.wait("suzuki", HERE, 0.0) > 0
    assert attempts.wait("suzuki", THERE, 0.0) == 0


def test_a_right_one_ends_the_count_and_so_does_a_day(attempts: Attempts) -> None:
    fail(attempts, FREE - 1)
    attempts.succeeded("yamada", HERE)
    fail(attempts, FREE - 1)
    assert attempts.wait("yamada", HERE, 0.0) == 0
    fail(attempts, 500)
    attempts.failed("yamada", HERE, FORGOTTEN_AFTER + 1)
    assert attempts.wait("yamada", HERE, FORGOTTEN_AFTER + 1) == 0


@pytest.mark.parametrize(
    ("one", "another", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "192.0.2.2", False),
    ],
)
def test_who_has_a_network_of_ipv6_has_one_address(
    attempts: Attempts, one: str, another: str, same: bool
) -> None:
    fail(attempts, FREE, address=one)
    assert (attempts.wait("suzuki", another, 0.0) > 0) is same


def test_a_clock_that_is_set_back_makes_no_wait_longer(attempts: Attempts) -> None:
    attempts.tried.clear()
    for _ in range(FREE):
        attempts.failed("yamada", HERE, 1e9)
    assert attempts.wait("yamada", HERE, 0.0) == 60


def test_who_tries_many_names_does_not_make_forgotten_whom_he_tried_before(
    attempts: Attempts,
) -> None:
    fail(attempts, FREE)
    for number in range(2 * MOST):
        attempts.failed(f"name {number}", f"198.51.100.{number}", 1.0)
    assert len(attempts.tried) <= MOST
    assert attempts.wait("yamada", THERE, 1.0) > 0


def test_names_are_kept_by_a_hash_that_nobody_makes_without_the_key(attempts: Attempts) -> None:
    attempts.failed("secret typed here", HERE, 0.0)
    other = Attempts("other key")
    other.failed("secret typed here", HERE, 0.0)
    assert not any("secret" in one for one in attempts.tried)
    assert set(attempts.tried) & set(other.tried) == {f"address {HERE}"}
