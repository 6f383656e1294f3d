"""Text as a value is written, and what every kind of value refuses.

No sentence here shows a text that could be a secret.
"""

import re
import unicodedata

from zaiond.config.tree import Node, Scalar
from zaiond.errors import MendableError
from zaiond.text import Text

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?(?:[smhdKMG]|/[smhd])?")
# Simple addresses, and NTLM's DOMAIN\user.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*@[A-Za-z0-9.-]+|[\w.-]*\\[\w.@-]+")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class WrongValueError(MendableError):
    """A value can't be used; each of `texts` says why and what to write."""


def quoted(text: str) -> str:
    """A text as YAML may have it in any place: in a list, too."""
    if _PLAIN.fullmatch(text):
        return text
    if set(text) & set('"\\'):
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def text_of(node: Node) -> str:
    """The text of a scalar that is text; raises WrongValueError."""
    if not isinstance(node, Scalar):
        raise WrongValueError(
            Text(
                ja="文字列を 1 つだけ書いてください（リストや項目の並びは書けません）",
                en="this must be a single text, not a list or a mapping",
            )
        )
    if node.tag in ("int", "float"):
        raise WrongValueError(
            Text(
                ja='引用符がないため、数値として読み取られます。"…" のように引用符で囲んでください',
                en='without quotes this is read as a number, not as text: put it in quotes, "…"',
            )
        )
    if node.tag != "str":
        raise WrongValueError(
            Text(
                ja="引用符がないため、文字列ではない値（はい／いいえ、日付など）として"
                '読み取られます。"…" のように引用符で囲んでください',
                en="without quotes this is read as a yes or no, a date or the like, not as text: "
                'put it in quotes, "…"',
            )
        )
    return node.text


def written(node: Node) -> str:
    """The same, on one line and without signs that nobody sees; raises WrongValueError."""
    text = text_of(node)
    for sign in text:
        if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in _BIDI:
            raise WrongValueError(
                Text(
                    ja=f"改行や制御文字は使えません（U+{ord(sign):04X} があります）",
                    en=f"line ends and control characters can't be used (U+{ord(sign):04X} is in "
                    "it)",
                )
            )
    return text


def filled(node: Node) -> str:
    """The same, if there is more than blanks in it; raises WrongValueError."""
    text = written(node)
    if not text.strip():
        raise WrongValueError(
            Text(
                ja="値が空です。値を書くか、この行を削除してください",
                en="this is empty: write a value, or delete the line",
            )
        )
    return text


def refuse_full_width(text: str) -> None:
    """Raises WrongValueError where a text is ASCII but for its width."""
    narrow = unicodedata.normalize("NFKC", text)
    if text.isascii() or not narrow.isascii():
        return
    if _NUMBER.fullmatch(narrow):  # no secret
        raise WrongValueError(
            Text(
                ja=f"数字などが全角です。半角で {narrow} と書いてください",
                en=f"there are full-width digits or signs: write {narrow}",
            )
        )
    raise WrongValueError(
        Text(
            ja="全角の文字があります。半角で書いてください",
            en="there are full-width characters: write them in half width (ASCII)",
        )
    )
