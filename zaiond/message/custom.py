"""Mails in the administrator's own words: templates in files, each a subject, a text, and perhaps
HTML. They are rendered in `sandbox.py`.
"""

from typing import Any, NamedTuple

import msgspec

from zaiond.errors import ZaiondError
from zaiond.message.words import custom as said
from zaiond.text import Text

SUBJECT, TEXT, HTML = ".subject.j2", ".txt.j2", ".html.j2"
MOST_SECONDS = 0.25  # of the time of a processor, for one mail
MOST_BYTES = 256 * 1024  # of the text, and of the HTML


class TemplateFiles(msgspec.Struct, frozen=True):
    """The texts of a template. `name` is that of its files without their ends; `directory` is where
    they are, and what they include; `texts` has pairs of a file's name in it and its text.
    """

    name: str
    directory: str
    texts: tuple[tuple[str, str], ...]


class Rendered(NamedTuple):
    """What a template says: the subject on one line, the text and the HTML with lines that end in
    `\\n`; all of it clean.
    """

    subject: str
    text: str
    html: str | None


class Fixed(dict[str, Any]):
    """What has a fixed set of names: in a template any other is an error."""


class Look(NamedTuple):
    """How a mail is made to look: by a template, if it has one, and with these fields of its events
    as files. `remark` is what its history must say of that.
    """

    template: TemplateFiles | None = None
    attach: tuple[str, ...] = ()
    remark: Text | None = None


PLAIN = Look()


class TemplateError(ZaiondError):
    """A template can't be used, or not for these events: the path of the file at fault, the line
    in it (from 1), and why. `is_certain` is false where it may be that only the events lacked
    something.
    """

    def __init__(self, path: str, line: int, why: Text, *, is_certain: bool = True) -> None:
        super().__init__(Text(f"{path}:{line}: {why.ja}", f"{path}:{line}: {why.en}"))
        self.path = path
        self.line = line
        self.why = why
        self.is_certain = is_certain


def in_built_in_words(look: Look, error: TemplateError) -> Look:
    """How a mail looks that can't be made by its template."""
    return look._replace(template=None, remark=said.FELL_BACK(why=error.text))
