"""One row of the table by which a failure is recognised, and how it reads a reply. Pure."""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.failure import Failure
from zaiond.smtp.syntax import Reply, printable

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

    `words` is a regular expression, whatever the letters' case. `codes` are those of replies, and
    enhanced ones without their class (`7.30`). A row is about replies whose first digit is one of
    `digits`; or, with `causes`, about failures of these causes (`any`: whichever) without a reply.
    `server` is searched for in host:port. Codes and causes are parted by blanks.
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
        if said.code:
            if self.causes or str(said.code)[0] not in self.digits:
                return False
        elif self.causes != "any" and failure.cause not in self.causes.split():
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


def said_of(failure: Failure) -> Words:
    """What is read of a failure: the server's words, or those of its `detail`."""
    reply = failure.reply
    if reply is None:
        return Words(0, "", failure.detail)
    if failure.cause == "reply":
        return heard(reply)
    return Words(0, "", f"{failure.detail}: {printable(b' '.join(reply.lines))}")


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
