"""The kinds of settings that are numbers, alone and with a unit, and their bounds."""

import re
from typing import Any

from zaiond.config import values
from zaiond.config.kinds import Kind
from zaiond.config.scalar import WrongValueError, refuse_full_width, wrong
from zaiond.config.tree import Node, Scalar
from zaiond.text import Text

DAY = 86400.0
_SECONDS = {"d": DAY, "h": 3600.0, "m": 60.0, "s": 1.0}
_BYTES = {"G": 1024**3, "M": 1024**2, "K": 1024}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")


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
            raise wrong(
                f"{low} 以上 {high} 以下にしてください", f"this must be between {low} and {high}"
            )


class Integer(_Bounded):
    """A whole number."""

    form = Text("整数", "whole number")
    tag = "int"

    def read(self, node: Node) -> int:
        if not isinstance(node, Scalar) or node.tag != "int" or not _INTEGER.fullmatch(node.text):
            if isinstance(node, Scalar):
                refuse_full_width(node.text)
            raise wrong(
                "整数を、引用符を付けずに半角で書いてください",
                "this must be a whole number, without quotes",
            )
        number = int(node.text)
        self._demand_within(number)
        return number


class Duration(_Bounded):
    """Seconds, of a number with a unit."""

    form = Text("時間", "duration")
    _pattern = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd])")
    _sentence = Text(
        "時間は、数字に s（秒）、m（分）、h（時間）、d（日）のどれかを付けて書いてください"
        "（例: 30s）",
        "a duration is a number with s, m, h or d, as 30s",
    )

    def read(self, node: Node) -> float:
        number, unit = _with_unit(node, self._pattern, self._sentence)
        seconds = float(number) * _SECONDS[unit]
        self._demand_within(seconds)
        return seconds

    def write(self, value: float) -> str:
        return _written(value, _SECONDS)


class Size(_Bounded):
    """Bytes, of a number with a unit (of 1024)."""

    form = Text("大きさ", "size")
    _pattern = re.compile(r"([0-9]{1,9})([KMG])")
    _sentence = Text(
        "大きさは、数字に K、M、G のどれかを付けて書いてください（例: 256M）",
        "a size is a number with K, M or G, as 256M",
    )

    def read(self, node: Node) -> int:
        number, unit = _with_unit(node, self._pattern, self._sentence)
        octets = int(number) * _BYTES[unit]
        self._demand_within(octets)
        return octets

    def write(self, value: float) -> str:
        return _written(value, _BYTES)


class Rate(Kind):
    """So many mails in so long."""

    form = Text("数/単位", "number/unit")
    _pattern = re.compile(r"(?!0+/)([0-9]{1,9})/([smhd])")
    _sentence = Text(
        "「数/単位」の形で書いてください。単位は s（秒）、m（分）、h（時間）、d（日）です"
        "（例: 1 分に 30 通までなら 30/m）",
        "a rate is a number (1 or more) and s, m, h or d, as 30/m for 30 a minute",
    )

    def read(self, node: Node) -> values.Rate:
        number, unit = _with_unit(node, self._pattern, self._sentence)
        return values.Rate(int(number), _SECONDS[unit])

    def write(self, value: values.Rate) -> str:
        unit = next(unit for unit, seconds in _SECONDS.items() if seconds == value.seconds)
        return f"{value.count}/{unit}"


def _with_unit(node: Node, pattern: re.Pattern[str], sentence: Text) -> tuple[str, str]:
    """The number and the unit as they are written."""
    if isinstance(node, Scalar):
        refuse_full_width(node.text)
        match = pattern.fullmatch(node.text)
        if node.tag == "str" and match:
            return match[1], match[2]
        if node.tag == "int" and _INTEGER.fullmatch(node.text):
            raise wrong(f"単位がありません。{sentence.ja}", f"no unit: {sentence.en}")
    raise WrongValueError(sentence)


def _written(number: float, units: dict[str, Any]) -> str:
    """The number in the largest unit that divides it: 90.0 seconds are 90s."""
    for unit, worth in units.items():
        if number and number % worth == 0:
            return f"{int(number // worth)}{unit}"
    return f"{number / worth:.12g}{unit}"
