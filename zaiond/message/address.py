"""Mail addresses as people write them, and as they go over the wire (RFC 5321 4.1.2, RFC 5322 3.4).

What is written is `user@example.co.jp` or `Name <user@example.co.jp>`. On the wire a domain has
A-labels (RFC 5890); a local part that isn't ASCII needs SMTPUTF8 (RFC 6531).
"""

import re
import unicodedata
from dataclasses import dataclass

from zaiond.errors import AddressError
from zaiond.text import Text

MAX_LOCAL_PART_OCTETS = 64  # RFC 5321 4.5.3.1.1
MAX_DOMAIN_OCTETS = 255  # RFC 5321 4.5.3.1.2
MAX_ADDRESS_OCTETS = 254  # RFC 5321 4.5.3.1.3: a path of 256, less its angle brackets

_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*"'
_is_quoted = re.compile(_QUOTED).fullmatch
_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-"  # RFC 5322 3.2.3, RFC 6531 3.3
_is_dot_atom = re.compile(rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*").fullmatch
_is_dotted = re.compile(rf"[.{_ATEXT}]+").fullmatch
# The underscore is in no host name by RFC 1123, and in many a local network's.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_is_domain = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_is_ipv4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}").fullmatch
_is_literal = re.compile(r"\[(?:[0-9]+(?:\.[0-9]+){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]").fullmatch
_named = re.compile(rf"({_QUOTED}\s*|[^\"<>]*)<([^<>]*)>").fullmatch
_PIECE = re.compile(rf"{_QUOTED}|[^\",;、，；]+|.", re.DOTALL)
_SEPARATORS = frozenset(",;、，；")
_EMPTY = Text("アドレスがありません", "there is no address")
_quoted_pair = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name ('' if none) and an addr-spec as it goes over the wire.

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
        local, at, domain = self.address.rpartition("@")
        return local + at + domain.lower()


def parse_recipient(text: str) -> Mailbox:
    """One address with an `@`, with or without a display name; raises AddressError."""
    return _parse(text, needs_domain=True)


def parse_sender(text: str) -> Mailbox:
    """Like a recipient, but the `@` may be missing (`zaionnex`); raises AddressError."""
    return _parse(text, needs_domain=False)


def split_addresses(text: str) -> list[str]:
    """The addresses of a list with commas, as they are written, not yet parsed.

    A comma between the quotes of a display name separates nothing. Raises AddressError where
    another sign stands in the comma's place, where nothing stands between two of them, and where
    there is no address at all.
    """
    if not text.strip():
        raise AddressError(_EMPTY)
    found = [""]
    for piece in _PIECE.findall(text):
        if piece == ",":
            found.append("")
        elif piece in _SEPARATORS:
            raise _wrong_separator(piece, text)
        else:
            found[-1] += piece
    addresses = [address.strip() for address in found]
    if not all(addresses):
        raise AddressError(
            Text(
                f"アドレスが空です: {shown(text)}。余分な「,」を取り除いてください",
                f"an address is empty: {shown(text)}: take out the ',' that is too many",
            )
        )
    return addresses


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
        raise AddressError(_EMPTY)
    if not text.replace("\u3000", " ").isprintable():  # U+3000 parts Japanese names
        raise AddressError(
            Text(
                f"アドレスに使えない文字（改行や制御文字など）があります: {shown(text)}",
                f"the address has characters that none can have (as line ends): {shown(text)}",
            )
        )
    for piece in _PIECE.findall(text):
        if piece == ",":
            raise AddressError(
                Text(
                    f"アドレスは 1 つずつ書いてください: {shown(text)}",
                    f"write one address at a time: {shown(text)}",
                )
            )
        if piece in _SEPARATORS:
            raise _wrong_separator(piece, text)
    name, address = "", text
    if "<" in text or ">" in text:
        found = _named(text)
        if found is None:
            raise AddressError(
                Text(
                    f'「<」「>」や「"」の使い方が正しくありません: {shown(text)}。'
                    "「名前 <user@example.co.jp>」の形で書いてください",
                    f"the signs < > or \" don't fit together: {shown(text)}: "
                    "write it as: Name <user@example.co.jp>",
                )
            )
        name, address = found[1].strip(), found[2].strip()
        if name.startswith('"'):
            name = _quoted_pair.sub(r"\1", name[1:-1]).strip()
    if not address:
        raise AddressError(_EMPTY)
    return Mailbox(name, _address(address, text, needs_domain))


def _address(address: str, text: str, needs_domain: bool) -> str:
    if not address.isascii():
        narrow = unicodedata.normalize("NFKC", address)
        if narrow.isascii():
            raise AddressError(
                Text(
                    f"全角の文字があります: {shown(text)}。半角で {narrow} と書いてください",
                    f"these are full-width characters: {shown(text)}: write {narrow}",
                )
            )
    local, at, domain = address.rpartition("@")
    if not at:
        if needs_domain:
            raise AddressError(
                Text(
                    f"「@」がありません: {shown(text)}。user@example.co.jp のように書いてください",
                    f"there is no '@': {shown(text)}: write it as user@example.co.jp",
                )
            )
        local = domain
    _check_local_part(local, text)
    if at:
        domain = _wire_domain(domain, text)
    whole = local + at + domain if at else local
    if len(whole.encode()) > MAX_ADDRESS_OCTETS:
        raise AddressError(
            Text(
                f"アドレスが長すぎます（{MAX_ADDRESS_OCTETS} バイトまで）: {shown(text)}",
                f"the address is too long ({MAX_ADDRESS_OCTETS} octets at most): {shown(text)}",
            )
        )
    return whole


def _check_local_part(local: str, text: str) -> None:
    if not local:
        raise AddressError(
            Text(
                f"「@」の前がありません: {shown(text)}",
                f"nothing stands before the '@': {shown(text)}",
            )
        )
    if len(local.encode()) > MAX_LOCAL_PART_OCTETS:
        raise AddressError(
            Text(
                f"「@」の前が長すぎます（{MAX_LOCAL_PART_OCTETS} バイトまで）: {shown(text)}",
                f"the part before the '@' is too long ({MAX_LOCAL_PART_OCTETS} octets at most): "
                f"{shown(text)}",
            )
        )
    if _is_dot_atom(local) or _is_quoted(local):
        return
    if _is_dotted(local):  # mobile carriers once gave out such addresses
        raise AddressError(
            Text(
                f"「@」の前で「.」が先頭・末尾にあるか連続しています: {shown(text)}。"
                f'実在するアドレスなら、"{local}"@… のように引用符で囲んでください',
                f"dots begin, end or follow one another before the '@': {shown(text)}: "
                f'if the address is real, put quotation marks around it, as "{local}"@…',
            )
        )
    raise AddressError(
        Text(
            f"「@」の前に使えない文字（空白や括弧など）があります: {shown(text)}",
            f"the part before the '@' has a character that it can't have (as a space or a "
            f"parenthesis): {shown(text)}",
        )
    )


def _wire_domain(domain: str, text: str) -> str:
    try:
        wire = a_labels(domain)
    except ValueError:
        wire = ""
    if wire and len(wire) <= MAX_DOMAIN_OCTETS:
        if _is_ipv4(wire):
            raise AddressError(
                Text(
                    f"IP アドレスは角括弧で囲んでください: {shown(text)}（例: user@[{wire}]）",
                    f"put an IP address into square brackets: {shown(text)} (as user@[{wire}])",
                )
            )
        if _is_domain(wire) or _is_literal(wire):
            return wire
    raise AddressError(
        Text(
            f"「@」の後ろがドメイン名として正しくありません: {shown(text)}",
            f"what stands after the '@' is no domain name: {shown(text)}",
        )
    )


def _wrong_separator(sign: str, text: str) -> AddressError:
    return AddressError(
        Text(
            f"アドレスの区切りには「{sign}」ではなく半角の「,」を使ってください: {shown(text)}",
            f"separate addresses by ',', not by '{sign}': {shown(text)}",
        )
    )
