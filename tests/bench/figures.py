"""The rows, their targets, and how they are shown. Pure."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Target:
    """What a row measures and what it should reach.

    `of` says what `limit` bounds: the ratio to the reference, the figure itself, or the difference
    from the reference.
    """

    key: str
    what: str
    against: str
    unit: str
    bound: Literal["at least", "at most"]
    limit: float
    of: Literal["ratio", "figure", "difference"] = "ratio"


@dataclass(slots=True)
class Row:
    """A measured target: one sample a round of both; `details` are for the JSON."""

    target: Target
    measured: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def figure(self) -> float:
        """The median."""
        return median(self.measured)

    @property
    def reference_figure(self) -> float | None:
        """The reference's median; None where there is none."""
        return median(self.reference) if self.reference else None

    @property
    def ratio(self) -> float | None:
        """Of the medians."""
        reference = self.reference_figure
        return self.figure / reference if reference else None

    @property
    def judged(self) -> float:
        """What the target bounds."""
        if self.target.of == "figure":
            return self.figure
        reference = self.reference_figure
        assert reference, f"{self.target.key} has no reference"
        if self.target.of == "difference":
            return self.figure - reference
        return self.figure / reference

    @property
    def reached(self) -> bool:
        """Whether the target is."""
        if self.target.bound == "at least":
            return self.judged >= self.target.limit
        return self.judged <= self.target.limit

    @property
    def verdict(self) -> str:
        """`reached`, or by how much of the target not."""
        if self.reached:
            return "reached"
        off = abs(self.judged / self.target.limit - 1)
        word = "below" if self.target.bound == "at least" else "above"
        return f"NOT: {off:.0%} {word}"

    def document(self) -> dict[str, Any]:
        """The row for the JSON."""
        return {
            "key": self.target.key,
            "what": self.target.what,
            "against": self.target.against,
            "unit": self.target.unit,
            "measured": self.figure,
            "reference": self.reference_figure,
            "ratio": self.ratio,
            "target": {
                "of": self.target.of,
                "bound": self.target.bound,
                "limit": self.target.limit,
            },
            "reached": self.reached,
            "samples": {"measured": self.measured, "reference": self.reference},
            "details": self.details,
        }


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return ""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def table(rows: list[Row]) -> str:
    """The rows as text, for people."""
    lines = [("what", "measured", "against", "reference", "ratio", "target", "")]
    for row in rows:
        target = row.target
        sign = "≥" if target.bound == "at least" else "≤"
        plus = "+" if target.of == "difference" else ""
        unit = "" if target.of == "ratio" else target.unit
        lines.append(
            (
                target.what,
                _number(row.figure, target.unit),
                target.against,
                _number(row.reference_figure, target.unit),
                _number(row.ratio),
                f"{sign} {plus}{target.limit:g} {unit}".rstrip(),
                row.verdict,
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    right = {1, 3, 4}
    return "\n".join(
        "  ".join(
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
