"""The last look at a mail before it leaves: it is a mail of ours, to the octet."""

import re

from zaiond.errors import MessageError
from zaiond.message import mime
from zaiond.message.assemble import GENERATED, IMPORTANT, MIME
from zaiond.text import Text

_ID = r"<[!-;=?-~]+@[!-;=?-~]+>\r\n"
# A field's value over one line or more: one that begins with a space goes on the one before.
_VALUE = r"[ -~\x80-\xff]*+(?:\r\n [!-~\x80-\xff][ -~\x80-\xff]*+)*+\r\n"
_TEXT = r'text/plain; charset="(?:us-ascii|utf-8|iso-2022-jp)"'
_MULTIPART = r'multipart/(?:alternative|mixed); boundary="(=_[0-9a-f]{24})"'
_ENCODING = r"Content-Transfer-Encoding: (?:7bit|quoted-printable|base64)\r\n"
_DISPOSITION = (
    r"Content-Disposition: attachment;(?: filename=\"[A-Za-z0-9_.,+@=-]+\"|"
    r"(?:\r\n filename\*(?:[0-9]{1,2}\*)?=(?:utf-8'')?[0-9A-F%]+;?)+)\r\n"
)
_is_alternative = re.compile(
    rf"Content-Type: {_MULTIPART.replace('(?:alternative|mixed)', 'alternative')}\r\n"
    rf"{_ENCODING}\r\n".encode()
).match
_is_text = re.compile(rf"Content-Type: {_TEXT}\r\n{_ENCODING}\r\n".encode()).match
_is_html = re.compile(
    rf"Content-Type: {_TEXT.replace('plain', 'html')}\r\n{_ENCODING}\r\n".encode()
).match
_is_file = re.compile(
    rf"Content-Type: (?:{_TEXT}|application/gzip)\r\n{_ENCODING}{_DISPOSITION}\r\n".encode()
).match
_is_ours = re.compile(
    (
        f"From: {_VALUE}To: {_VALUE}Date: {_VALUE}Subject:{_VALUE}Message-ID: {_ID}"
        f"(?:In-Reply-To: {_ID}References: {_ID})?+(?:{IMPORTANT})?+(?:Zaiond-Event: {_VALUE})*+"
        f"{GENERATED}{re.escape(MIME)}"
        rf"Content-Type: (?:{_TEXT}|{_MULTIPART})\r\n{_ENCODING}\r\n"
    ).encode()
).match


def check_wire(content: bytes, *, smtputf8: bool = False) -> None:
    """Look at a mail's bytes before they leave (RFC 5321 2.3.8, 4.5.3.1.6; RFC 5322 3.6).

    Raises MessageError unless each line ends in CRLF and has at most 998 octets, there is no NUL
    and, without `smtputf8`, no octet above 127, the header has exactly the fields of ours, and the
    body the parts.
    """
    lines = content.split(b"\r\n")
    within = b"".join(lines)
    if b"\n" in within or b"\r" in within:
        raise _not_a_mail("CR か LF が単独で含まれています", "it has a CR or LF on its own")
    if lines[-1]:
        raise _not_a_mail("最後の行が CRLF で終わっていません", "its last line has no CRLF")
    if b"\0" in within:
        raise _not_a_mail("NUL が含まれています", "it has a NUL")
    if max(map(len, lines)) > mime.MAX_LINE:
        raise _not_a_mail(
            f"{mime.MAX_LINE} バイトを超える行があります", f"a line is over {mime.MAX_LINE} octets"
        )
    found = _is_ours(content)
    if found is None:
        raise _not_a_mail("zaiond が作るヘッダーと異なります", "its header isn't zaiond's")
    if not content.isascii() and not (smtputf8 and content[found.end() :].isascii()):
        raise _not_a_mail("7 ビットでない文字があります", "it has octets above 127")
    if found[1] is not None and not _are_parts(content[found.end() :], found[1]):
        raise _not_a_mail("zaiond が作るパートと異なります", "its parts aren't zaiond's")


def _are_parts(body: bytes, boundary: bytes, *, within: bool = False) -> bool:
    """Whether a body is exactly the parts that ours has: a text and HTML; or one of these, or a
    text, and files.
    """
    parts = _parts(body, boundary)
    if len(parts) < 2:
        return False
    if _is_text(parts[0]) and len(parts) == 2 and _is_html(parts[1]):
        return True
    if within or not all(map(_is_file, parts[1:])):
        return False
    inner = _is_alternative(parts[0])
    if inner:
        return _are_parts(parts[0][inner.end() :], inner[1], within=True)
    return _is_text(parts[0]) is not None


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    """The parts of a body (RFC 2046 5.1.1) without a word before, between or behind them; none
    where it is anything else.
    """
    line = b"--" + boundary
    begin, end = line + b"\r\n", b"\r\n" + line + b"--\r\n"
    if not (body.startswith(begin) and body.endswith(end)) or len(body) < len(begin) + len(end):
        return []
    parts = body[len(begin) : -len(end)].split(b"\r\n" + begin)
    return [] if any(boundary in part for part in parts) else parts


def _not_a_mail(ja: str, en: str) -> MessageError:
    return MessageError(
        Text(
            f"作成したメールが不正なため送信しません: {ja}",
            f"a mail that was made must not be sent: {en}",
        )
    )
