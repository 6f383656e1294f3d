"""What every hint is made of."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from zaiond.text import Text

Pair = tuple[Text, Text]  # cause and remedy


class Words(NamedTuple):
    """What servers say when it is this: a reply's code and text are searched for `said`."""

    said: re.Pattern[str]
    pair: Pair


def words(said: str, pair: Pair) -> Words:
    """One row of a table; `said` is a regular expression, whatever the letters' case."""
    return Words(re.compile(said, re.IGNORECASE | re.DOTALL), pair)


def first_that_fits(table: Iterable[Words], said: str) -> Pair | None:
    """The pair of the first row whose words are said: the particular ones stand first."""
    return next((row.pair for row in table if row.said.search(said)), None)
