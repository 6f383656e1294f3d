"""What a mail says, in a form that any server can take: header fields, folded (RFC 5322 2.2.3) and
in ASCII (RFC 2047); the text in its shortest transfer encoding (RFC 2045); moments in local time.

It is UTF-8, or for old readers ISO-2022-JP (RFC 1468), which is ASCII and JIS X 0208. What has a
place there under another code point is put there: half-width katakana, and the signs for which
Windows and JIS have different ones. Nothing else is replaced: a text with any other character can't
go out in ISO-2022-JP.
"""

import re
import unicodedata
from binascii import b2a_base64, b2a_qp
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from struct import Struct
from typing import Any, Literal

from zaiond.message.address import Mailbox
from zaiond.message.words import Words
from zaiond.model import wire_address
from zaiond.safe import Replacer

Charset = Literal["utf-8", "iso-2022-jp"]

MAX_LINE = 998  # RFC 5322 2.1.1
_BASE64_LINE = 76  # RFC 2045 6.8
_base64_lines = re.compile(rb".{1,%d}" % _BASE64_LINE).findall
_FEW_LINES = 40

_TYPE = 'Content-Type: text/plain; charset="{}"\r\nContent-Transfer-Encoding: {}\r\n\r\n'
_SEVEN_BIT = _TYPE.format("us-ascii", "7bit")
_JIS = _TYPE.format("iso-2022-jp", "7bit")
_QUOTED_PRINTABLE = {c: _TYPE.format(c, "quoted-printable") for c in ("utf-8", "iso-2022-jp")}
_BASE64 = {c: _TYPE.format(c, "base64") for c in ("utf-8", "iso-2022-jp")}

_FOLD = "\r\n "
_LINE = 78  # RFC 5322 2.1.1
_ENCODED_LINE = 76  # RFC 2047 2: a line with an encoded-word
_WORD_BEGIN, _WORD_END = "=?utf-8?B?", "?="
_BETWEEN_WORDS = f"{_WORD_END}{_FOLD}{_WORD_BEGIN}".encode()
_AROUND = len(_WORD_BEGIN + _WORD_END)
_JIS_WORD_BEGIN = "=?iso-2022-jp?B?"
_ESCAPE = len(b"\x1b$B")
_LONGEST_WORD = 300  # of ASCII without a space: it can't be folded, only encoded
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = 1e8  # seconds since the epoch; a smaller number is none
_is_number = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?", re.ASCII).fullmatch
_is_date_time = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
    r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
).fullmatch
# Each word with one space before it: what a reader may do to more of them is not foreseeable.
_is_plain = re.compile(rf"[!-~]{{1,{_LONGEST_WORD}}}(?: [!-~]{{1,{_LONGEST_WORD}}})*").fullmatch
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_is_phrase = re.compile(rf"{_ATOM}(?: {_ATOM})*").fullmatch
_is_ascii_name = re.compile(r"[ -~]{1,60}").fullmatch
_to_escape = re.compile(r'(["\\])')


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


def is_plain(text: str) -> bool:
    """Whether every reader shows these ASCII words as they stand."""
    return "=?" not in text and _is_plain(text) is not None


def unstructured(start: str, text: str, charset: Charset = "utf-8") -> str:
    """A field whose reader gets `text` back; `text` has no line end, `start` is like `Subject: `.

    `start` may go on with a few words of ASCII, and ends in a space.
    """
    if not text:
        return f"{start[:-1]}\r\n"
    if not is_plain(text):
        return encoded(start, text, charset) + "\r\n"
    if len(start) + len(text) <= _LINE:
        return f"{start}{text}\r\n"
    first, *words = text.split(" ")
    lines = [start + first]
    for word in words:
        if len(lines[-1]) + 1 + len(word) <= _LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return "\r\n".join(lines) + "\r\n"


def encoded(start: str, text: str, charset: Charset) -> str:
    """`start`, then `text` in encoded-words over as many lines as it takes; no line end after it.

    No character is split between two words (RFC 2047 5). `start` has at most 56 characters, and
    ends in a space. Raises UnicodeEncodeError where `charset` hasn't all characters of the text.
    """
    if charset == "iso-2022-jp":
        return _encoded_jis(start, text)
    octets = text.encode()
    words = []
    begin, room = 0, _ENCODED_LINE - len(start)
    while begin < len(octets):
        end = begin + (room - _AROUND) // 4 * 3
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        words.append(b2a_base64(octets[begin:end], newline=False))
        begin, room = end, _ENCODED_LINE - 1
    return f"{start}{_WORD_BEGIN}{_BETWEEN_WORDS.join(words).decode('ascii')}{_WORD_END}"


def _encoded_jis(start: str, text: str) -> str:
    """Each word begins and ends in ASCII (RFC 1468), with the escape sequences that this takes."""
    text = as_jis(text)
    around = len(_JIS_WORD_BEGIN + _WORD_END)
    room, whole = ((_ENCODED_LINE - n - around) // 4 * 3 for n in (len(start), 1))
    lines, begin, size, is_wide = [start], 0, 0, False
    for at, character in enumerate(text):
        wide = character > "\x7f"
        more = 1 + wide + _ESCAPE * (wide != is_wide)
        if size + more + _ESCAPE * wide > room:
            if at > begin:
                lines[-1] += _jis_word(text[begin:at])
            else:  # not even one character fits behind `start`
                lines[-1] = lines[-1].rstrip(" ")
            lines.append(" ")
            begin, room, size, is_wide = at, whole, 0, False
            more = 1 + wide + _ESCAPE * wide
        size += more
        is_wide = wide
    lines[-1] += _jis_word(text[begin:])
    return "\r\n".join(lines)


def _jis_word(text: str) -> str:
    word = b2a_base64(encode_jis(text), newline=False).decode("ascii")
    return f"{_JIS_WORD_BEGIN}{word}{_WORD_END}"


def mailboxes(name: str, boxes: tuple[Mailbox, ...], charset: Charset = "utf-8") -> str:
    """An address field, one mailbox a line."""
    lines = [_mailbox(f"{name}: " if n == 0 else " ", box, charset) for n, box in enumerate(boxes)]
    return ",\r\n".join(lines) + "\r\n"


def _mailbox(start: str, box: Mailbox, charset: Charset) -> str:
    address = wire_address(box.address)
    if not box.name:
        return start + address
    if "=?" in box.name or not _is_ascii_name(box.name):
        line = encoded(start, box.name, charset)
    elif _is_phrase(box.name):
        line = start + box.name
    else:
        line = f'{start}"' + _to_escape.sub(r"\\\1", box.name) + '"'
    fits = len(line) - line.rfind("\n") + len(address) + 2 <= _ENCODED_LINE
    return f"{line}{' ' if fits else _FOLD}<{address}>"


@lru_cache(maxsize=64)
def date(second: int, tz: tzinfo | None) -> str:
    """The Date field of a second since the epoch (RFC 5322 3.3): local time with its offset."""
    moment = _local_time(second, tz)
    return (
        f"Date: {_WEEKDAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} "
        f"{moment.year:04d} {moment:%H:%M:%S} {_offset(moment)}\r\n"
    )


def moment(value: Any, words: Words, tz: tzinfo | None) -> Any:
    """Local time, if the value is a date and time by RFC 3339, or seconds since the epoch."""
    try:
        seconds = value
        if isinstance(value, str):
            if _is_date_time(value):
                moment = datetime.fromisoformat(value.upper())
                if moment.tzinfo is None:  # the producer's local time, which is ours
                    moment = moment.replace(tzinfo=tz) if tz else moment.astimezone()
                return shown_moment(int(moment.timestamp() // 1), words, tz)
            if _is_number(value):
                seconds = float(value)
        if isinstance(seconds, (int, float)) and seconds >= _EARLIEST:
            return shown_moment(int(seconds // 1), words, tz)
    except (ValueError, OverflowError, OSError):
        pass  # no such moment: what was sent is shown
    return value


@lru_cache(maxsize=256)
def shown_moment(second: int, words: Words, tz: tzinfo | None) -> str:
    """A second since the epoch in local time, with its weekday and offset."""
    moment = _local_time(second, tz)
    weekday = moment.weekday()
    if words.is_ja:
        day = f"{moment.year:04d}/{moment:%m/%d}({'月火水木金土日'[weekday]})"
    else:
        day = f"{_WEEKDAYS[weekday]} {moment.year:04d}-{moment:%m-%d}"
    return f"{day} {moment:%H:%M:%S} {_offset(moment)}"


def duration(value: Any, words: Words) -> Any:
    """`12分34秒`, `12 min 34 s`, if the value is a number of seconds."""
    if isinstance(value, str) and _is_number(value):
        value = float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e10:
        if words.is_ja:
            return _units(value, ("日", "時間", "分", "秒"), "")
        return _units(value, (" d", " h", " min", " s"), " ")
    return value


@lru_cache(maxsize=256)
def _local_time(second: int, tz: tzinfo | None) -> datetime:
    """A second since the epoch in `tz`, or in the system's zone, with its offset.

    In UTC where the calendar ends (years 1 and 9999). Raises OverflowError beyond.
    """
    moment = _EPOCH + timedelta(seconds=second)
    try:
        return moment.astimezone(tz)
    except (ValueError, OverflowError, OSError):
        return moment


def _offset(moment: datetime) -> str:
    """`+0900`, as RFC 5322 3.3 writes it."""
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{rest:02d}"


def _units(seconds: float, names: tuple[str, str, str, str], separator: str) -> str:
    """A length of time, at least 0 s, in days, hours, minutes and seconds, by their names."""
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.2g}{names[3]}"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    counts = (days, hour, minute, second)
    first, last = 0, 3
    while first < 3 and not counts[first]:
        first += 1
    while last > first and not counts[last]:
        last -= 1
    return separator.join([f"{counts[n]}{names[n]}" for n in range(first, last + 1)])


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
    return _BASE64[charset], base64(octets)


def _quoted_printable(octets: bytes) -> bytes:
    # b2a_qp ends its soft line breaks as the text's first line ends: in CRLF.
    quoted = b2a_qp(octets).replace(b"\r\nFrom ", b"\r\n=46rom ")
    return b"=46" + quoted[1:] if quoted.startswith(b"From ") else quoted


def base64(octets: bytes) -> bytes:
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
