"""SMTP's syntax: commands and content as the bytes that we write, and replies (RFC 5321 4.2) out of
whatever pieces the network brings.

A reply is one or more lines with the same code. The code is a line's first three digits, whatever
follows (RFC 5321 4.2.1): `250OK` is 250, too; only `-` there says that more lines follow, and what
stands in between without a code is text of it. What can't be a reply raises `ProtocolFault`: after
that nobody knows which reply belongs to which command, so the session is over.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from zaiond.errors import ZaiondError
from zaiond.model import Message, wire_address
from zaiond.smtp import words
from zaiond.smtp.mask import Mask
from zaiond.text import Text

MAX_LINE = 4096  # RFC 5321 4.5.3.1.5 says 512; servers are known to exceed it
MAX_REPLY = 65536
MAX_SHOWN = 500


class ProtocolFault(ZaiondError):  # noqa: N818  (it is the server's fault)
    """The server sent what is no SMTP reply, or no reply that fits here.

    `lines` are what it sent; they may quote what we said.
    """

    def __init__(self, what: Text, *lines: bytes) -> None:
        super().__init__(words.sent(what=what))
        self.lines = lines


class Reply(NamedTuple):
    """One reply: `code` is 200 to 599, `lines` the text of each line without code and CRLF.

    `code` 0 is a line without one: of POP, or what is no reply at all. `mask` is what the
    connection knows as secret. Whoever decides reads `lines`, as the server sent them; whoever
    shows or keeps them takes `text` or `shown`.
    """

    code: int
    lines: tuple[bytes, ...]
    mask: Mask | None = None

    def __repr__(self) -> str:
        return f"Reply({self.text!r})"

    @property
    def shown(self) -> tuple[bytes, ...]:
        return self.lines if self.mask is None else self.mask.lines(self.lines)

    @property
    def masked(self) -> "Reply":
        return Reply(self.code, self.shown)

    @property
    def text(self) -> str:
        """The reply in one line for a person: `550 5.1.1 No such user`.

        Only printable characters: nothing that a server says can forge a line of a log or move a
        terminal's cursor. At most 500 characters.
        """
        shown = self.shown
        # Nearly all have one line.
        joined = shown[0] if len(shown) == 1 else b" ".join(filter(None, map(bytes.strip, shown)))
        said = printable(joined.strip())
        return f"{self.code} {said}".strip() if self.code else said


def printable(said: bytes | str) -> str:
    """What a server said, escaped, at most 500 characters and an ellipsis."""
    said = said[: 4 * MAX_SHOWN]
    text = _decoded(said) if isinstance(said, bytes) else said
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _decoded(said: bytes) -> str:
    if b"\x1b$" not in said:
        try:
            return said.decode()
        except UnicodeDecodeError:
            pass
    from zaiond import decode  # only for who needs it

    return decode.text(said)


class ReplyParser:
    """Takes the server's bytes in any pieces, gives complete replies.

    Lines end with LF; a CR before it is dropped (bare LF is tolerated in what we read, never in
    what we write).
    """

    __slots__ = ("_code", "_lines", "_mask", "_rest", "_size")

    def __init__(self, mask: Mask | None = None) -> None:
        self._mask = mask
        self._rest = b""
        self._code = 0
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def pending(self) -> bool:
        """Whether there are bytes that belong to no complete reply yet."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes, replies: list[Reply]) -> None:
        """Appends the replies that are complete with `data` to `replies`.

        Those before a fault are appended before it is raised. Raises ProtocolFault: not a reply, or
        too long.
        """
        lines = (self._rest + data if self._rest else data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            # The fast path: a reply of one line, as nearly all are.
            if not self._lines and line[3:4] == b" " and len(line) <= MAX_LINE:
                code = line[:3]
                if code.isdigit() and b"200" <= code < b"600":
                    replies.append(Reply(int(code), (line[4:].rstrip(b"\r"),), self._mask))
                    continue
            reply = self._line(line)
            if reply is not None:
                replies.append(reply)
        if len(self._rest) > MAX_LINE:
            raise ProtocolFault(words.LONG_LINE, self._rest)

    def _line(self, line: bytes) -> Reply | None:
        line = line.removesuffix(b"\r")
        if len(line) > MAX_LINE:
            raise ProtocolFault(words.LONG_LINE, line)
        # RFC 5321 4.2: three digits, then SP or "-" and text. Some servers leave out the SP.
        digits, mark = line[:3], line[3:4]
        if len(digits) == 3 and digits.isdigit() and b"200" <= digits < b"600":
            code, text = int(digits), line[4:] if mark in (b" ", b"-") else line[3:]
        elif self._lines:
            # Junk (a notice put in by hand, mostly): it can't be mistaken for a reply's last line.
            code, mark, text = self._code, b"-", line
        else:
            raise ProtocolFault(words.NO_REPLY, line)
        if self._lines and code != self._code:
            # RFC 5321 4.2.1: the code must be the same on every line.
            raise ProtocolFault(words.LINES_DISAGREE, *self._before(), line)
        self._code = code
        self._lines.append(text)
        self._size += len(line) + 1
        if self._size > MAX_REPLY:
            raise ProtocolFault(words.LONG_REPLY, *self._before())
        if mark == b"-":
            return None
        reply = Reply(code, tuple(self._lines), self._mask)
        self._lines.clear()
        self._size = 0
        return reply

    def _before(self) -> list[bytes]:
        """The lines of the reply so far, as the server sent them."""
        return [b"%d-%s" % (self._code, text) for text in self._lines]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server offers. `size` is its limit in bytes, 0 for none; None if not offered."""

    pipelining: bool = False
    starttls: bool = False
    smtputf8: bool = False
    eightbitmime: bool = False
    size: int | None = None
    auth: tuple[str, ...] = ()

    @classmethod
    def of(cls, reply: Reply) -> "Capabilities":
        """Those of a reply to EHLO (RFC 5321 4.1.1.1); what can't be understood is passed over."""
        offered: dict[str, list[str]] = {}
        for line in reply.lines[1:]:
            # "AUTH=LOGIN" is what servers said before RFC 2554; some still say both.
            keyword, *values = line.decode("ascii", "replace").upper().replace(
                "AUTH=", "AUTH ", 1
            ).split() or [""]
            offered.setdefault(keyword, []).extend(values)
        size: int | None = None
        if "SIZE" in offered:
            limit = offered["SIZE"][0] if offered["SIZE"] else ""
            size = int(limit) if limit.isascii() and limit.isdigit() and len(limit) <= 20 else 0
        return cls(
            pipelining="PIPELINING" in offered,
            starttls="STARTTLS" in offered,
            smtputf8="SMTPUTF8" in offered,
            eightbitmime="8BITMIME" in offered,
            size=size,
            auth=tuple(dict.fromkeys(offered.get("AUTH", ()))),
        )


class Unsendable(NamedTuple):
    """Why something can't be sent to this server, before it was tried."""

    cause: Literal["address", "smtputf8", "too_big"]
    detail: str | Text = ""


def rcpt_command(recipient: str, capabilities: Capabilities) -> bytes | Unsendable:
    """RCPT with its CRLF (RFC 5321 4.1.1.3)."""
    forward_path = path(recipient)
    if forward_path is None:
        return Unsendable("address")
    if not capabilities.smtputf8 and not forward_path.isascii():
        return Unsendable("smtputf8")
    return b"RCPT TO:<%b>\r\n" % forward_path


def mail_command(mail: Message, capabilities: Capabilities, *, utf8: bool) -> bytes | Unsendable:
    """MAIL with its parameters and CRLF (RFC 5321 4.1.1.2); `utf8`: a recipient is not ASCII."""
    reverse_path = path(mail.reverse_path)
    if reverse_path is None:
        return Unsendable("address")
    utf8 = utf8 or mail.smtputf8 or not reverse_path.isascii()
    if utf8 and not capabilities.smtputf8:
        return Unsendable("smtputf8")
    line = b"MAIL FROM:<%b>" % reverse_path
    if capabilities.size is not None:
        # RFC 1870 6.1: the size counts without the dots that are added. What is known to be too
        # big isn't sent at all.
        size = len(mail.content)
        if 0 < capabilities.size < size:
            return Unsendable("too_big", words.too_big(size=size, most=capabilities.size))
        line += b" SIZE=%d" % size
    if utf8:
        # RFC 6531 3.1: who offers SMTPUTF8 must offer 8BITMIME, and content may be UTF-8.
        line += b" BODY=8BITMIME SMTPUTF8" if capabilities.eightbitmime else b" SMTPUTF8"
    return line + b"\r\n"


def dot_stuffed(content: bytes) -> bytes:
    """The content as it goes over the wire, with the final dot (RFC 5321 4.5.2)."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    dot = b"." if stuffed.startswith(b".") else b""
    end = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
    return b"%b%b%b" % (dot, stuffed, end)


# RFC 5321 4.1.2: outside a quoted string neither controls nor space nor the brackets of a path.
_PATH = re.compile(r'(?:[^\x00-\x20\x7f-\x9f<>"\\]|"(?:[^\x00-\x1f\x7f-\x9f"\\]|\\[\x20-\x7e])*")*')


@lru_cache(maxsize=1024)
def path(address: str) -> bytes | None:
    """The address as MAIL and RCPT take it between < and >; None if it can't be one."""
    written = wire_address(address)
    if _PATH.fullmatch(written) is None:
        return None
    try:
        return written.encode()
    except UnicodeEncodeError:
        return None
