"""How a setting is declared: in a field of a mapping's class, with what its parser and manual need.

`Scope` is a mapping while it is read: what is written in it, where, and what is wrong with it.
"""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple, TypeVar

from zaiond.config.kinds import Kind, Secret
from zaiond.config.outside import SourceError, Sources
from zaiond.config.tree import Place
from zaiond.errors import Diagnostic
from zaiond.text import Text


@dataclass(frozen=True, slots=True)
class Scope:
    """The mapping whose dotted key is `key`, '' being the whole configuration.

    `places` has where each setting of the whole is written, valid or not, by its dotted key; '' is
    the main file's start. `invalid` are the settings of this mapping without a valid value. A
    setting is named as in this mapping; '' is the mapping itself.
    """

    key: str
    places: dict[str, Place]
    sources: Sources
    errors: list[Diagnostic]
    warnings: list[Diagnostic]
    invalid: frozenset[str] = frozenset()

    def below(self, name: str) -> "Scope":
        """A mapping in this one."""
        return replace(self, key=self.dotted(name), invalid=frozenset())

    def dotted(self, name: str) -> str:
        """A setting's whole key."""
        return f"{self.key}.{name}" if self.key and name else self.key or name

    def written(self, *names: str) -> list[str]:
        """Those of the settings that are written, valid or not."""
        return [name for name in names if self.dotted(name) in self.places]

    def place(self, name: str) -> Place:
        """Where a setting is written; else the mapping nearest around it that is."""
        key = self.dotted(name)
        while key not in self.places:
            key = key.rpartition(".")[0]
        return self.places[key]

    def error(self, name: str, text: Text) -> None:
        """Says why the configuration can't be taken, at the place of a setting."""
        self.errors.append(self.place(name).diagnostic(self.dotted(name), text))

    def warn(self, name: str, text: Text) -> None:
        """Says that a setting is legal and surely wrong."""
        self.warnings.append(self.place(name).diagnostic(self.dotted(name), text))


class Settings:
    """A mapping of settings, each a field of the class. What must hold between them stands in the
    class, too; the parser calls these methods in their order. `sparse`: what isn't written isn't
    shown, as it is no default that says anything."""

    __slots__ = ()
    sparse: ClassVar[bool] = False

    def check(self, scope: Scope) -> None:
        """Tells `scope` of what is missing or contradicts something else."""

    def completed(self, scope: Scope) -> Any:  # noqa: ARG002 (some mappings need it)
        """What the rest of zaiond gets: the same with the secrets that its settings lead to, and
        with what follows from several of them."""
        return self

    def warn(self, scope: Scope) -> None:
        """Tells `scope` of what is legal and surely wrong, once all else is known to be valid."""


_S = TypeVar("_S", bound=Settings)


class Declaration(NamedTuple):
    """One setting. `default` is as YAML writes it (`null` where there is none), `by_port` the one
    that depends on the `port` beside it."""

    kind: Kind
    default: str
    help: Text
    required: bool = False
    by_port: Callable[[int], str] | None = None

    @property
    def fallback(self) -> Any:
        """The default as the field has it; None where there is none."""
        return None if self.default == "null" else self.kind.parse(self.default)


def setting(
    kind: Kind,
    ja: str,
    en: str,
    *,
    default: str | None = None,
    required: bool = False,
    by_port: Callable[[int], str] | None = None,
) -> Any:
    """A field that declares a setting; its `default` is that of its kind where none is given."""
    default = kind.default if default is None else default
    metadata = {"setting": Declaration(kind, default, Text(ja, en), required, by_port)}
    if required:
        return field(metadata=metadata)
    value = by_port(0) if by_port else None if default == "null" else kind.parse(default)
    if isinstance(value, dict):  # a dataclass wants a new one each time
        return field(default_factory=dict, metadata=metadata)
    return field(default=value, metadata=metadata)


def declarations(settings: type) -> dict[str, Declaration]:
    """The settings of a mapping by their keys, in the order in which they are documented. A key
    that is a word of Python's has a field with `_` behind it."""
    return {key: declared for key, (_, declared) in _declared(settings).items()}


def built(settings: type[_S], values: dict[str, Any]) -> _S:
    """The object of a mapping from the values by their keys."""
    fields = _declared(settings)
    return settings(**{fields[key][0]: value for key, value in values.items()})


def _declared(settings: type) -> dict[str, tuple[str, Declaration]]:
    return {
        each.name.removesuffix("_"): (each.name, each.metadata["setting"])
        for each in dataclasses.fields(settings)
        if "setting" in each.metadata
    }


def bring(settings: _S, scope: Scope, names: Iterable[str], *, needed: bool) -> _S:
    """`settings` with the secrets that `*_file` and `*_credential` among them lead to, each in the
    field of that name without its last word; what isn't `needed` may be missing."""
    found: dict[str, Secret] = {}
    for name in names:
        value = getattr(settings, name)
        if value is None:
            continue
        secret, _, where = name.rpartition("_")
        sources = scope.sources
        ask = sources.credential if where == "credential" else sources.secret_file
        try:
            found[secret] = Secret(ask(value))
        except SourceError as error:
            if needed or not error.missing:
                (scope.warn if error.unchecked else scope.error)(name, error.text)
    return dataclasses.replace(settings, **found)  # type: ignore[type-var]
