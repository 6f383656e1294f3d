"""The kinds of settings with a form of their own: numbers with bounds, hosts, URLs, addresses."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zaiond.config import words
from zaiond.config.kinds import Kind, WrongValueError, filled, refuse_full_width, text_of, written
from zaiond.config.tree import Mapping, Node, Scalar, Sequence
from zaiond.errors import AddressError, AddressListError
from zaiond.message import address
from zaiond.text import Text

DAY = 86400.0
_SECONDS = {"d": DAY, "h": 3600.0, "m": 60.0, "s": 1.0}
_BYTES = {"G": 1024**3, "M": 1024**2, "K": 1024}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` mails in every `seconds` seconds."""

    count: int
    seconds: float


def fill_names(text: str, *, host: str, fqdn: str) -> str:
    """`text` (a sender or a subject prefix) with `{host}` and `{fqdn}` replaced by the names."""
    return text.replace("{host}", host).replace("{fqdn}", fqdn)


class _Bounded(Kind):
    """A number between two bounds, which may be written, too."""

    def __init__(self, low: float, high: float) -> None:
        self._low = low
        self._high = high
        ja, en = self.form
        self.form = Text(
            f"{ja}（{self.write(low)}～{self.write(high)}）",
            f"{en}, {self.write(low)} to {self.write(high)}",
        )

    def _demand_within(self, number: float) -> None:
        if not self._low <= number <= self._high:
            low, high = self.write(self._low), self.write(self._high)
            raise WrongValueError(words.not_between(low=low, high=high))


class Integer(_Bounded):
    """A whole number."""

    form = Text("整数", "whole number")
    tag = "int"

    def read(self, node: Node) -> int:
        if not isinstance(node, Scalar) or node.tag != "int" or not _INTEGER.fullmatch(node.text):
            if isinstance(node, Scalar):
                refuse_full_width(node.text)
            raise WrongValueError(words.NO_INTEGER)
        number = int(node.text)
        self._demand_within(number)
        return number


class _Measure(_Bounded):
    """A number with a unit."""

    _pattern: re.Pattern[str]
    _units: dict[str, Any]  # what each is worth, the largest first
    _number: type[float] = int
    _refusal: Callable[[], Text]

    def read(self, node: Node) -> Any:
        number, unit = _with_unit(node, self._pattern, self._refusal)
        value = self._number(number) * self._units[unit]
        self._demand_within(value)
        return value

    def write(self, value: float) -> str:
        """The number in the largest unit that divides it: 90.0 seconds are 90s."""
        for unit, worth in self._units.items():
            if value and value % worth == 0:
                return f"{int(value // worth)}{unit}"
        return f"{value / worth:.12g}{unit}"


class Duration(_Measure):
    """Seconds."""

    form = Text("時間", "duration")
    _pattern = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd])")
    _units = _SECONDS
    _number = float
    _refusal = staticmethod(lambda: words.NO_DURATION)


class Size(_Measure):
    """Bytes; the units are of 1024."""

    form = Text("大きさ", "size")
    _pattern = re.compile(r"([0-9]{1,9})([KMG])")
    _units = _BYTES
    _refusal = staticmethod(lambda: words.NO_SIZE)


class MailRate(Kind):
    """So many mails in so long."""

    form = Text("数/単位", "number/unit")
    _pattern = re.compile(r"(?!0+/)([0-9]{1,9})/([smhd])")
    _refusal: Callable[[], Text] = staticmethod(lambda: words.NO_RATE)

    def read(self, node: Node) -> Rate:
        number, unit = _with_unit(node, self._pattern, self._refusal)
        return Rate(int(number), _SECONDS[unit])

    def write(self, value: Rate) -> str:
        unit = next(unit for unit, seconds in _SECONDS.items() if seconds == value.seconds)
        return f"{value.count}/{unit}"


class MailLimit(MailRate):
    """The same, or null for no limit."""

    form = Text("数/単位、または null", "number/unit, or null")
    null_counts = True
    _refusal = staticmethod(lambda: words.NO_LIMIT)

    def write(self, value: Rate | None) -> str:
        return "null" if value is None else super().write(value)


def _with_unit(
    node: Node, pattern: re.Pattern[str], refusal: Callable[[], Text]
) -> tuple[str, str]:
    """The number and the unit as they are written."""
    if isinstance(node, Scalar):
        refuse_full_width(node.text)
        match = pattern.fullmatch(node.text)
        if node.tag == "str" and match:
            return match[1], match[2]
        if node.tag == "int" and _INTEGER.fullmatch(node.text):
            raise WrongValueError(words.no_unit(sentence=refusal()))
    raise WrongValueError(refusal())


_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_HOST_AND_PORT = re.compile(r"[^:\[\]]+:[0-9]+|\[.*\]:[0-9]+")
_LITERAL = re.compile(r"\[(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_@:-][A-Za-z0-9_.@:-]{0,254}")
_URL = re.compile(r"[!-~]{1,2000}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# RFC 2606 2 and 3; JPRS keeps EXAMPLE for Japan's second levels.
_EXAMPLE = re.compile(
    r"(.*\.)?(example(\.(com|net|org|edu|jp|(ac|ad|co|ed|go|gr|lg|ne|or)\.jp))?|invalid)\.?",
    re.IGNORECASE,
)


def is_example(name: str) -> bool:
    """Whether a host or domain is kept for examples, so that there is nobody by that name."""
    return _EXAMPLE.fullmatch(name) is not None


def is_host(text: str) -> bool:
    """Whether a text is a server's name or an IP address."""
    return _is_ipv6(text) if ":" in text else _is_name_or_ipv4(text)


class Host(Kind):
    """A server's name or IP address."""

    form = Text("サーバー名または IP アドレス", "name or IP address")

    def read(self, node: Node) -> str:
        text = filled(node)
        refuse_full_width(text)
        if _HOST_AND_PORT.fullmatch(text):
            raise WrongValueError(words.NAME_ALONE)
        if _is_ipv6(text) if ":" in text and "/" not in text else _is_name_or_ipv4(text):
            return text
        raise WrongValueError(words.NO_HOST)


def _is_ipv6(text: str) -> bool:
    import ipaddress  # only for a user who writes an IPv6 address

    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_name_or_ipv4(text: str) -> bool:
    try:
        ascii_name = address.a_labels(text)
    except ValueError:
        return False
    if len(text) > 253 or not _HOST.fullmatch(ascii_name):
        return False
    parts = text.split(".")
    return not all(part.isdecimal() for part in parts) or (
        len(parts) == 4 and all(int(part) <= 255 for part in parts)
    )


class HeloName(Kind):
    """The name that this machine gives in EHLO."""

    form = Text("ホスト名", "host name")

    def read(self, node: Node) -> str:
        text = filled(node)
        refuse_full_width(text)
        # RFC 5321 4.1.1.1: a domain, or an address literal where the client has no name.
        if len(text) <= 253 and (_HOST.fullmatch(text) or _LITERAL.fullmatch(text)):
            return text.rstrip(".")
        raise WrongValueError(words.NO_HELO_NAME)


class Credential(Kind):
    """The name of a systemd credential, which is a secret."""

    form = Text("クレデンシャル名", "a credential's name")

    def read(self, node: Node) -> str:
        text = filled(node)
        if _CREDENTIAL.fullmatch(text):
            return text
        raise WrongValueError(words.NO_CREDENTIAL)


class Url(Kind):
    """A URL by https, or by http on this machine."""

    form = Text("URL", "URL")

    def read(self, node: Node) -> str:
        from urllib.parse import urlsplit  # only for a user who has one

        text = filled(node)
        refuse_full_width(text)
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
        except ValueError:  # a port that is none
            host = ""
        if (
            not (":" in host or _HOST.fullmatch(host))
            or not _URL.fullmatch(text)
            or port == 0
            or parts.scheme not in ("https", "http")
            or parts.username is not None
            or parts.fragment
        ):
            raise WrongValueError(words.NO_URL)
        if parts.scheme == "http" and host not in _LOOPBACK:
            raise WrongValueError(words.HTTP_HERE_ONLY)
        return text


_PLACEHOLDER = re.compile(r"\{(?!host\}|fqdn\})[^{}]*\}")


class Prefix(Kind):
    """A text that may have `{host}` and `{fqdn}` in it."""

    def read(self, node: Node) -> str:
        text = written(node)
        unknown = _PLACEHOLDER.search(text)
        if unknown:
            shown = address.shown(unknown[0])
            raise WrongValueError(words.no_placeholder(shown=shown))
        return text.strip()


class Sender(Prefix):
    """An address, which may lack a domain."""

    form = Text("アドレス", "address")

    def read(self, node: Node) -> str:
        super().read(node)
        text = written(node)
        try:
            # A name of letters in the placeholders' stead: if it is valid doesn't depend on it.
            address.parse_sender(fill_names(text, host="host", fqdn="host.invalid"))
        except AddressError as error:
            meant = address.mended(text, needs_domain=False) or []
            instead = meant[0] if len(meant) == 1 else None
            raise WrongValueError(error.text, instead=instead) from None
        return text.strip()


class Addresses(Kind):
    """A list of addresses, or one text with commas."""

    form = Text("アドレスのリスト", "addresses")
    listed = True
    may_be_empty = False

    def read(self, node: Node) -> tuple[str, ...]:
        if isinstance(node, Mapping):
            raise WrongValueError(words.NO_ADDRESSES)
        faults: list[Text] = []
        try:
            if isinstance(node, Sequence):
                faults, texts = _texts(node)
                found = address.parse_elements(texts)
            else:
                found = address.parse_list(text_of(node))
        except AddressListError as error:
            instead = None if faults else error.instead
            raise WrongValueError(*faults, *error.texts, instead=instead) from None
        if faults:
            raise WrongValueError(*faults)
        if not found and not (self.may_be_empty and isinstance(node, Sequence)):
            raise WrongValueError(words.NO_ADDRESS)
        # Nobody's mailboxes differ by case alone, though they might (RFC 5321 2.4).
        admins = {address.parse_recipient(each).key.lower(): each for each in reversed(found)}
        return tuple(reversed(admins.values()))

    def write(self, value: tuple[str, ...]) -> str:
        return ", ".join(value) if value else "[]"


class Recipients(Addresses):
    """The same; an empty list is nobody."""

    may_be_empty = True


def _texts(node: Sequence) -> tuple[list[Text], list[str]]:
    """What is wrong with the elements of a list of texts, and those that are one."""
    faults: list[Text] = []
    found: list[str] = []
    for element in node.elements:
        try:
            found.append(text_of(element))
        except WrongValueError as error:
            faults += error.texts
    return faults, found
