"""Durations, sizes, rates and the machine's names, as settings write them."""

import re
from dataclasses import dataclass

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd])")
_SIZE = re.compile(r"([0-9]{1,9})([KMG])")
_RATE = re.compile(r"([0-9]{1,9})/([smhd])")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"K": 1024, "M": 1024**2, "G": 1024**3}


class Secret:
    """A text that is never shown: only `reveal()` gives it, and nothing else prints it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(********)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` mails in every `seconds` seconds."""

    count: int
    seconds: float


def duration(text: str) -> float:
    """Seconds of `30s`, `5m`, `1.5h`, `5d`; raises ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("not a duration")
    return float(match[1]) * _SECONDS[match[2]]


def size(text: str) -> int:
    """Bytes of `64K`, `256M`, `1G` (by 1024); raises ValueError for anything else."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("not a size")
    return int(match[1]) * _BYTES[match[2]]


def rate(text: str) -> Rate:
    """The rate of `30/m`, per s, m, h or d; raises ValueError for anything else."""
    match = _RATE.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError("not a rate")
    return Rate(int(match[1]), float(_SECONDS[match[2]]))


def write_duration(seconds: float) -> str:
    """`seconds` as a setting writes it, in the largest unit that divides it: 90.0 is `90s`."""
    for unit in "dhm":
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{int(seconds // _SECONDS[unit])}{unit}"
    return f"{seconds:g}s"


def write_size(octets: int) -> str:
    """`octets` as a setting writes it, in the largest unit that divides it."""
    for unit in "GM":
        if octets and octets % _BYTES[unit] == 0:
            return f"{octets // _BYTES[unit]}{unit}"
    return f"{octets // 1024}K"


def write_rate(value: Rate) -> str:
    """`value` as a setting writes it."""
    unit = next(unit for unit, seconds in _SECONDS.items() if seconds == value.seconds)
    return f"{value.count}/{unit}"


def unknown_placeholders(text: str) -> list[str]:
    """What stands in braces in `text` and is neither `{host}` nor `{fqdn}`, as it is written."""
    return [found for found in _PLACEHOLDER.findall(text) if found not in ("{host}", "{fqdn}")]


def fill_names(text: str, *, host: str, fqdn: str) -> str:
    """`text` (a sender or a subject prefix) with `{host}` and `{fqdn}` replaced by the names."""
    return text.replace("{host}", host).replace("{fqdn}", fqdn)


# RFC 2606 2 and 3; JPRS keeps EXAMPLE for Japan's second levels.
_EXAMPLE = re.compile(
    r"(.*\.)?(example(\.(com|net|org|edu|jp|(ac|ad|co|ed|go|gr|lg|ne|or)\.jp))?|invalid)\.?",
    re.IGNORECASE,
)


def is_example(name: str) -> bool:
    """Whether a host or domain is kept for examples, so that there is nobody by that name."""
    return _EXAMPLE.fullmatch(name) is not None
