"""How a setting is declared: in a field of a dataclass, with what its parser and manual need."""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from zaiond.config.kinds import Group, Kind, ServerList
from zaiond.config.scope import Scope, Settings, SourceError
from zaiond.config.values import Secret
from zaiond.text import Text

_S = TypeVar("_S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Declaration:
    """One setting.

    `default` is its default as YAML writes it (`null` where there is none), `by_port` the default
    that depends on the `port` beside it.
    """

    kind: Kind
    default: str
    help: Text
    required: bool = False
    by_port: Callable[[int], str] | None = None


def setting(
    kind: Kind,
    ja: str,
    en: str,
    *,
    default: str = "null",
    required: bool = False,
    by_port: Callable[[int], str] | None = None,
) -> Any:
    """A field that declares a setting."""
    metadata = {"setting": Declaration(kind, default, Text(ja, en), required, by_port)}
    if required:
        return field(metadata=metadata)
    if by_port is not None:
        return field(default=by_port(0), metadata=metadata)
    return field(default=None if default == "null" else kind.parse(default), metadata=metadata)


def group(settings: type[Settings], ja: str, en: str, *, required: bool = False) -> Any:
    """A field that is a mapping of settings."""
    metadata = {"setting": Declaration(Group(settings), "{}", Text(ja, en), required)}
    if required:
        return field(metadata=metadata)
    return field(default_factory=settings, metadata=metadata)


def servers(settings: type[Settings], ja: str, en: str) -> Any:
    """A field that is a list of such mappings."""
    declared = Declaration(ServerList(settings), "[]", Text(ja, en))
    return field(default=(), metadata={"setting": declared})


def declarations(settings: type) -> dict[str, Declaration]:
    """The settings of a mapping by their keys, in the order in which they are documented."""
    fields = dataclasses.fields(settings)
    return {each.name: each.metadata["setting"] for each in fields if "setting" in each.metadata}


def bring(settings: _S, scope: Scope, names: Iterable[str], *, needed: bool) -> _S:
    """`settings` with the secrets that some of them lead to, each in the field that is named as the
    setting is without its last word. Where it isn't `needed`, it may be missing."""
    found: dict[str, Secret] = {}
    for name in names:
        value, kind = getattr(settings, name), declarations(type(settings))[name].kind
        if value is None:
            continue
        try:
            found[name.rpartition("_")[0]] = Secret(kind.bring(value, scope.sources))
        except SourceError as error:
            if needed or not error.missing:
                (scope.warn if error.unchecked else scope.error)(name, *error.text)
    return dataclasses.replace(settings, **found)  # type: ignore[type-var]
