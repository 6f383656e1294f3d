"""In which encoding a file is that should be in UTF-8, and the command that mends it."""

import shlex

from zaiond.text import Text

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
        return Text(
            ja="文字コードが UTF-8 ではありません。UTF-8 で保存し直してください",
            en="this is not UTF-8: save the file in UTF-8",
        )
    return _in_encoding(path, name)


def in_jis(path: str, text: str) -> Text | None:
    """What is said of a file that is ASCII, if it is meant as ISO-2022-JP."""
    return _in_encoding(path, "ISO-2022-JP-3") if any(sign in text for sign in _JIS) else None


def _in_encoding(path: str, name: str) -> Text:
    file, new = shlex.quote(path), shlex.quote(f"{path}.utf8")
    command = f"iconv -f {name} -t UTF-8 {file} > {new} && cat {new} > {file} && rm {new}"
    called = _CALLED.get(name, name)
    return Text(
        ja=f"文字コードが UTF-8 ではなく、{called} のようです。UTF-8 で保存し直すか、次のコマンドで"
        f"変換してください: {command}",
        en=f"this is not UTF-8 but {called}, it seems: save the file in UTF-8, or run: {command}",
    )


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
