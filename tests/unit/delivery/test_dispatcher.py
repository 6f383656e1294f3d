"""How many there were lately."""

from zaiond.delivery.dispatcher import RateCounter


def test_what_passed_in_the_last_minute_and_hour_is_counted() -> None:
    flow = RateCounter()
    for second in range(7200):
        flow.count(2, float(second))
    assert flow.last(60, 7199.0) == 120
    assert flow.last(3600, 7199.0) == 7200


def test_what_passed_long_ago_counts_no_more() -> None:
    flow = RateCounter()
    flow.count(5, 100.0)
    assert (flow.last(60, 100.0), flow.last(60, 159.0), flow.last(60, 160.0)) == (5, 5, 0)
    assert (flow.last(3600, 3699.0), flow.last(3600, 3700.0)) == (5, 0)


def test_it_takes_no_more_memory_than_an_hour_needs() -> None:
    flow = RateCounter()
    for second in range(0, 100_000, 7):
        flow.count(1, float(second))
    assert len(flow._slots) <= 360


def test_nothing_passed_yet() -> None:
    assert RateCounter().last(60, 5.0) == 0
