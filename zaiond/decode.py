r"""Bytes that are no UTF-8, as text: in the Japanese encoding that they are, else as escapes.

To be imported only where it is needed: for bytes that are no UTF-8, or have ISO-2022-JP's `ESC $`.

Each line is judged for itself, as a log may have lines of several programs, and may be cut
anywhere. That an encoding can decode a line proves little: most pairs of bytes are a character both
in Shift_JIS and in EUC-JP. So it is compared how much each reading looks like Japanese; where that
leaves a doubt, what the other lines are counts, too.
"""

import re
from collections import Counter
from typing import NamedTuple

# EUC-JP with ①, ㈱ and the like, which programs write although only JIS X 0213 has them there.
_EUC = "euc_jis_2004"
_ENCODINGS = ("utf-8", _EUC, "cp932")  # the last is Shift_JIS as Windows has it
_PLAUSIBLE = 0.6
_JUDGED = 1000  # characters of a line
_MOST_JUDGED = 2000  # lines; of more several are judged together

# RFC 1468. `ESC ( B` by itself is nothing: terminals are told so, too.
_JIS = re.compile(rb"\x1b(?:\$[@B]((?:[!-~]{2})+)|\(I([!-_]+))(?:\x1b\([BJ])?")
_JIS_CUT = re.compile(rb"([!-~]+)\x1b\([BJ]")  # its ESC $ B is cut off
_HIGH = bytes(byte | 0x80 for byte in range(256))

# What a decoder could not take, by "surrogateescape"; U+0080 is how cp932 takes an impossible byte.
_FAULT = re.compile("[\udc80-\udcff\x80]")
_SOUND = re.compile("[^\x00-\x80\udc80-\udcff]")
_EDGE = re.compile("^[\udc80-\udcff]{1,2}|[\udc80-\udcff]{1,3}$")  # of a character that was cut
# "､" and "･" are what EUC-JP's kana begin with, when they are read as Shift_JIS.
_HALF_WIDTH = re.compile("(?<![｡-･])[ｦ-ﾟ]{3,}(?![｡-･])")
_VOICED = "[ｶ-ﾄﾊ-ﾎ]ﾞ|[ﾊ-ﾎ]ﾟ"
_HALF_WIDTH_WORD = re.compile(f"(?=[ｦ-ﾝ]*(?:{_VOICED}))(?:{_VOICED}|[ｦ-ﾝ])+(?![｡-ﾟ])")
_STRAY = re.compile("(?<=[A-Za-z])[\u4e00-\u9fff](?![^\x00-\x7f])")


class _Reading(NamedTuple):
    encoding: str
    text: str
    likely: float  # 0 (or less) to 1


def text(data: bytes) -> str:
    r"""`data` as text, whatever it is. A byte that fits no encoding is shown as `\xe9`."""
    data = _JIS.sub(lambda found: _jis(found[1], found[2]).encode(), _completed(data))
    lines = data.split(b"\n")
    if len(lines) > _MOST_JUDGED:
        together = -(-len(lines) // _MOST_JUDGED)
        lines = [b"\n".join(lines[n : n + together]) for n in range(0, len(lines), together)]
    readings = [
        None if line.isascii() else [_reading(line, each) for each in _ENCODINGS] for line in lines
    ]
    totals: dict[str, float] = dict.fromkeys(_ENCODINGS, 0.0)
    for line, of_line in zip(lines, readings, strict=True):
        for reading in of_line or ():
            totals[reading.encoding] += reading.likely * len(line)
    return "\n".join(
        line.decode() if of_line is None else _best(of_line, totals)
        for line, of_line in zip(lines, readings, strict=True)
    )


def _best(readings: list[_Reading], totals: dict[str, float]) -> str:
    plausible = [reading for reading in readings if reading.likely >= _PLAUSIBLE]
    most = max(totals.values()) or 1
    best = max(
        plausible or readings[:1],  # UTF-8 with escapes, if it is no text at all
        key=lambda each: each.likely + 0.5 * totals[each.encoding] / most,
    )
    return best.text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _reading(line: bytes, encoding: str) -> _Reading:
    """The likeliest one: in two encodings the rest of a cut character, if it comes first, puts all
    that follow out of step.
    """
    reading = _decoded(line, encoding, 0)
    if encoding != "utf-8" and line[:1] >= b"\x80":
        behind = _decoded(line, encoding, 1)
        if behind.likely > reading.likely + 0.1:
            return behind
    return reading


def _decoded(line: bytes, encoding: str, cut: int) -> _Reading:
    rest = line[cut:].decode(encoding, "surrogateescape")
    text = line[:cut].decode("ascii", "surrogateescape") + rest
    sample, edges = _EDGE.subn("", text[:_JUDGED])
    sound = _SOUND.findall(sample)
    if not sound:
        return _Reading(encoding, text, 0.0)
    if encoding == "utf-8":
        weight = float(len(sound))  # nothing else looks like UTF-8 by chance
    else:
        weight = sum(_weight(each) * number for each, number in Counter(sound).items())
        # English quotation marks of Windows make such ones of their neighbours.
        weight -= 0.6 * len(_STRAY.findall(sample))
        # Half-width katakana mostly are EUC-JP that is misread. But where they can be spelt...
        weight += 0.5 * sum(map(len, _HALF_WIDTH.findall(sample)))
        weight += 0.3 * sum(map(len, _HALF_WIDTH_WORD.findall(sample)))
    of = len(sound) + len(_FAULT.findall(sample)) + 0.5 * edges
    return _Reading(encoding, text, weight / of)


def _weight(character: str) -> float:
    """How likely it is that this character is meant."""
    if "\u3000" <= character <= "\u30ff" or "\uff01" <= character <= "\uff5e":
        return 1.0  # kana, punctuation, full-width letters
    if "\u4e00" <= character <= "\u9fff":
        # JIS X 0208 has the kanji that are in use in its first level, the rare ones in its second.
        lead = character.encode(_EUC, "replace")[:1]
        return 1.0 if b"\xb0" <= lead <= b"\xcf" else 0.3
    if "\u2000" <= character <= "\u27bf" or "\u3200" <= character <= "\u33ff":
        return 0.8  # №, →, ─, ①, ●, ㈱
    if "\ue000" <= character <= "\uf8ff":
        return -1.0  # private use
    return 0.25


def _jis(pairs: bytes | None, half_width: bytes | None) -> str:
    """What stands between two escape sequences."""
    if pairs is not None:
        return pairs.translate(_HIGH).decode(_EUC, "replace")
    return "".join(chr(byte - 0x21 + 0xFF61) for byte in half_width or b"")


def _completed(data: bytes) -> bytes:
    """With the first `ESC $ B`, if `data` begins behind it: what it was for looks like ASCII."""
    cut = _JIS_CUT.match(data)
    if cut is None or _JIS.search(data) is None:
        return data
    said = cut[1]
    odd = len(said) % 2  # the second half of a character
    if _reading(said[odd:].translate(_HIGH), _EUC).likely < _PLAUSIBLE:
        return data
    return said[:odd] + b"\x1b$B" + data[odd:]
