"""SASLprep (RFC 4013): names and passwords in the one form that servers compare them in."""

from zaiond.errors import ZaiondError
from zaiond.smtp import words


class ProhibitedError(ZaiondError):
    """A name or a password has what none may have."""


def saslprep(text: str) -> str:
    """`text` as a query (RFC 3454 7: unassigned characters may pass). ASCII stays as it is. Raises
    ProhibitedError: it does not show the text, which may be a password.
    """
    if text.isascii():
        return text
    import stringprep  # only for who has such a name
    from unicodedata import ucd_3_2_0 as unicode

    # RFC 4013 2.1, 2.2: spaces become one kind, what is invisible goes, then normal form KC.
    mapped = "".join(
        " " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c)
    )
    prepared = unicode.normalize("NFKC", mapped)
    # RFC 4013 2.3
    prohibited = (
        stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3,
        stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6,
        stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9,
    )  # fmt: skip
    for c in prepared:
        if any(table(c) for table in prohibited):
            raise ProhibitedError(words.prohibited(code=ord(c)))
    # RFC 4013 2.4, RFC 3454 6: from right to left all of it or nothing.
    if any(map(stringprep.in_table_d1, prepared)) and (
        any(map(stringprep.in_table_d2, prepared))
        or not (stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1]))
    ):
        raise ProhibitedError(words.MIXED_DIRECTIONS)
    return prepared
