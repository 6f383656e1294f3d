"""Mail addresses as people write them, and as they go over the wire (RFC 5321 4.1.2, RFC 5322 3.4).

What is written is `user@example.co.jp` or `Name <user@example.co.jp>`, and lists of them with
commas. On the wire a domain has A-labels (RFC 5890); a local part that isn't ASCII needs SMTPUTF8
(RFC 6531).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

import msgspec

from zaiond.errors import AddressError, AddressListError
from zaiond.message import words
from zaiond.model import wire_address
from zaiond.text import Sentence, Text

MAX_LOCAL_PART_OCTETS = 64  # RFC 5321 4.5.3.1.1
MAX_DOMAIN_OCTETS = 255  # RFC 5321 4.5.3.1.2
MAX_ADDRESS_OCTETS = 254  # RFC 5321 4.5.3.1.3: a path of 256, less its angle brackets

# Possessive: what isn't closed is gone through once. In a list it is taken as far as it goes, for
# what begins within it isn't closed either.
_BEGUN = r'"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*+'
_QUOTED = f'{_BEGUN}"'
_is_quoted = re.compile(_QUOTED).fullmatch
_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-"  # RFC 5322 3.2.3, RFC 6531 3.3
_is_dotted = re.compile(rf"[.{_ATEXT}]+").fullmatch  # wire_address quotes what is no Dot-string
# The underscore is in no host name by RFC 1123, and in many a local network's.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_is_domain = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_is_ipv4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}").fullmatch
_is_literal = re.compile(r"\[(?:[0-9]+(?:\.[0-9]+){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]").fullmatch
_named = re.compile(rf"({_QUOTED}\s*|[^\"<>]*)<([^<>]*)>").fullmatch
_SIGNS = ",;、，；､"
_SIGNS_IN_WORDS = "/／・|｜&＆"  # signs that an address may have, too
_PIECE = re.compile(rf"{_BEGUN}\"?|[^\"{_SIGNS}]+|.", re.DOTALL)
_quoted_string = re.compile(f'{_BEGUN}"?')
_quoted_pair = re.compile(r"\\(.)")
_to_escape = re.compile(r'(["\\])')
_blank = re.compile(r"\s+")
# What a list is made of, however its addresses are separated.
_TOKEN = re.compile(rf"(<[^<>]*>)|(\s+)|([{_SIGNS}])|{_BEGUN}\"?|[^\s\"<>{_SIGNS}]+|.", re.DOTALL)
_WORD, _ANGLE, _BLANK, _SIGN = range(4)
_FULL_WIDTH = str.maketrans("＜＞＠", "<>@")


class Mailbox(msgspec.Struct, frozen=True):
    """A display name ('' if none) and an addr-spec: its domain as it goes over the wire, its local
    part as it is written (`wire_address` quotes it where it must be).

    The address has no `@` where a sender was written without one.
    """

    name: str
    address: str

    @property
    def smtputf8(self) -> bool:
        """Whether the address can only go over a server with SMTPUTF8."""
        return not self.address.isascii()

    @property
    def key(self) -> str:
        """What two mailboxes have in common if they are one: a domain's case doesn't matter."""
        local, at, domain = wire_address(self.address).rpartition("@")
        return local + at + domain.lower()


def parse_recipient(text: str) -> Mailbox:
    """One address with an `@`, with or without a display name; raises AddressError."""
    return _parse(text, needs_domain=True)


def parse_sender(text: str) -> Mailbox:
    """Like a recipient, but the `@` may be missing (`zaionnex`); raises AddressError."""
    return _parse(text, needs_domain=False)


def parse_list(text: str) -> list[str]:
    """The addresses of a list with commas, each as it is written, valid, and without blanks around.

    A comma between the quotes of a display name separates nothing. Raises AddressListError.
    """
    elements = [""]
    for piece in _PIECE.findall(text):
        if piece == ",":
            elements.append("")
        else:
            elements[-1] += piece
    if len(elements) > 1 and not all(element.strip() for element in elements):
        raise AddressListError(_said(words.EMPTY_ELEMENT, text), instead=_instead([text]))
    return _parsed(elements, [text])


def parse_elements(elements: Sequence[str]) -> list[str]:
    """The same of a list whose elements are already apart. Raises AddressListError."""
    return _parsed(elements, elements)


def _parsed(elements: Sequence[str], written: Sequence[str]) -> list[str]:
    wrong: list[Text] = []
    for element in elements:
        try:
            parse_recipient(element)
        except AddressError as error:
            wrong.append(error.text)
    if not wrong:
        return [element.strip() for element in elements]
    instead = _instead(written)
    if instead is None:  # the right separator alone doesn't mend it
        wrong += (fault for element in elements for fault in _inner_faults(element))
    raise AddressListError(*dict.fromkeys(wrong), instead=instead)


def _inner_faults(element: str) -> Iterator[Text]:
    """What is wrong with each of the addresses that wrong signs separate."""
    pieces = [""]
    for kind, token in _tokens(element):
        if kind == _SIGN:
            pieces.append("")
        else:
            pieces[-1] += token
    for piece in pieces:
        try:
            parse_recipient(piece)
        except AddressError as error:
            yield error.text


def mended(text: str, *, needs_domain: bool = True) -> list[str] | None:
    """The addresses that `text` is meant to be, each as it should be written, however they are
    separated; None where that can't be known."""
    found: list[tuple[str, str]] = []  # names and addresses
    name = ""  # what may be the beginning of one
    for kind, token in _tokens(text.translate(_FULL_WIDTH)):
        if kind == _ANGLE:
            address = token[1:-1].strip()
            if not name and found and found[-1] == ("", address):  # a@x.jp <a@x.jp>
                name = found.pop()[1]
            found.append((name.strip(), address))
            name = ""
        elif kind in (_BLANK, _SIGN):
            name += token if name else ""
        elif not _has_at(token):
            name += token
        elif _blank.sub("", name).endswith(tuple(_SIGNS + _SIGNS_IN_WORDS)):
            return None  # "Yamada, a@x.jp": is that a name?
        else:
            found.append((name.strip(), token))
            name = ""
    name = name.strip(f"{_SIGNS}{_SIGNS_IN_WORDS} \t\r\n\u3000")
    if name and (needs_domain or found):
        return None
    if name:
        found.append(("", name))
    try:
        written = [_written(*each) for each in found]
        for each in written:
            if _separator(each, needs_domain) is not None:
                return None
            _parse(each, needs_domain=needs_domain)
    except AddressError:
        return None
    return written or None


def _instead(elements: Sequence[str]) -> str | None:
    """The whole list mended, as one text with commas."""
    lists = [mended(element) for element in elements if element.strip()]
    if not lists or None in lists:
        return None
    return ", ".join(each for found in lists for each in found or ())


def _tokens(text: str) -> list[tuple[int, str]]:
    """What `_TOKEN` finds, with its kind; a quoted string and what is next to it are one word."""
    tokens: list[tuple[int, str]] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastindex or _WORD
        if kind == _WORD and tokens and tokens[-1][0] == _WORD:
            tokens[-1] = _WORD, tokens[-1][1] + match[0]
        else:
            tokens.append((kind, match[0]))
    return [part for kind, token in tokens for part in _parts(kind, token)]


def _parts(kind: int, token: str) -> list[tuple[int, str]]:
    """A word of several addresses (a@x.jp/b@x.jp) taken apart."""
    if kind != _WORD or _quoted_string.sub("", token).count("@") < 2:
        return [(kind, token)]
    parts = re.split(f"([{_SIGNS_IN_WORDS}])", token)
    return [(_SIGN if n % 2 else _WORD, part) for n, part in enumerate(parts) if part]


def _written(name: str, address: str) -> str:
    if not address.isascii():
        narrow = unicodedata.normalize("NFKC", address)
        address = narrow if narrow.isascii() else address
    address = address.rstrip(".。")
    local, at, domain = address.rpartition("@")
    if _is_ipv4(domain):
        address = f"{local}{at}[{domain}]"
    if not name:
        return address
    if not any(sign.isalnum() for sign in name):
        raise AddressError(words.EMPTY)
    if not _is_quoted(name) and set(name) & set(f'{_SIGNS}@"\\'):
        name = '"' + _to_escape.sub(r"\\\1", _blank.sub(" ", name)) + '"'
    return f"{name} <{address}>"


def shown(text: str) -> str:
    """Text for an error: printable, on one line, in quotation marks."""
    mark = "'" if '"' in text else '"'
    return mark + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text) + mark


def a_labels(domain: str) -> str:
    """The domain as DNS and the wire know it (RFC 5891 4.4); as it stands if it is ASCII.

    What was typed is first made one by UTS 46, not transitional: `straße.example` is not
    `strasse.example`, as the codec of Python has it by the IDNA of 2003. Raises ValueError.
    """
    if domain.isascii():
        return domain
    import idna  # tables of some size, for few

    return idna.encode(domain, uts46=True).decode("ascii")


def _parse(text: str, *, needs_domain: bool) -> Mailbox:
    text = text.strip()
    if not text:
        raise AddressError(words.EMPTY)
    separator = _separator(text, needs_domain)
    if separator is not None:
        raise AddressError(_several(separator, text, needs_domain))
    if not text.replace("\u3000", " ").isprintable():  # U+3000 parts Japanese names
        raise AddressError(_said(words.NOT_PRINTABLE, text))
    name, address = "", text
    if "<" in text or ">" in text:
        found = _named(text)
        if found is None:
            raise AddressError(_said(words.SIGNS_DO_NOT_FIT, text))
        name, address = found[1].strip(), found[2].strip()
        if name.startswith('"'):
            name = _quoted_pair.sub(r"\1", name[1:-1]).strip()
    if not address:
        raise AddressError(words.EMPTY)
    return Mailbox(name, _address(address, text, needs_domain))


def _address(address: str, text: str, needs_domain: bool) -> str:
    if not address.isascii():
        narrow = unicodedata.normalize("NFKC", address)
        local = address.rpartition("@")[0]  # the domain may well be Japanese
        if narrow.isascii() or unicodedata.normalize("NFKC", local).isascii() > local.isascii():
            raise AddressError(_said(words.FULL_WIDTH, text, narrow))
    local, at, domain = address.rpartition("@")
    if not at:
        if needs_domain:
            raise AddressError(_said(words.NO_AT, text))
        local = domain
    if not local:
        raise AddressError(_said(words.NO_LOCAL_PART, text))
    if len(wire_address(f"{local}@").encode()) > MAX_LOCAL_PART_OCTETS + 1:
        raise AddressError(_said(words.LOCAL_PART_TOO_LONG, text, MAX_LOCAL_PART_OCTETS))
    if not (_is_dotted(local) or _is_quoted(local)):
        raise AddressError(_said(words.WRONG_LOCAL_PART, text))
    if at:
        domain = _wire_domain(domain, text)
    whole = local + at + domain if at else local
    if len(whole.encode()) > MAX_ADDRESS_OCTETS:
        raise AddressError(_said(words.TOO_LONG, text, MAX_ADDRESS_OCTETS))
    return whole


def _wire_domain(domain: str, text: str) -> str:
    try:
        wire = a_labels(domain)
    except ValueError:
        wire = ""
    if wire and len(wire) <= MAX_DOMAIN_OCTETS:
        if _is_ipv4(wire):
            raise AddressError(_said(words.BARE_IP_ADDRESS, text, wire))
        if _is_domain(wire) or _is_literal(wire):
            return wire
    raise AddressError(_said(words.NO_DOMAIN, text))


def _separator(text: str, needs_domain: bool) -> str | None:
    """What stands between two addresses in `text`, '' for nothing; None if there is only one."""
    blank = address = ""
    ended = False
    for kind, token in _tokens(text):
        if kind == _SIGN:
            return token
        if kind == _BLANK:
            blank = token
            continue
        if ended or (address and kind == _WORD and _has_at(token)):
            return blank
        if kind == _ANGLE:
            # a@x.jp <a@x.jp> is how some programs write one. A sender can only be one.
            if address and needs_domain and token[1:-1].strip() != address:
                return blank
            ended = True
        elif _has_at(token):
            address = token
        blank = ""
    return None


def _has_at(word: str) -> bool:
    return "@" in _quoted_string.sub("", word)


def _several(separator: str, text: str, needs_domain: bool) -> Text:
    """What is said of several addresses where one belongs, or of a sign in a display name."""
    meant = mended(text, needs_domain=needs_domain) or []
    if separator.strip() and len(meant) == 1 and separator in meant[0]:
        return _said(words.SIGN_IN_NAME, text, separator)
    if not needs_domain:
        return _said(words.ONLY_ONE, text)
    if separator == ",":
        return _said(words.ONE_AT_A_TIME, text)
    if not separator:
        return _said(words.NO_COMMA, text)
    name = Text(f"「{separator}」", f"'{separator}'")
    if not separator.strip():
        name = next((words.BLANKS[sign] for sign in words.BLANKS if sign in separator), words.BLANK)
    return _said(words.WRONG_SEPARATOR, text, name)


def _said(sentence: Sentence, text: str, value: object = "") -> Text:
    """A sentence of `words` about `text`."""
    return sentence(text=shown(text), value=value)
