"""What pages with long lists have in common: a part of a list, addresses with filters, and values
that a form carries exactly. Pure.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

ROWS = 100  # of a page
_LONGEST_PAGE = 6  # digits of its number

T = TypeVar("T")


class Part(NamedTuple, Generic[T]):
    """A part of a list: page `number` of `pages`, its `rows`, and the addresses of the pages beside
    it, None where there is none.
    """

    rows: Sequence[T]
    number: int
    pages: int
    before: str | None
    after: str | None


def part(rows: Sequence[T], asked: str, path: str, filters: dict[str, str]) -> Part[T]:
    """The rows of page `asked`, as the address has it; the last one where there are not so many."""
    pages = max(1, -(-len(rows) // ROWS))
    is_number = asked.isascii() and asked.isdigit() and len(asked) <= _LONGEST_PAGE
    number = min(max(1, int(asked)), pages) if is_number else 1

    def page(other: int) -> str | None:
        return address(path, **filters, page=str(other)) if 1 <= other <= pages else None

    shown = rows[(number - 1) * ROWS : number * ROWS]
    return Part(shown, number, pages, page(number - 1), page(number + 1))


def address(path: str, **fields: str) -> str:
    """A path with the fields that are not empty."""
    query = urlencode({name: value for name, value in fields.items() if value}, errors="replace")
    return f"{path}?{query}" if query else path


def packed(*values: str | int | None) -> str:
    """Values for a hidden field: in ASCII, so that they come back as they are."""
    return json.dumps(values)


def id_of(*values: str | int | None) -> str:
    """An `id` in the page for what these name: the same whatever stands before it in the list, so
    that what was opened of one is not open of another when the list has changed.
    """
    return f"of-{hashlib.sha256(packed(*values).encode()).hexdigest()[:16]}"


def unpacked(text: str, *types: type) -> list[Any] | None:
    """What `packed` made; None where it did not, or of values of other types (which may be None but
    for the first).
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, list) or len(values) != len(types) or values[:1] == [None]:
        return None
    fits = all(one is None or type(one) is of for one, of in zip(values, types, strict=True))
    return values if fits else None


def has(text: str, *places: str | None) -> bool:
    """Whether a filter's text, if there is any, stands in one of these, whatever the case."""
    wanted = text.casefold()
    return not text or any(wanted in place.casefold() for place in places if place)
