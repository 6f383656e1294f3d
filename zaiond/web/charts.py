"""Charts as SVG: numbers in, text out. Pure.

A chart has a name and a description for who does not see it; the page has its numbers as text
beside it. Colours are those of the page, by its classes, so that they are right in the dark, too.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from zaiond.safe import with_codes

_WIDTH, _HEIGHT = 360, 130  # a telephone's width: text is as large there as elsewhere
_LEFT, _TOP, _BOTTOM = 34, 8, 18
_TEXT = 10  # its size
_GAP = 0.25  # of a column's width
_LEAST = 2.0  # high is what there is at all
_RUN_WIDTH, _RUN_HEIGHT = 7, 24


class Column(NamedTuple):
    """Numbers on top of each other, each with the class of its colour; `label` "": it has none."""

    label: str
    parts: Sequence[tuple[str, int]]


class Bar(NamedTuple):
    """One bar: how high, 0 to 1, and whether it is good."""

    height: float
    ok: bool


def columns(id_: str, title: str, description: str, of: Sequence[Column]) -> str:
    """Columns side by side, the first one at the left; `id_` is the chart's own in its page."""
    top = axis_end(max((sum(number for _, number in one.parts) for one in of), default=0))
    width, height = _WIDTH - _LEFT, _HEIGHT - _TOP - _BOTTOM
    pieces = [_line(y) for y in (_TOP, _TOP + height / 2, _TOP + height)]
    pieces += [
        _text(_LEFT - 4, _TOP + height * (1 - share) + _TEXT / 3, "end", _number(top * share))
        for share in (0, 0.5, 1)
        if (top * share).is_integer()
    ]
    step = width / max(1, len(of))
    for place, one in enumerate(of):
        x, y = _LEFT + step * (place + _GAP / 2), float(_TOP + height)
        for colour, number in one.parts:
            if number:
                high = max(_LEAST, height * number / top)
                y -= high
                pieces.append(_rectangle(x, y, step * (1 - _GAP), high, colour))
        if one.label:
            pieces.append(_text(_LEFT + step * (place + 0.5), _HEIGHT - 5, "middle", one.label))
    return _svg(id_, title, description, _WIDTH, _HEIGHT, pieces)


def strip(id_: str, title: str, description: str, of: Sequence[Bar]) -> str:
    """Small bars side by side, in a line of text; one that is bad goes down, so that it is not told
    by its colour alone.
    """
    middle = _RUN_HEIGHT * 0.7
    pieces = [_line(middle, 0, _RUN_WIDTH * max(1, len(of)))]
    for place, one in enumerate(of):
        high = max(_LEAST, middle * min(1.0, one.height)) if one.ok else _RUN_HEIGHT - middle
        y, colour = (middle - high, "green") if one.ok else (middle, "red")
        pieces.append(_rectangle(place * _RUN_WIDTH + 1, y, _RUN_WIDTH - 2, high, colour))
    width = _RUN_WIDTH * max(1, len(of))
    return _svg(id_, title, description, width, _RUN_HEIGHT, pieces, small=True)


def axis_end(most: float) -> float:
    """Where an axis ends that holds so many: 1, 2, 4, 5, 10, 20, 40, 50, 100 and so on."""
    power = 1.0
    while True:
        for step in (1, 2, 4, 5):
            if most <= step * power:
                return step * power
        power *= 10


def _svg(
    id_: str, title: str, description: str, width: int, height: int, pieces: Iterable[str],
    *, small: bool = False,
) -> str:  # fmt: skip
    size = f' width="{width}" height="{height}"' if small else ""
    named = f"{id_}-title {id_}-description"
    return (
        f'<svg class="{"strip" if small else "chart"}" viewBox="0 0 {width} {height}"{size}'
        f' role="img" aria-labelledby="{_safe(named)}">'
        f'<title id="{_safe(id_)}-title">{_safe(title)}</title>'
        f'<desc id="{_safe(id_)}-description">{_safe(description)}</desc>'
        f"{''.join(pieces)}</svg>"
    )


def _rectangle(x: float, y: float, width: float, height: float, colour: str) -> str:
    place = f'x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'
    return f'<rect class="fill-{_safe(colour)}" {place}/>'


def _line(y: float, left: float = _LEFT, right: float = _WIDTH) -> str:
    return f'<line class="axis" x1="{left}" x2="{right}" y1="{y:.2f}" y2="{y:.2f}"/>'


def _text(x: float, y: float, anchor: str, text: str) -> str:
    place = f'x="{x:.2f}" y="{y:.2f}" font-size="{_TEXT}" text-anchor="{anchor}"'
    return f'<text aria-hidden="true" {place}>{_safe(text)}</text>'


def _number(value: float) -> str:
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if sign == 'k' else size):g}{sign}"
    return f"{value:g}"


def _safe(text: str) -> str:
    return escape(with_codes(text))
