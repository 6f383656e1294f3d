"""Names of files in the spool, which may be of any bytes. Pure."""

import re

SUFFIX = ".json"
NAME_MAX = 255  # bytes, on Linux
_CODE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


def another_name(name: str, number: int) -> str:
    """A name for the `number`-th file of this name."""
    stem = name.removesuffix(SUFFIX)
    suffix = f".{number}" * (number > 0) + SUFFIX * name.endswith(SUFFIX)
    # By bytes, for a name may be no UTF-8.
    short = stem.encode("utf-8", "surrogateescape")[: NAME_MAX - len(suffix)]
    return short.decode("utf-8", "surrogateescape") + suffix


def shown(name: str) -> str:
    r"""A file's name, of whatever bytes, as it is shown and can be typed: `\x0a` for a newline,
    `\xff` for a byte that is no UTF-8, `\x5c` for a backslash. No two names look the same.
    """
    if name.isprintable() and "\\" not in name:
        return name
    return "".join(c if c.isprintable() and c != "\\" else _code(ord(c)) for c in name)


def typed(name: str) -> str:
    """The name that `shown` shows so."""
    return _CODE.sub(_meant, name)


def _code(point: int) -> str:
    if 0xDC80 <= point <= 0xDCFF:  # PEP 383: a byte
        return f"\\x{point - 0xDC00:02x}"
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _meant(found: re.Match[str]) -> str:
    byte, short, long = found.groups()
    if byte:
        point = int(byte, 16)
        return chr(point if point < 0x80 else 0xDC00 + point)
    point = int(short or long, 16)
    return chr(point) if point < 0x110000 else found[0]
