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


def wrong(ja: str, en: str) -> WrongValueError:
    """The error with one sentence."""
    return WrongValueError(Text(ja, en))


def quoted(text: str) -> str:
    """A text as YAML may have it in any place: in a list, too."""
    if _PLAIN.fullmatch(text):
        return text
    if set(text) & set('"\\'):
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def choose(name: str, names: list[str]) -> str | None:
    """The one of `names` that was probably meant by `name`, if any comes near."""
    from difflib import get_close_matches  # only for a user who misspelt something

    found = get_close_matches(name.lower().replace("-", "_"), names, 1, 0.6)
    return found[0] if found else None


def text_of(node: Node) -> str:
    """The text of a scalar that is text; raises WrongValueError."""
    if not isinstance(node, Scalar):
        raise wrong(
            "文字列を 1 つだけ書いてください（リストや項目の並びは書けません）",
            "this must be a single text, not a list or a mapping",
        )
    if node.tag in ("int", "float"):
        raise wrong(
            '引用符がないため、数値として読み取られます。"…" のように引用符で囲んでください',
            'without quotes this is read as a number, not as text: put it in quotes, "…"',
        )
    if node.tag != "str":
        raise wrong(
            "引用符がないため、文字列ではない値（はい／いいえ、日付など）として読み取られます。"
            '"…" のように引用符で囲んでください',
            "without quotes this is read as a yes or no, a date or the like, not as text: put it "
            'in quotes, "…"',
        )
    return node.text


def written(node: Node) -> str:
    """The same, on one line and without signs that nobody sees; raises WrongValueError."""
    text = text_of(node)
    for sign in text:
        if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in _BIDI:
            raise wrong(
                f"改行や制御文字は使えません（U+{ord(sign):04X} があります）",
                f"line ends and control characters can't be used (U+{ord(sign):04X} is in it)",
            )
    return text


def filled(node: Node) -> str:
    """The same, if there is more than blanks in it; raises WrongValueError."""
    text = written(node)
    if not text.strip():
        raise wrong(
            "値が空です。値を書くか、この行を削除してください",
            "this is empty: write a value, or delete the line",
        )
    return text


def refuse_full_width(text: str) -> None:
    """Raises WrongValueError where a text is ASCII but for its width."""
    narrow = unicodedata.normalize("NFKC", text)
    if text.isascii() or not narrow.isascii():
        return
    if _NUMBER.fullmatch(narrow):  # no secret
        raise wrong(
            f"数字などが全角です。半角で {narrow} と書いてください",
            f"there are full-width digits or signs: write {narrow}",
        )
    raise wrong(
        "全角の文字があります。半角で書いてください",
        "there are full-width characters: write them in half width (ASCII)",
    )
