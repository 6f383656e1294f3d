"""YAML texts to a `Config`, or every error with its place.

The keys that no setting has are found in each file (`keys`). Then the files are merged, each value
is read by its kind, and each mapping checks what must hold between its settings. Whatever lies
outside of the texts (secret files, credentials, permissions) is asked of a `Sources`.
"""

from collections.abc import Callable
from collections.abc import Sequence as Texts
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from zaiond.config import japanese, words
from zaiond.config.declare import Declaration, Scope, Settings, built, declarations
from zaiond.config.keys import idle_nulls, null_counts, unknown_keys
from zaiond.config.kinds import (
    Below,
    Group,
    Kind,
    Named,
    ServerList,
    WrongValueError,
    is_below,
    name_key,
    quoted,
)
from zaiond.config.outside import SourceError, Sources
from zaiond.config.schema import Config
from zaiond.config.tree import Entry, Mapping, Node, Place, Scalar, Sequence, merge
from zaiond.config.yaml import plain_scalar, read
from zaiond.errors import ConfigError, Diagnostic
from zaiond.text import Text

MOST_SIGNS = 255  # of a name of the user's own


class YamlText(NamedTuple):
    """One file: `name` is how errors name it; relative paths start at `directory` (absolute)."""

    name: str
    directory: str
    text: str


class Setting(NamedTuple):
    """One setting in force as it is shown: secrets masked, `file` None where it is a default."""

    key: str
    value: str
    file: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Parsed:
    """`config` is None exactly if there are errors; both lists are in the order of the files."""

    config: Config | None
    errors: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    settings: tuple[Setting, ...]


def parse(texts: Texts[YamlText], sources: Sources, *, incomplete: bool = False) -> Parsed:
    """The configuration of `texts`, the main file first, later ones on top of it. `incomplete`: a
    file could not even be read, so what seems to be missing may be in it."""
    found: list[Diagnostic] = []
    warned: list[Diagnostic] = []
    tree = Mapping(Place(texts[0].name if texts else "", 1, 1), {})
    for each in texts:
        try:
            top, problems = read(each.name, each.text)
        except ConfigError as error:
            found += error.diagnostics
            incomplete = True
            continue
        found += problems
        found += unknown_keys(top)
        warned += idle_nulls(top, tree)
        tree = merge(tree, top, null_counts)
    scope = Scope("", {"": tree.place}, sources, found, warned)
    walk = _Walk({each.name: each.directory for each in texts}, incomplete)
    config: Config | None = walk.mapping(tree, Config, scope)
    order = {each.name: number for number, each in enumerate(texts)}
    errors = _sorted(found, order)
    if config is not None and not errors:
        config.warn(scope)
    return Parsed(
        config=None if errors else config,
        errors=errors,
        warnings=_sorted(scope.warnings, order),
        settings=tuple(walk.settings),
    )


def _sorted(found: list[Diagnostic], order: dict[str, int]) -> tuple[Diagnostic, ...]:
    unique, last = dict.fromkeys(found), len(order)  # where templates are, in files of their own
    return tuple(sorted(unique, key=lambda d: (order.get(d.file, last), d.line, d.column, d.key)))


class _Walk:
    """Goes through the merged tree by the declarations."""

    def __init__(self, directories: dict[str, str], incomplete: bool) -> None:
        self.settings: list[Setting] = []
        self._directories = directories
        self._incomplete = incomplete

    def mapping(self, tree: Mapping, settings: type[Settings], scope: Scope) -> Any:
        """The object of a mapping; None where a required setting has no valid value."""
        values: dict[str, Any] = {}
        known = declarations(settings)
        for name, declared in known.items():
            entry = tree.entries.get(name)
            if entry is not None:
                scope.places[scope.dotted(name)] = entry.place
            if isinstance(declared.kind, Group):
                value = self._group(entry, name, declared, scope)
            elif isinstance(declared.kind, Named):
                value = self._named(entry, name, declared.kind, scope)
            elif isinstance(declared.kind, Below):
                value = self._flat(tree, name, declared.kind.each, scope)
            elif isinstance(declared.kind, ServerList):
                value = self._servers(entry, name, declared.kind, scope)
            elif entry is not None:
                value = self._single(entry, name, declared.kind, scope)
            elif settings.sparse:
                value = None
            else:
                value = self._default(name, declared, scope, values)
            if value is not None:
                values[name] = value
            elif entry is not None and entry.value.is_null:  # as if no default were inherited
                values[name] = None if declared.kind.null_counts else declared.fallback
        # What is lacking, None here, hides no other mistake.
        lacking = [name for name in known if known[name].required and name not in values]
        mapping = built(settings, values | dict.fromkeys(lacking))
        scope = replace(scope, invalid=frozenset(scope.written(*known)) - values.keys())
        if not self._incomplete:
            mapping.check(scope)
        return None if lacking else mapping.completed(scope)

    # -- one setting: its value, or None where it has no valid one

    def _default(
        self, name: str, declared: Declaration, scope: Scope, values: dict[str, Any]
    ) -> str | None:
        if declared.required:
            if not self._incomplete:
                scope.error(name, words.MISSING)
            return None
        value = declared.by_port(values.get("port", 0)) if declared.by_port else None
        self._show(name, value or declared.default, scope)
        return value

    def _group(self, entry: Entry | None, name: str, declared: Declaration, scope: Scope) -> Any:
        kind = declared.kind
        if entry is None and declared.default == "null":
            self._show(name, "null", scope)
            return None
        tree = Mapping(scope.place(""), {}) if entry is None else _read(entry, name, kind, scope)
        if tree is None or kind.settings is None:
            return None
        return self.mapping(tree, kind.settings, scope.below(name))

    def _named(self, entry: Entry | None, name: str, kind: Named, scope: Scope) -> Any:
        found = None if entry is None else _read(entry, name, kind, scope)
        if entry is None or (found and not found.entries):
            self._show(name, "{}", scope)
        if found is None:
            return None
        named: dict[str, Any] = {}
        for own, each in found.entries.items():
            within = f"{name}.{name_key(own)}"
            scope.places[scope.dotted(within)] = each.place
            if len(own) > MOST_SIGNS or not own.isprintable() or not own.strip():
                scope.error(within, words.NO_NAME)
            elif isinstance(each.value, Mapping):
                named[own] = self.mapping(each.value, kind.settings, scope.below(within))
            else:
                scope.error(within, words.NO_MAPPING)
        return {own: value for own, value in named.items() if value is not None}

    def _flat(self, tree: Mapping, name: str, kind: Kind, scope: Scope) -> Any:
        found: list[tuple[str, Any]] = []
        for key, entry in tree.entries.items():
            if is_below(key, name):
                scope.places[scope.dotted(key)] = entry.place
                value = self._single(entry, key, kind, scope)
                if value is not None:
                    found.append((key, value))
        return tuple(found)

    def _servers(self, entry: Entry | None, name: str, kind: ServerList, scope: Scope) -> Any:
        found = None if entry is None else _read(entry, name, kind, scope)
        if entry is None or (found and not found.elements):
            self._show(name, "[]", scope)
        if found is None:
            return None
        servers = []
        for number, element in enumerate(found.elements):
            within = f"{name}[{number}]"
            scope.places[scope.dotted(within)] = element.place
            if isinstance(element, Mapping):
                tree = merge(Mapping(element.place, {}), element)  # drops what is null
                servers.append(self.mapping(tree, kind.settings, scope.below(within)))
            else:
                scope.error(within, words.NO_SERVER)
        return tuple(servers) if all(servers) else None

    def _single(self, entry: Entry, name: str, kind: Kind, scope: Scope) -> Any:
        file = entry.place.file
        if entry.value.is_null:  # which is a value there
            self._show(name, "null", scope)
            return None
        if kind.secret:
            _ask(scope, name, lambda: scope.sources.check_permissions(file))
        value = _read(entry, name, kind, scope)
        if value is not None:
            value = kind.absolute(value, self._directories[file])
            _ask(scope, name, lambda: kind.check(value, scope.sources))
            self._show(name, "********" if kind.secret else kind.write(value), scope)
        return value

    def _show(self, name: str, value: str, scope: Scope) -> None:
        key = scope.dotted(name)
        place = scope.places.get(key)
        origin = (place.file, place.line) if place else (None, None)
        self.settings.append(Setting(key, value, *origin))


def _ask(scope: Scope, name: str, question: Callable[[], None]) -> None:
    try:
        question()
    except SourceError as error:
        scope.error(name, error.text)


def _read(entry: Entry, name: str, kind: Kind, scope: Scope) -> Any:
    """The value that is written, or None where it is wrong."""
    try:
        value, slips = _value(entry.value, kind)
    except WrongValueError as error:
        for text in error.told(lambda value: f"{name}: {quoted(value)}"):
            scope.error(name, text)
        return None
    for text in slips:
        scope.warn(name, text)
    return value


def _value(node: Node, kind: Kind) -> tuple[Any, list[Text]]:
    """The value, and what is surely wrong with it although it can be used. Raises WrongValueError;
    where only full-width signs are wrong, of nothing but these."""
    try:
        value = kind.read(node)
        return value, [] if kind.settings else _slips(node, japanese.in_value)[0]
    except WrongValueError:
        slips, meant = _slips(node, japanese.in_wrong_value)
        if not slips:
            raise
    if not meant.is_null:
        try:
            kind.read(meant)
        except WrongValueError as error:
            raise WrongValueError(*slips, *error.texts, instead=error.instead) from None
    raise WrongValueError(*slips)


def _slips(node: Node, find: Callable[[str], tuple[list[Text], str]]) -> tuple[list[Text], Node]:
    """What `find` finds in a text or a list of them, and what is meant."""
    if isinstance(node, Scalar) and not node.style:
        slips, text = find(node.text)
        return slips, plain_scalar(node.place, text) if slips else node
    if isinstance(node, Sequence):
        found = [_slips(element, find) for element in node.elements]
        slips = list(dict.fromkeys(slip for each, _ in found for slip in each))
        return slips, Sequence(node.place, tuple(meant for _, meant in found))
    return [], node
