"""The keys of a file: those that no setting has, and those where null says something."""

import unicodedata
from collections.abc import Iterator

from zaiond.config import japanese, words
from zaiond.config.declare import Settings, declarations
from zaiond.config.kinds import Below, Kind, Named, choose, is_below, name_key
from zaiond.config.routes import INHERITED, Route
from zaiond.config.schema import Config
from zaiond.config.tree import Mapping, Node, Sequence
from zaiond.errors import Diagnostic
from zaiond.text import Text


def unknown_keys(
    top: Mapping, settings: type[Settings] = Config, within: str = ""
) -> Iterator[Diagnostic]:
    """An error for each key of a file that no setting has."""
    known = declarations(settings)
    for key, entry in top.entries.items():
        path = f"{within}.{key}" if within else key
        kind = known[key].kind if key in known else None
        if kind is not None and not isinstance(kind, Below):
            yield from _below(entry.value, kind, path)
        elif any(isinstance(known[n].kind, Below) and is_below(key, n) for n in known):
            pass
        else:
            path = f"{within}.{entry.name}" if within else entry.name
            flat = [name for name in known if isinstance(known[name].kind, Below)]
            sentence = _sentence(key, entry.name, within, list(known), flat)
            yield entry.place.diagnostic(path, sentence)


def _below(node: Node, kind: Kind, path: str) -> Iterator[Diagnostic]:
    settings = kind.settings
    if settings is None:
        return
    if isinstance(kind, Named):
        if isinstance(node, Mapping):
            for name, entry in node.entries.items():
                if isinstance(entry.value, Mapping):
                    yield from unknown_keys(entry.value, settings, f"{path}.{name_key(name)}")
    elif isinstance(node, Mapping):
        yield from unknown_keys(node, settings, path)
    elif isinstance(node, Sequence):
        for number, element in enumerate(node.elements):
            if isinstance(element, Mapping):
                yield from unknown_keys(element, settings, f"{path}[{number}]")


def idle_nulls(top: Mapping, below: Mapping) -> Iterator[Diagnostic]:
    """A warning for each name of the user's own that has nothing, and takes nothing away `below`:
    as a job that nobody watches because its settings are not indented."""
    for key, declared in declarations(Config).items():
        names, known = top.value(key), below.value(key)
        if isinstance(declared.kind, Named) and isinstance(names, Mapping):
            for name, entry in names.entries.items():
                if entry.value.is_null and not (isinstance(known, Mapping) and known.value(name)):
                    path = f"{key}.{name_key(name)}"
                    yield entry.place.diagnostic(path, words.IDLE_NULL)


def _sentence(key: str, shown: str, within: str, known: list[str], flat: list[str]) -> Text:
    for name in flat:
        if key.partition(".")[0] == name:
            return words.flat_key(name=name)
    narrow = unicodedata.normalize("NFKC", key)
    if narrow != key and narrow in known:
        return words.full_width_key(narrow=narrow)
    for slip in japanese.in_line(key):  # `{host：mailhost}`
        return slip.text
    meant = choose(shown, known)
    if meant:
        return words.no_key_but(meant=meant)
    names = ", ".join(f"{name}.NAME" if name in flat else name for name in known)
    return words.no_key_in(within=within, names=names) if within else words.no_key(names=names)


def null_counts(path: tuple[str, ...]) -> bool:
    """Whether null is a value at these keys: in a route, it is what the route has in the place of
    route_defaults.
    """
    settings: type[Settings] | None = Config
    keys = list(path)
    while settings is not None and keys:
        declared = declarations(settings).get(keys.pop(0))
        if declared is None:
            return False
        if not keys:
            return declared.kind.null_counts or (settings is Route and path[-1] in INHERITED)
        if isinstance(declared.kind, Named):
            keys.pop(0)
        settings = declared.kind.settings
    return False
