"""The keys that no setting has, found in each file before anything is merged."""

import unicodedata
from collections.abc import Iterator

from zaiond.config import convert, full_width
from zaiond.config.schema import LATER_KEYS, Config, Declaration, declarations
from zaiond.config.tree import Entry, Mapping, Node, Scalar, Sequence
from zaiond.errors import Diagnostic
from zaiond.text import Text

Path = tuple[str, ...]


def unknown(top: Mapping) -> Iterator[Diagnostic]:
    """An error for each key of a file that no setting has, or that this version lacks."""
    return _mapping(top, Config, ())


def dotted(path: Path) -> str:
    """The key as errors name it."""
    return ".".join(path)


def not_yet(path: Path) -> Text:
    """The sentence on a key that belongs to a later version."""
    name = path[-1]
    return Text(
        ja=f"{name} は、このバージョンではまだ使えません。この項目を削除してください",
        en=f"this version doesn't have {name} yet: take it out",
    )


def _mapping(mapping: Mapping, kind: type, path: Path) -> Iterator[Diagnostic]:
    known = declarations(kind)
    for key, entry in mapping.entries.items():
        declared = known.get(key)
        if declared is not None:
            yield from _below(entry.value, declared, (*path, key))
        elif kind is Config and key in LATER_KEYS:
            if not _says_nothing(entry.value):
                yield _error(entry, (*path, key), not_yet((key,)))
        else:
            yield _error(entry, (*path, entry.name), _sentence(key, entry, path, list(known)))


def _below(node: Node, declared: Declaration, path: Path) -> Iterator[Diagnostic]:
    if declared.mapping is None:
        return
    if isinstance(node, Mapping):
        yield from _mapping(node, declared.mapping, path)
    elif isinstance(node, Sequence):
        for number, element in enumerate(node.elements):
            if isinstance(element, Mapping):
                within = (*path[:-1], f"{path[-1]}[{number}]")
                yield from _mapping(element, declared.mapping, within)


def _error(entry: Entry, path: Path, text: Text) -> Diagnostic:
    place = entry.place
    return Diagnostic(place.file, place.line, place.column, dotted(path), text)


def _says_nothing(node: Node) -> bool:
    if isinstance(node, Scalar):
        return node.is_null
    return not (node.entries if isinstance(node, Mapping) else node.elements)


def _sentence(key: str, entry: Entry, path: Path, known: list[str]) -> Text:
    ja = "このような項目はありません"
    en = "there is no such setting"
    narrow = unicodedata.normalize("NFKC", key)
    if narrow != key and narrow in known:
        return Text(
            ja=f"項目名が全角です。半角で {narrow} と書いてください",
            en=f"this key is full-width: write {narrow}",
        )
    for slip in full_width.in_line(key):  # `{host：mailhost}`
        return slip.text
    meant = convert.choose(entry.name, known)
    if meant:
        return Text(ja=f"{ja}。{meant} ではありませんか", en=f"{en}: did you mean {meant}?")
    names = ", ".join(known)
    where = dotted(path)
    if where:
        return Text(ja=f"{ja}。{where} に書けるのは {names} です", en=f"{en}; {where} has: {names}")
    return Text(ja=f"{ja}。最上位に書けるのは {names} です", en=f"{en}; at the top are: {names}")
