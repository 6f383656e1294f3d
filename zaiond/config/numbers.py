"""Numbers, alone and with a unit: how they are written, and their bounds."""

import re
from collections.abc import Callable
from typing import Any

from zaiond.config import values
from zaiond.config.scalar import WrongValueError, refuse_full_width
from zaiond.config.schema import Declaration
from zaiond.config.tree import Node, Scalar
from zaiond.text import Text

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")


def integer(node: Node, declared: Declaration) -> int:
    """A whole number, within the setting's bounds. Raises WrongValueError."""
    if not isinstance(node, Scalar) or node.tag != "int" or not _INTEGER.fullmatch(node.text):
        if isinstance(node, Scalar):
            refuse_full_width(node.text)
        raise WrongValueError(
            Text(
                ja="整数を、引用符を付けずに半角で書いてください",
                en="this must be a whole number, without quotes",
            )
        )
    number = int(node.text)
    _check_bounds(number, declared, str)
    return number


def duration(node: Node, declared: Declaration) -> float:
    """Seconds, of a number with a unit, within the setting's bounds. Raises WrongValueError."""
    seconds = _with_unit(
        node,
        values.duration,
        Text(
            ja="時間は、数字に s（秒）、m（分）、h（時間）、d（日）のどれかを付けて書いてください"
            "（例: 30s）",
            en="a duration is a number with s, m, h or d, as 30s",
        ),
    )
    _check_bounds(seconds, declared, values.write_duration)
    return float(seconds)


def size(node: Node, declared: Declaration) -> int:
    """Bytes, of a number with a unit, within the setting's bounds. Raises WrongValueError."""
    octets = _with_unit(
        node,
        values.size,
        Text(
            ja="大きさは、数字に K、M、G のどれかを付けて書いてください（例: 256M）",
            en="a size is a number with K, M or G, as 256M",
        ),
    )
    _check_bounds(octets, declared, lambda bound: values.write_size(int(bound)))
    return int(octets)


def rate(node: Node, _declared: Declaration) -> values.Rate:
    """So many in so long. Raises WrongValueError."""
    found: values.Rate = _with_unit(
        node,
        values.rate,
        Text(
            ja="「数/単位」の形で書いてください。単位は s（秒）、m（分）、h（時間）、d（日）です"
            "（例: 1 分に 30 通までなら 30/m）",
            en="a rate is a number (1 or more) and s, m, h or d, as 30/m for 30 a minute",
        ),
    )
    return found


def _with_unit(node: Node, convert: Callable[[str], Any], sentence: Text) -> Any:
    if isinstance(node, Scalar):
        refuse_full_width(node.text)
        if node.tag == "str":
            try:
                return convert(node.text)
            except ValueError:
                pass
        elif node.tag == "int" and _INTEGER.fullmatch(node.text):
            raise WrongValueError(
                Text(ja=f"単位がありません。{sentence.ja}", en=f"no unit: {sentence.en}")
            )
    raise WrongValueError(sentence)


def _check_bounds(number: float, declared: Declaration, write: Callable[[Any], str]) -> None:
    low, high = declared.minimum, declared.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        bounds = write(low), write(high)
        raise WrongValueError(
            Text(
                ja=f"{bounds[0]} 以上 {bounds[1]} 以下にしてください",
                en=f"this must be between {bounds[0]} and {bounds[1]}",
            )
        )
