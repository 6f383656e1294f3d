"""How a setting is declared: in a dataclass field, with what its parser and its manual need."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from zaiond.config import values
from zaiond.text import Text

DAY = 86400.0
Kind = Literal[
    "text", "host", "name", "file", "secret", "credential", "sender", "prefix", "addresses",
    "choice", "switch", "integer", "duration", "size", "rate", "url", "command", "mapping",
    "servers",
]  # fmt: skip

_READ: dict[str, Callable[[str], Any]] = {
    "duration": values.duration,
    "size": values.size,
    "rate": values.rate,
    "integer": int,
    "switch": {"true": True, "false": False}.__getitem__,
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """How one setting is written.

    `default` is its default as YAML writes it (`null` where there is none), `by_port` the default
    of a choice that depends on the `port` beside it; `minimum` and `maximum` bound numbers,
    durations (seconds) and sizes (bytes).
    """

    kind: Kind
    default: str
    help: Text
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    by_port: Callable[[int], str] | None = None
    mapping: type | None = None


def setting(kind: Kind, default: str | None, help_text: Text, **more: Any) -> Any:
    """A dataclass field that declares a setting; `default` None means that it is required."""
    written = "null" if default is None else default
    declaration = Declaration(kind, written, help_text, required=default is None, **more)
    if default is None:
        return field(metadata={"setting": declaration})
    if default == "null":
        return field(default=None, metadata={"setting": declaration})
    return field(default=_READ.get(kind, str)(default), metadata={"setting": declaration})


def mapping(kind: type, help_text: Text) -> Any:
    """A dataclass field that is a mapping of settings, `kind` being its class."""
    declaration = Declaration("mapping", "{}", help_text, mapping=kind)
    return field(default_factory=kind, metadata={"setting": declaration})


def declarations(kind: type) -> dict[str, Declaration]:
    """The settings of a mapping by their keys, in the order in which they are documented."""
    fields = dataclasses.fields(kind)
    return {each.name: each.metadata["setting"] for each in fields if "setting" in each.metadata}
