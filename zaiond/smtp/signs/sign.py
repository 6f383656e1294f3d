"""One row of the tables by which a failure is recognised, and what such a row looks at."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.failure import Failure
from zaiond.smtp.reply import Reply

_MOST_READ = 1000
_ENHANCED = re.compile(r"(?:^|#)[245]\.(\d{1,3}\.\d{1,3})(?![\d.])")
_REPEATED = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}[ -]+")
_ADDRESS = re.compile(r"<[^<>\s]*>|[^\s<>]+@[^\s<>]+")
_JAPANESE = ("utf-8", "euc_jp", "cp932", "iso2022_jp")


class Words(NamedTuple):
    """What was said. `code` is the reply's, 0 without one; `detail` the last two numbers of the
    enhanced code (RFC 3463): its class is the reply's first digit, whatever the server says.
    """

    code: int
    detail: str
    text: str


class Sign(NamedTuple):
    """By what a diagnosis is recognised: one of `codes`, or `words`; with neither, by all the rest.

    `words` is a regular expression, whatever the letters' case. `codes` and `causes` are parted by
    blanks; codes are those of replies, and enhanced ones without their class (`7.30`). `digits` are
    the first digits of replies that it counts for; `server` is searched for in host:port.
    """

    diagnosis: Diagnosis
    words: str = ""
    codes: str = ""
    digits: str = "45"
    causes: str = ""
    server: str = ""
    mechanism: str = ""

    def fits(self, said: Words, failure: Failure) -> bool:
        """Whether it is this."""
        if said.code and str(said.code)[0] not in self.digits:
            return False
        if self.causes and failure.cause not in self.causes.split():
            return False
        if self.mechanism and self.mechanism != failure.mechanism:
            return False
        if self.server and not _regex(self.server).search(failure.server):
            return False
        if not self.words and not self.codes:
            return True
        if not {str(said.code), said.detail}.isdisjoint(self.codes.split()):
            return True
        return bool(self.words) and _regex(self.words).search(said.text) is not None


def first_that_fits(signs: Iterable[Sign], said: Words, failure: Failure) -> Diagnosis | None:
    """The diagnosis of the first row that fits: the particular ones stand before the general."""
    return next((sign.diagnosis for sign in signs if sign.fits(said, failure)), None)


def heard(reply: Reply) -> Words:
    """A reply as the signs read it: without addresses, since `relay@x.jp` says nothing of relaying;
    its lines as one sentence, which Google cuts anywhere and begins each with the code.
    """
    lines = [line[:_MOST_READ] for line in reply.lines]
    ascii_only = all(line.isascii() and b"\x1b" not in line for line in lines)
    # Which encoding it is need not be known: what it isn't in makes no words that a sign has.
    said = [_sentence(lines, each) for each in (("ascii",) if ascii_only else _JAPANESE)]
    found = _ENHANCED.search(said[0])
    return Words(reply.code, found[1] if found else "", _ADDRESS.sub("<>", " ".join(said)))


def _sentence(lines: list[bytes], encoding: str) -> str:
    text = [line.decode(encoding, "replace").strip() for line in lines]
    sentence = " ".join(text[:1] + [_REPEATED.sub("", line) for line in text[1:]])[:_MOST_READ]
    # Full-width letters are letters, too.
    return sentence if encoding == "ascii" else unicodedata.normalize("NFKC", sentence)[:_MOST_READ]


@cache
def _regex(words: str) -> re.Pattern[str]:
    # Compiled when a reply asks for it: most daemons hear few refusals, and all have to start.
    return re.compile(words, re.IGNORECASE | re.DOTALL)
