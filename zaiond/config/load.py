"""The configuration from disk, or from the texts that were kept as the last good one."""

import os
from dataclasses import dataclass, field

from zaiond.config import encoding
from zaiond.config.access import READ, SEARCH, Identity
from zaiond.config.last_good import read_last_good, revert, save_last_good
from zaiond.config.parse import Parsed, Setting, YamlText, parse
from zaiond.config.readers import refusal
from zaiond.config.scope import SourceError
from zaiond.config.sources import DiskSources, Files, SnapshotSources, drop_in_names, unreadable
from zaiond.errors import Diagnostic
from zaiond.text import Text

__all__ = [
    "Files", "Loaded", "Setting", "drop_ins", "load", "load_files", "read_last_good", "revert",
    "save_last_good",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded(Parsed):
    """What was found: `files` are the texts read; `watched` are the paths whose change may change
    any of this, the directory of the drop-ins among them, absolute.
    """

    files: Files = field(repr=False)
    watched: tuple[str, ...] = ()


def load(
    path: str,
    credentials_directory: str | None = None,
    *,
    credentials_optional: bool = False,
    reader: Identity | None = None,
) -> Loaded:
    """Reads the main file `path`, `conf.d/*.yaml` beside it in name order, and what they name.

    Errors name the files as `path` does. A credential can't be read without
    `credentials_directory` (systemd's): that is an error, or with `credentials_optional` a warning.
    What a `reader` couldn't read is an error, too.
    """
    base = os.getcwd()
    disk = DiskSources(base, credentials_directory, credentials_optional, reader)
    main = os.path.join(base, path)
    conf_d = os.path.join(os.path.dirname(path), "conf.d")
    names, unlistable = drop_ins(path)
    unread = [unlistable] if unlistable else []
    refused: list[Diagnostic] = []
    if os.path.isdir(conf_d):
        refused += _about(conf_d, refusal(reader, os.path.join(base, conf_d), READ | SEARCH))
    texts: list[YamlText] = []
    for name in [path, *names]:
        absolute = os.path.join(base, name)
        try:
            text = disk.yaml(name)
        except SourceError as error:
            # A drop-in that isn't there any more has just been removed.
            if not error.missing or name == path or os.path.lexists(absolute):
                unread += _about(name, error.text)
        except UnicodeDecodeError as error:
            unread.append(_not_utf8(name, error))
        else:
            texts.append(YamlText(name, os.path.dirname(absolute), text))
            refused += _about(name, refusal(reader, absolute))
    parsed = parse(texts, disk, incomplete=bool(unread))
    order = [path, conf_d, *names]
    errors = sorted(
        (*unread, *refused, *parsed.errors), key=lambda d: (order.index(d.file), d.line, d.column)
    )
    yaml = tuple(os.path.join(base, each.name) for each in texts)
    watched = [main, *(os.path.join(base, name) for name in (conf_d, *names)), *disk.asked]
    return Loaded(
        None if errors else parsed.config,
        tuple(errors),
        parsed.warnings,
        parsed.settings,
        Files(main, yaml, disk.texts),
        tuple(dict.fromkeys(watched)),
    )


def load_files(
    files: Files, credentials_directory: str | None = None, *, credentials_optional: bool = False
) -> Loaded:
    """The same configuration again from its texts, secrets and origins included."""
    texts = [YamlText(path, os.path.dirname(path), files.texts[path]) for path in files.yaml]
    parsed = parse(texts, SnapshotSources(files, credentials_directory, credentials_optional))
    directory = os.path.join(os.path.dirname(files.main), "conf.d")
    watched = tuple(dict.fromkeys((files.main, directory, *files.texts)))
    return Loaded(parsed.config, parsed.errors, parsed.warnings, parsed.settings, files, watched)


def drop_ins(path: str) -> tuple[list[str], Diagnostic | None]:
    """The names of the drop-ins beside the main file `path`, in the order in which they count;
    and what is wrong if they can't be listed."""
    directory = os.path.join(os.path.dirname(path), "conf.d")
    try:
        return [os.path.join(directory, name) for name in drop_in_names(directory)], None
    except OSError as error:
        return [], Diagnostic(directory, 1, 1, "", unreadable(directory, error))


def _about(name: str, what: Text | None) -> list[Diagnostic]:
    return [] if what is None else [Diagnostic(name, 1, 1, "", what)]


def _not_utf8(name: str, error: UnicodeDecodeError) -> Diagnostic:
    before = bytes(error.object[: error.start])
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
    return Diagnostic(name, line, column, "", encoding.not_utf8(name, error.object))
