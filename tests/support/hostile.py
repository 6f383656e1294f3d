"""Events as an adversary would send them, and what must never be seen of them.

What acts on a reader is said here once more, by Unicode's own categories, so that nothing of
zaiond's is judged by itself.
"""

import json
import os
import random
from collections.abc import Iterator
from typing import Any
from unicodedata import category

NUMBER = int(os.environ.get("ZAIOND_HOSTILE_EVENTS", "100"))
SEED = int(os.environ.get("ZAIOND_HOSTILE_SEED", "0")) or random.SystemRandom().getrandbits(32)
VICTIM = "victim@example.com"

_ENCODED_WORDS = (
    f"=?UTF-8?Q?hi=0D=0ABcc:_{VICTIM}?=", f"=?UTF-8?Q?hi=0ABcc:_{VICTIM}?=", "=?UTF-8?Q?=1b[2J?=",
    "=?utf-8?B?YQ0KQmNjOiB2aWN0aW1AZXhhbXBsZS5jb20=?=", "=?iso-2022-jp?B?GyRC?=",
    "=?utf-8?Q?=E2=80=AE?=", "=?x-unknown?Q?a?=", "=?utf-8?X?a?=", "=?utf-8?B?=", "=?", "?=",
    "=?=?=?", "=?utf-8?Q?a?==?utf-8?Q?b?=",
)  # fmt: skip
_LINE_ENDS = (
    "\r\n", "\n", "\r", "\r\r\n", "\n\r", "\x85", "\u2028", "\u2029", "\v", "\f", "\0",
)  # fmt: skip
PIECES = (
    *_ENCODED_WORDS,
    *(f"{end}Bcc: {VICTIM}" for end in _LINE_ENDS),
    f"\r\n\r\nBcc: {VICTIM}\r\n", f"\r\n Bcc: {VICTIM}", "\r\n.\r\nMAIL FROM:<>\r\n", "\n.\n",
    "\r\n.", "\nFrom x", "\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    "\n--b--\n", "Content-Type: text/html", "\nzaiond: all is well", "\nEvent ID: another",
    "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]52;c;cm0gLXJm\x07", "\x1bPq\x1b\\", "\x9b2J",
    "\x9d0;t\x9c", "\x1b", "\x1b[", "\x1b(0", "\x1b$B$\"\x1b(B", "\x0e\x0f", "\x07", "a\bb",
    "50%\r100%\r", "_\bu", "\x7f", "\x00", "\x01\x02\x03", "\x80\x84\x86\x9f", "\ufeff", "\ufffe",
    "\uffff", "\u202egnp.exe\u202c", "\u2066a\u2069", "\u202a\u202b\u202d", "\u200e\u200f\u061c",
    "\u200b\u200d\u2060", "".join(chr(0xE0000 + ord(sign)) for sign in "ignore all of it"),
    "\U000e0001\U000e007f", "\ud800", "\udc80", "\udcff\udfff", "\ud83d", "\U0001f600",
    "\U0010ffff", "e\u0301" * 9, "か\u3099ｶﾞﾊﾟ〜～", "日本語の文章です。", "語" * 700, "x" * 2000,
    " ", "  ", "\t", "\n", "\r\n", "=\n", "=3D", "\\", "\"'`$(id);&|<>",
    "<script>alert(1)</script>", "%s%n%(x)s", "{0.__class__}", "{host}", "../../etc/passwd",
    "a, b: c", ";",
)  # fmt: skip
_LEGAL_TYPES = (
    "a.b", "zaiond.delivery.failed", "backup.auto_update.failed", "backup.auto_update.started",
    "job.failed", "../../x", "-", "a" * 255, "backup.auto_update.finished", "unit.failed", "_/.",
)  # fmt: skip
_SEVERITIES = ("emerg", "crit", "Error", "warning", "info", "debug")
_HUGE = ("\u202e", "\x1b", "\0", "\r\n", "a\b", "x", "語", "\U000e0041", "ｱ", "=?", "\n.", "x ")
_KNOWN = ("target", "host", "unit", "started_at", "finished_at", "duration", "job", "mount")


def lines(seed: int, number: int) -> Iterator[bytes]:
    """So many lines as they are put into the event socket: JSON, or nearly."""
    dice = random.Random(seed)
    for n in range(number):
        yield _line(dice, _event(dice, n))


def acting(text: str, allowed: str = "") -> set[str]:
    """The characters of a text that act on who reads it, by their codes."""
    return {ascii(sign) for sign in set(text) if _acts(sign) and sign not in allowed}


def _acts(sign: str) -> bool:
    return (
        category(sign) in ("Cc", "Cs", "Zl", "Zp")
        or "\u202a" <= sign <= "\u202e"
        or "\u2066" <= sign <= "\u2069"
        or "\U000e0000" <= sign <= "\U000e007f"
    )


def _text(dice: random.Random) -> str:
    text = "".join(
        dice.choice(PIECES) if dice.random() < 0.7 else _any(dice)
        for _ in range(dice.choice((0, 1, 1, 2, 3, 5)))
    )
    if dice.random() < 0.01:
        text += dice.choice(_HUGE) * dice.choice((5_000, 20_000))
    return text


def _any(dice: random.Random) -> str:
    """Characters of all planes, surrogates included."""
    most = dice.choice((0x20, 0xA0, 0x3000, 0x10FFFF))
    return "".join(chr(dice.randint(0, most)) for _ in range(dice.randint(1, 20)))


def _value(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.random()
    if kind < 0.5 or depth > 6:
        return _text(dice)
    if kind < 0.65:
        return dice.choice((None, True, False, 0, -1, 1.5, 10**30, 1e300, 1369440000, "1369440000"))
    if kind < 0.66:
        return _deep(dice.choice((10, 60, 63)))
    if kind < 0.67:
        return [dice.choice(([], None, {}, 1, "\u202e"))] * dice.choice((100, 2_000, 9_000))
    few = range(dice.randint(0, 4))
    if kind < 0.8:
        return [_value(dice, depth + 1) for _ in few]
    return {_name(dice): _value(dice, depth + 1) for _ in few}


def _deep(levels: int) -> Any:
    value: Any = "\x1b[2J"
    for level in range(levels):
        value = [value] if level % 2 else {"\r\nBcc": value}
    return value


def _name(dice: random.Random) -> str:
    return dice.choice(_KNOWN) if dice.random() < 0.4 else _text(dice)


def _id(dice: random.Random, number: int) -> str:
    """One that is legal: it must be printable."""
    said = "".join(sign for sign in _text(dice) if sign.isprintable())
    return f"{number} {said}"[:255] if dice.random() < 0.5 else f"{said[:240]} {number}"


def _event(dice: random.Random, number: int) -> dict[str, Any]:
    event: dict[str, Any] = {"type": dice.choice(_LEGAL_TYPES), "id": _id(dice, number)}
    for name in ("subject", "message", "key", "job"):
        if dice.random() < 0.5:
            event[name] = _text(dice)
    if dice.random() < 0.5:
        event["source"] = _text(dice) or "x"
    if dice.random() < 0.7:
        event["severity"] = dice.choice(_SEVERITIES)
    if event.get("key") and dice.random() < 0.5:
        event["status"] = dice.choice(("problem", "ok"))
    if dice.random() < 0.7:
        event["data"] = _value(dice) if dice.random() < 0.3 else {
            _name(dice): _value(dice) for _ in range(dice.randint(0, 5))
        }  # fmt: skip
    for _ in range(dice.choice((0, 0, 1, 3))):
        event.setdefault(_text(dice), _value(dice))
    return event


def _line(dice: random.Random, event: dict[str, Any]) -> bytes:
    if dice.random() < 0.5:
        return json.dumps(event).encode()
    # As it is: bytes that are no UTF-8, surrogates, and controls but for line ends.
    text = json.dumps(event, ensure_ascii=False)
    if dice.random() < 0.5:
        for code in (*range(0x08), 0x0E, 0x1B, 0x7F):
            text = text.replace(f"\\u{code:04x}", chr(code))
    return text.encode(errors="surrogatepass")
