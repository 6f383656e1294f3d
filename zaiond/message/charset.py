"""The characters that a mail may be written in: UTF-8, or for old readers ISO-2022-JP (RFC 1468).

ISO-2022-JP is ASCII and JIS X 0208. What has a place there under another code point is put there:
half-width katakana, and the signs for which Windows and JIS have different ones. Nothing else is
replaced: a text with any other character can't go out in ISO-2022-JP.
"""

import unicodedata
from typing import Literal

from zaiond.safe import Replacer

Charset = Literal["utf-8", "iso-2022-jp"]

# What Windows (code page 932) writes for a sign of JIS X 0208, or what is that sign at half width.
_SAME_SIGN = {
    "～": "〜",  # 1-33, the wave dash
    "∥": "‖",  # 1-34
    "－": "−",  # 1-61
    "—": "―",  # 1-29
    "￠": "¢",  # 1-81
    "￡": "£",  # 1-82
    "￢": "¬",  # 2-44
    "¥": "￥",  # 1-79: else it would be in JIS X 0201, which not all readers know
    "‾": "￣",  # 1-17: likewise
    "\u3099": "゛",  # a voiced sound mark that combines with nothing
    "\u309a": "゜",
    "ゔ": "う゛",  # with the mark in one character: not in JIS X 0208, as the next four
    "ヷ": "ワ゛",
    "ヸ": "ヰ゛",
    "ヹ": "ヱ゛",
    "ヺ": "ヲ゛",
}
_with_jis_signs = Replacer(f"[{''.join(_SAME_SIGN)}]", _SAME_SIGN.__getitem__)
# With its sound mark, which makes one full-width character with it.
_at_full_width = Replacer(
    "[\uff61-\uff9d][\uff9e\uff9f]?|[\uff9e\uff9f]",
    lambda kana: unicodedata.normalize("NFKC", kana),
)
_composed = Replacer(
    "[\u3041-\u30fe][\u3099\u309a]", lambda pair: unicodedata.normalize("NFC", pair)
)


def encode_jis(text: str) -> bytes:
    """`text` in ISO-2022-JP, each line and the end in ASCII (RFC 1468); `text` is from `as_jis`.

    Raises UnicodeEncodeError at the first character that is neither in ASCII nor in JIS X 0208.
    """
    return text.encode("iso2022_jp")


def as_jis(text: str) -> str:
    """The same text with the code points that JIS X 0208 has for it; of other characters, all stay.

    Half-width katakana become full-width, ｶﾞ one character; so do kana with a combining mark, as
    in the file names of macOS.
    """
    if text.isascii():
        return text
    return _with_jis_signs(_composed(_at_full_width(text)))
