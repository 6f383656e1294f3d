"""The keys that no setting has, found in each file before anything is merged."""

import unicodedata
from collections.abc import Iterator

from zaiond.config import full_width
from zaiond.config.scalar import choose
from zaiond.config.schema import LATER_KEYS, Config, declarations
from zaiond.config.scope import Settings
from zaiond.config.tree import Mapping, Node, Sequence
from zaiond.errors import Diagnostic
from zaiond.text import Text


def unknown_keys(
    top: Mapping, settings: type[Settings] = Config, within: str = ""
) -> Iterator[Diagnostic]:
    """An error for each key of a file that no setting has, or that this version lacks."""
    known = declarations(settings)
    for key, entry in top.entries.items():
        path = f"{within}.{key}" if within else key
        if key in known:
            below = known[key].kind.settings
            if below is not None:
                yield from _below(entry.value, below, path)
        elif settings is Config and key in LATER_KEYS:
            if not _says_nothing(entry.value):
                yield entry.place.diagnostic(
                    path,
                    f"{key} は、このバージョンではまだ使えません。この項目を削除してください",
                    f"this version doesn't have {key} yet: take it out",
                )
        else:
            path = f"{within}.{entry.name}" if within else entry.name
            sentence = _sentence(key, entry.name, within, list(known))
            yield entry.place.diagnostic(path, *sentence)


def _below(node: Node, settings: type[Settings], path: str) -> Iterator[Diagnostic]:
    if isinstance(node, Mapping):
        yield from unknown_keys(node, settings, path)
    elif isinstance(node, Sequence):
        for number, element in enumerate(node.elements):
            if isinstance(element, Mapping):
                yield from unknown_keys(element, settings, f"{path}[{number}]")


def _says_nothing(node: Node) -> bool:
    if isinstance(node, Mapping):
        return not node.entries
    return not node.elements if isinstance(node, Sequence) else node.is_null


def _sentence(key: str, shown: str, within: str, known: list[str]) -> Text:
    narrow = unicodedata.normalize("NFKC", key)
    if narrow != key and narrow in known:
        return Text(
            ja=f"項目名が全角です。半角で {narrow} と書いてください",
            en=f"this key is full-width: write {narrow}",
        )
    for slip in full_width.in_line(key):  # `{host：mailhost}`
        return slip.text
    ja = "このような項目はありません"
    en = "there is no such setting"
    meant = choose(shown, known)
    if meant:
        return Text(ja=f"{ja}。{meant} ではありませんか", en=f"{en}: did you mean {meant}?")
    names = ", ".join(known)
    if within:
        return Text(
            ja=f"{ja}。{within} に書けるのは {names} です", en=f"{en}; {within} has: {names}"
        )
    return Text(ja=f"{ja}。最上位に書けるのは {names} です", en=f"{en}; at the top are: {names}")
