"""What Japanese keyboards and editors do to a configuration: full-width signs where YAML has its
own, and other encodings than UTF-8.

YAML takes full-width signs for text. So what they make of a file is valid YAML with another
meaning, or a syntax error somewhere behind them.
"""

import re
import shlex
from typing import NamedTuple

from zaiond.config import words
from zaiond.text import Text

_QUOTATION_MARKS = "“”„‟＂‘’＇"
_KEY = r"[\"']?[A-Za-z_Ａ-Ｚａ-ｚ＿][A-Za-z0-9_.Ａ-Ｚａ-ｚ０-９＿-]*[\"']?"
_indentation = re.compile(r"[ \t]*(\u3000[ \t\u3000]*)?").match
_dash = re.compile(r"([-－‐‑–—−])([ \u3000]+)").match
_colon = re.compile(rf"{_KEY}[ \u3000]*(：|:(?=\u3000))").match
_colon_within = re.compile(rf"[{{,][ \u3000]*{_KEY}[ \u3000]*(：)").search
_comma_within = re.compile(r"[^\[{]*[\[{][^，、]*([，、])").match
_comment = re.compile(r"(?<![ \u3000])[ \u3000]+(＃)|(?<!\u3000)(\u3000)[ \u3000]*+#").search
_quoted_value = re.compile(rf"[:-][ \u3000]+([{_QUOTATION_MARKS}])").search


class Slip(NamedTuple):
    """A sign that is written in the wrong width; `column` counts from 1."""

    column: int
    text: Text


def in_line(line: str) -> list[Slip]:
    """The slips in how a line begins: what YAML builds on."""
    return _structure(line)[0]


def in_broken_line(line: str) -> list[Slip]:
    """Every slip in a line of a text that is not YAML."""
    slips, at = _structure(line)
    if at is None:
        return slips
    rest = line[at:]
    for find, text in (
        (_quoted_value, words.QUOTES),
        (_colon_within, words.COLON),
        (_comma_within, words.COMMA),
        (_comment, None),
    ):
        found = find(rest)
        if found:
            column = at + found.start(found.lastindex or 0) + 1
            slips.append(Slip(column, text or _of_comment(found)))
    return slips


def _structure(line: str) -> tuple[list[Slip], int | None]:
    """Slips of the beginning, and where the rest begins; None for a comment."""
    slips: list[Slip] = []
    found = _indentation(line)
    at = found.end() if found else 0
    bare = line[at:]
    if found and found[1]:
        text = words.INDENTATION if bare.strip() else words.BLANK_LINE
        text = words.BLANK_BEFORE_COMMENT if bare.startswith(("#", "＃")) else text
        slips.append(Slip(found.start(1) + 1, text))
    if bare.startswith("＃"):
        slips.append(Slip(at + 1, words.NO_COMMENT))
    if bare.startswith(("#", "＃")):
        return slips, None
    while found := _dash(line, at):
        if found[1] != "-" or "\u3000" in found[2]:
            slips.append(Slip(at + 1, words.DASH))
        at = found.end()
    colon = _colon(line, at)
    if colon:
        text = words.COLON if colon[1] == "：" else words.BLANK_AFTER_COLON
        slips.append(Slip(colon.start(1) + 1, text))
        at = colon.end()
    return slips, at


def in_value(text: str) -> tuple[list[Text], str]:
    """What is surely wrong with a value without quotes, and what is meant by it."""
    slips: list[Text] = []
    found = _comment(text)
    if found and found.start() > 0:
        slips.append(_of_comment(found))
        text = text[: found.start()]
    if text != text.strip("\u3000"):
        slips.append(words.AROUND)
        text = text.strip(" \u3000")
    if len(text) > 1 and {text[0], text[-1]} <= set(_QUOTATION_MARKS):
        slips.append(words.QUOTES)
        text = text[1:-1]
    return slips, text


def in_wrong_value(text: str) -> tuple[list[Text], str]:
    """The same of a value that can't be used as it stands."""
    slips, text = in_value(text)
    if len(text) > 1 and text[0] == "［" and text[-1] == "］":
        slips.append(words.BRACKETS)
        text = text[1:-1]
    return slips, text


def _of_comment(found: "re.Match[str]") -> Text:
    return words.NO_COMMENT if found[1] else words.BLANK_BEFORE_COMMENT


_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_JIS = ("\x1b$B", "\x1b$@", "\x1b(J", "\x1b(I")  # RFC 1468, and half-width kana
# As iconv(1) names those that have ① and the like, too. Many bytes are text in both.
_JAPANESE = {"CP932": "cp932", "EUC-JP-MS": "euc_jis_2004"}
_IMPOSSIBLE = set("\x80\xa0\uf8f0\uf8f1\uf8f2\uf8f3")  # what cp932 makes of bytes that it lacks
_CALLED = {"CP932": "Shift_JIS", "EUC-JP-MS": "EUC-JP", "ISO-2022-JP-3": "ISO-2022-JP"}


def not_utf8(path: str, raw: bytes) -> Text:
    """What is said of a file whose bytes are not UTF-8."""
    name = _guess(raw)
    if name is None:
        return words.NOT_UTF8
    return _in_encoding(path, name)


def in_jis(path: str, text: str) -> Text | None:
    """What is said of a file that is ASCII, if it is meant as ISO-2022-JP."""
    return _in_encoding(path, "ISO-2022-JP-3") if any(sign in text for sign in _JIS) else None


def _in_encoding(path: str, name: str) -> Text:
    file, new = shlex.quote(path), shlex.quote(f"{path}.utf8")
    command = f"iconv -f {name} -t UTF-8 {file} > {new} && cat {new} > {file} && rm {new}"
    called = _CALLED.get(name, name)
    return words.other_encoding(called=called, command=command)


def _guess(raw: bytes) -> str | None:
    """What iconv(1) calls the encoding; None if it is no text in any."""
    if raw.startswith(_UTF_16):
        return "UTF-16"
    texts = {}
    for name, codec in _JAPANESE.items():
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if not _IMPOSSIBLE & set(text):
            texts[name] = text
    return max(texts, key=lambda name: _likeliness(texts[name])) if texts else None


def _likeliness(text: str) -> int:
    """How much a text looks like Japanese. Half-width kana, and kanji that are not in JIS X 0208's
    first level, are what one of the encodings looks like when it is taken for the other."""
    points = 0
    for sign in text:
        if "\u3000" <= sign <= "\u30ff":
            points += 2
        elif "\uff61" <= sign <= "\uff9f":
            points -= 2
        elif not sign.isascii() and not 0xA1 <= sign.encode("euc_jp", "replace")[0] <= 0xCF:
            points -= 1
    return points
