"""A mail's commands and content, as bytes of the wire."""

import re
from functools import lru_cache
from typing import NamedTuple

from zaiond.model import Message, wire_address
from zaiond.smtp import words
from zaiond.smtp.failure import Cause
from zaiond.smtp.handshake import Capabilities
from zaiond.text import Text


class Unsendable(NamedTuple):
    """Why something can't be sent to this server, before it was tried."""

    cause: Cause
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
            return Unsendable("too_big", words.too_big(size, capabilities.size))
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
