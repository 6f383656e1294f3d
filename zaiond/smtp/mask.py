"""The one filter between a server's bytes and what is shown or kept of them: a server may quote our
secrets wherever it speaks, and in whatever form it has them.

The mask finds a secret in upper and lower case, with blanks and quotes in it, over several lines,
in base64 (also as a piece of a longer text), in hexadecimal, in percent or quoted-printable
encoding. How much of it must be there depends on its length, without blanks and quotes:

- from 8 octets on, any piece of 8 is masked, too: servers cut short what they quote;
- from 6 on, the whole is masked anywhere;
- a shorter one is masked where no letter or digit touches it;
- one shorter than 4 only as a word of its own, not in names and numbers (in `2.0.0` the secret 2
  is not masked). Blanks and quotes alone are no secret.

So the mask rather hides too much, and replies stay readable even if the secret is `a` or `mail`.
What a failure means is read from the bytes as they came: masking changes no verdict.
"""

import base64
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from zaiond.smtp.saslprep import ProhibitedError, saslprep

MASKED = b"********"
MAX_SEEN = 2000  # bytes of a reply that are shown, at most
_PIECE = 8
_ANYWHERE = 6
_IN_NAMES = 4
_MOST_SECRETS = 16  # of one server: tokens and what was sent at AUTH come and go
_MOST_PIECES = 512  # of one form: of a longer one not each piece is known, but each longer piece
_NO_PASSWORD = 256  # what is longer is a token, which no NTLM sends

_LOWER = bytes(range(256)).lower().translate(bytes.maketrans(b"-_", b"+/"))  # base64url, too
_BETWEEN = bytes(range(33)) + b"\x7f\"'`\\"
_OCTET = re.compile(rb"().", re.DOTALL)
_ENCODED = re.compile(rb"[%=]([0-9A-Fa-f]{2})|.", re.DOTALL)
# What a server puts before each line of its own accord, code and enhanced code.
_BEFORE = re.compile(rb"(?:\d{3}[ -])*(?:[245]\.\d{1,3}\.\d{1,3}[ -])?")
_DIGEST = re.compile(rb"[0-9a-f]{32}")
_WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]")
_NAME = re.compile(rb"[0-9A-Za-z\x80-\xff][.@_-]$|^[.@_-][0-9A-Za-z\x80-\xff]")


# What is compared of a text, and where in the text each octet of it begins and ends.
_Octets = tuple[bytes, list[int], list[int]]


class Mask:
    """What the connections to one server know as secret; the latest `_MOST_SECRETS` of it."""

    def __init__(self, *secrets: str) -> None:
        self._known: dict[_Known, None] = {}
        self._pieces: dict[bytes, tuple[bytes, int]] | None = None
        self._short: list[bytes] = []
        for secret in secrets:
            self.add(secret)

    @property
    def knows_any(self) -> bool:
        return bool(self._known)

    def add(self, secret: str) -> None:
        """A password, a token, or a client's secret is known from now on."""
        if secret:
            self._add((_forms, secret))

    def add_response(self, response: bytes) -> None:
        """What was sent at AUTH, in base64: a digest can be guessed from, and is as good as it."""
        if response:
            self._add((_forms_of_response, response.decode()))

    def lines(self, lines: Sequence[bytes]) -> tuple[bytes, ...]:
        """The lines of one reply without the secrets; no more than `MAX_SEEN` bytes of it."""
        left, seen = MAX_SEEN + 256, []
        for line in lines:
            seen.append(line[:left])
            left -= len(line) + 1
            if left <= 0:
                break
        text = b"\n".join(seen)
        if b"\x1b$" in text:  # ISO-2022-JP, of which a piece can't be put in another's place
            from zaiond import decode  # only for who needs it

            lines = [text := decode.text(text).encode("utf-8", "backslashreplace")]
        spans = self._spans(text)
        if not spans and len(text) <= MAX_SEEN:
            return tuple(lines)
        return tuple(_without(text[:MAX_SEEN], spans).split(b"\n"))

    def text(self, text: str) -> str:
        """The same of a text in one piece."""
        said = text.encode("utf-8", "backslashreplace")
        spans = self._spans(said)
        return _without(said, spans).decode("utf-8", "replace") if spans else text

    # -- inside

    def _add(self, known: "_Known") -> None:
        if known not in self._known:
            self._pieces = None
        self._known.pop(known, None)
        self._known[known] = None
        if len(self._known) > _MOST_SECRETS:
            del self._known[next(iter(self._known))]

    def _index(self) -> dict[bytes, tuple[bytes, int]]:
        """The pieces by which a form is found, with the form and where they stand in it."""
        if self._pieces is None:
            self._pieces = {}
            found = {_compared(form) for forms, secret in self._known for form in forms(secret)}
            all_forms = sorted(found - {b""}, key=lambda form: (-len(form), form))
            self._short = [form for form in all_forms if len(form) < _PIECE]
            for form in all_forms:
                step = len(form) // _MOST_PIECES + 1
                for at in (*range(0, len(form) - _PIECE + 1, step), len(form) - _PIECE):
                    if at >= 0:
                        self._pieces.setdefault(form[at : at + _PIECE], (form, at))
        return self._pieces

    def _spans(self, text: bytes) -> list[tuple[int, int]]:
        """Where in the text secrets stand, in order."""
        pieces = self._index()
        found: list[tuple[int, int]] = []
        compared = _compared(text)
        ends = range(_PIECE, len(compared) + 1)
        if any(form in compared for form in self._short) or any(
            compared[end - _PIECE : end] in pieces for end in ends
        ):
            found += self._found(_octets(text, decoded=False), text, pieces)
        if b"%" in text or b"=" in text or b"\n" in text:
            found += self._found(_octets(text, decoded=True), text, pieces)
        return _merged(found)

    def _found(
        self, octets: _Octets, text: bytes, pieces: dict[bytes, tuple[bytes, int]]
    ) -> Iterator[tuple[int, int]]:
        compared, begins, ends = octets
        for form in self._short:
            at = compared.find(form)
            while at >= 0:
                begin, end = begins[at], ends[at + len(form) - 1]
                if len(form) >= _ANYWHERE or _apart(text, begin, end, len(form)):
                    yield begin, end
                at = compared.find(form, at + 1)
        at = 0
        while at <= len(compared) - _PIECE:
            known = pieces.get(compared[at : at + _PIECE])
            if known is None:
                at += 1
                continue
            form, start = known
            end = start + _PIECE
            first, last = at, at + _PIECE
            while first > 0 and start > 0 and compared[first - 1] == form[start - 1]:
                first, start = first - 1, start - 1
            while last < len(compared) and end < len(form) and compared[last] == form[end]:
                last, end = last + 1, end + 1
            yield begins[first], ends[last - 1]
            at = last - _PIECE + 1


def _forms(secret: str) -> Iterator[bytes]:
    """A secret in the forms in which a server may have it."""
    said = {secret: None}
    with contextlib.suppress(ProhibitedError):
        said[saslprep(secret)] = None
    if not secret.isascii():
        # bytes know no case but ASCII's.
        said |= {each: None for text in list(said) for each in (text.lower(), text.upper())}
    for text in said:
        yield from _of_bytes(text.encode("utf-8", "surrogatepass"))
        if len(text) <= _NO_PASSWORD:
            yield from _of_bytes(text.encode("utf-16-le", "surrogatepass"))  # as NTLM has it
        for encoding in () if text.isascii() else ("cp932", "euc_jp", "latin-1"):
            with contextlib.suppress(UnicodeEncodeError):
                yield text.encode(encoding)
        in_html = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        yield in_html.encode("utf-8", "replace")
        # A protocol whose words are parted by blanks takes a piece of it for the whole.
        yield from (word.encode("utf-8", "replace") for word in text.split() if len(word) > 3)


def _forms_of_response(response: str) -> Iterator[bytes]:
    decoded = base64.b64decode(response)
    yield response.encode()
    yield response.rstrip("=").encode()
    yield decoded.hex().encode()
    for word in decoded.split():
        if _DIGEST.fullmatch(word):
            yield from _of_bytes(word)


_Known = tuple[Callable[[str], Iterator[bytes]], str]


def _of_bytes(secret: bytes) -> Iterator[bytes]:
    yield secret
    if len(secret) >= _IN_NAMES:
        yield secret.hex().encode()
    yield base64.b64encode(secret)
    yield base64.b64encode(secret).rstrip(b"=")
    # A piece of a longer text in base64, without the letters that what stands beside it changes.
    for shift, unsure in enumerate((0, 2, 3)):
        letters = base64.b64encode(bytes(shift) + secret)
        piece = letters[unsure : (shift + len(secret)) * 8 // 6]
        if len(piece) >= _ANYWHERE:
            yield piece


def _compared(text: bytes) -> bytes:
    return text.translate(_LOWER, _BETWEEN)


def _octets(text: bytes, *, decoded: bool) -> _Octets:
    """The same with their places; `decoded`: without what servers put before each line, and with
    what is in percent or quoted-printable encoding as what it stands for.
    """
    compared, begins, ends, place = bytearray(), list[int](), list[int](), 0
    for line in text.split(b"\n"):
        before = _BEFORE.match(line) if decoded else None
        tokens = _ENCODED if decoded else _OCTET
        for found in tokens.finditer(line, before.end() if before is not None else 0):
            octet = bytes.fromhex(found[1].decode()) if found[1] else found[0]
            kept = octet.translate(_LOWER, _BETWEEN)
            if kept:
                compared += kept
                begins.append(place + found.start())
                ends.append(place + found.end())
        place += len(line) + 1
    return bytes(compared), begins, ends


def _apart(text: bytes, begin: int, end: int, length: int) -> bool:
    before, behind = text[:begin], text[end:]
    if _WORD.match(before[-1:]) or _WORD.match(behind[:1]):
        return False
    return length >= _IN_NAMES or not (_NAME.search(before[-2:]) or _NAME.search(behind[:2]))


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


def _without(text: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    """The text with each span masked; one over several lines in each of them."""
    shown, place = b"", 0
    for begin, end in spans:
        shown += text[place:begin]
        if begin < len(text):
            shown += MASKED + b"".join(b"\n" + MASKED for _ in range(text[begin:end].count(b"\n")))
        place = end
    return shown + text[place:]
