"""What the tables of advice are made of."""

from typing import NamedTuple

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.text import Text


class Advice(NamedTuple):
    """A cause and a remedy. `{server}`, `{host}`, `{port}`, `{more}` (the failure's detail in
    parentheses), `{detail}`, `{told}` (the failure in words), `{offered}`, `{usable}`, and
    `{names}`, `{since}`, `{until}` of the certificate are filled in (`__init__.py`).
    """

    cause: Text
    remedy: Text


Table = dict[Diagnosis, Advice]


def advice(cause_ja: str, cause_en: str, remedy_ja: str, remedy_en: str) -> Advice:
    """One row."""
    return Advice(Text(cause_ja, cause_en), Text(remedy_ja, remedy_en))
