"""Problems: opened, counted, reminded of, and closed."""

from typing import Any

from zaiond.model import Event
from zaiond.routing.state import Problem

CLOSED_BY_HAND = "zaiond.problem.closed"  # the type of the event


def problem_key(event: Event) -> str | None:
    """The key in `State.problems` of the problem that the event tells of, if it does."""
    raise NotImplementedError


def closing(problem: Problem, comment: str, by: str) -> dict[str, Any]:
    """The attributes of the daemon's own event (`notice`) that closes a problem by hand."""
    raise NotImplementedError
