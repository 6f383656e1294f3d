"""What the bench says of its figures."""

import pytest

from tests.bench.figures import Row, Target, table


def row(
    bound: str, limit: float, measured: list[float], reference: list[float], of: str = "ratio"
) -> Row:
    return Row(
        Target("key", "what", "against", "ms", bound, limit, of),  # type: ignore[arg-type]
        measured,
        reference,
    )


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (row("at least", 10, [20.0], [2.0]), "reached"),
        (row("at least", 10, [15.0], [2.0]), "NOT: 25% below"),
        (row("at most", 2, [4.0], [2.0]), "reached"),
        (row("at most", 2, [6.0], [2.0]), "NOT: 50% above"),
        (row("at most", 32, [40.0], [], of="figure"), "NOT: 25% above"),
        (row("at most", 32, [60.0], [30.0], of="difference"), "reached"),
        (row("at most", 32, [94.0], [30.0], of="difference"), "NOT: 100% above"),
    ],
)
def test_a_target_is_reached_or_said_by_how_much_not(made: Row, verdict: str) -> None:
    assert made.verdict == verdict
    assert made.document()["reached"] is (verdict == "reached")
    assert verdict in table([made])


def test_the_ratio_is_that_of_the_medians() -> None:
    made = row("at least", 1, [1.0, 100.0, 4.0], [2.0, 2.0, 50.0])
    assert made.ratio == 2.0
