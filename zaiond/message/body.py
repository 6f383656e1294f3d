"""The body of a mail: text, in the shortest transfer encoding that any server can take."""

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Callable
from functools import lru_cache
from struct import Struct

from zaiond.message.charset import Charset, as_jis, encode_jis

MAX_LINE = 998  # RFC 5322 2.1.1
_BASE64_LINE = 76  # RFC 2045 6.8
_base64_lines = re.compile(rb".{1,%d}" % _BASE64_LINE).findall
_FEW_LINES = 40

_TYPE = 'Content-Type: text/plain; charset="{}"\r\nContent-Transfer-Encoding: {}\r\n\r\n'
_SEVEN_BIT = _TYPE.format("us-ascii", "7bit")
_JIS = _TYPE.format("iso-2022-jp", "7bit")
_QUOTED_PRINTABLE = {c: _TYPE.format(c, "quoted-printable") for c in ("utf-8", "iso-2022-jp")}
_BASE64 = {c: _TYPE.format(c, "base64") for c in ("utf-8", "iso-2022-jp")}


def encode_body(text: str, charset: Charset = "utf-8") -> tuple[str, bytes]:
    """The last fields of the header with the empty line behind them, and the body.

    `text` has lines that end in `\\n`, the last one too, and no other control character but tabs.
    Raises UnicodeEncodeError where `charset` hasn't all of its characters.
    """
    # RFC 2045 6.8: the line ends of text are CRLF before it is encoded.
    text = text.replace("\n", "\r\n")
    octets = text.encode() if charset == "utf-8" else encode_jis(as_jis(text))
    if (
        octets.isascii()
        # Mailboxes in mbox format turn a line that begins with "From " into ">From ".
        and not (text.startswith("From ") or "\nFrom " in text)
        and max(map(len, octets.split(b"\r\n"))) <= MAX_LINE
    ):
        # ISO-2022-JP is 7-bit by itself (RFC 1468); only what 7bit can't carry is encoded.
        return _SEVEN_BIT if charset == "utf-8" or text.isascii() else _JIS, octets
    base64_length = (len(octets) + 2) // 3 * 4
    base64_length += (base64_length + _BASE64_LINE - 1) // _BASE64_LINE * 2
    # Quoted, an octet beyond ASCII takes two more; at least 4/3 of what UTF-8 added to the length
    # of the text are such. That is cheaper than to count them.
    added = len(octets) - len(text) if charset == "utf-8" else 0
    if len(octets) + added * 8 // 3 < base64_length:
        quoted = _quoted_printable(octets)
        if len(quoted) < base64_length:
            return _QUOTED_PRINTABLE[charset], quoted
    return _BASE64[charset], _base64(octets)


def _quoted_printable(octets: bytes) -> bytes:
    # b2a_qp ends its soft line breaks as the text's first line ends: in CRLF.
    quoted = b2a_qp(octets).replace(b"\r\nFrom ", b"\r\n=46rom ")
    return b"=46" + quoted[1:] if quoted.startswith(b"From ") else quoted


def _base64(octets: bytes) -> bytes:
    encoded = b2a_base64(octets, newline=False)
    whole = len(encoded) // _BASE64_LINE
    if whole > _FEW_LINES:
        return b"\r\n".join(_base64_lines(encoded)) + b"\r\n"
    # Most mails are so short, and this takes a sixth of the time.
    lines = _split_lines(whole)(encoded)
    rest = encoded[whole * _BASE64_LINE :]
    return b"\r\n".join((*lines, rest, b"") if rest else (*lines, b""))


@lru_cache(maxsize=_FEW_LINES + 1)
def _split_lines(whole: int) -> Callable[[bytes], tuple[bytes, ...]]:
    return Struct(f"{_BASE64_LINE}s" * whole).unpack_from
