"""Silences: for a time, events that match are told to nobody."""

from zaiond.model import Event
from zaiond.routing.state import Silence, State


def parse_match(text: str) -> tuple[str, str]:
    """The field and the pattern of `K=V`; MendableError: it is none."""
    raise NotImplementedError


def add(
    state: State,
    *,
    id: str,
    match: tuple[tuple[str, str], ...],
    seconds: float,
    comment: str,
    by: str,
    now: float,
) -> Silence:
    """Silences what matches from now on. MendableError: there are too many, or it would not end."""
    raise NotImplementedError


def expire(state: State, id: str, now: float) -> Silence | None:
    """Ends a silence now; the next `due` says what it hid. None: there is no such silence."""
    raise NotImplementedError


def silence_of(state: State, event: Event, now: float) -> Silence | None:
    """The silence that an event runs into, if there is one."""
    raise NotImplementedError
