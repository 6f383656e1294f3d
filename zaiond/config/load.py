"""The configuration from disk, or from the texts that were kept as the last good one."""

import os
from dataclasses import dataclass, field

from zaiond.config import encoding
from zaiond.config.access import READ, SEARCH, Identity
from zaiond.config.last_good import read_last_good, revert, save_last_good
from zaiond.config.parse import Parsed, Setting, YamlText, parse
from zaiond.config.schema import Config
from zaiond.config.scope import SourceError
from zaiond.config.sources import DiskSources, Files, SnapshotSources, unreadable
from zaiond.errors import Diagnostic
from zaiond.text import Text

__all__ = [
    "Files", "Loaded", "Setting", "drop_ins", "load", "load_files", "read_last_good", "revert",
    "save_last_good",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found: `config` is None exactly if there are `errors`.

    `settings` are shown by `config show`; `files` are the texts read; `watched` are the paths whose
    change may change any of this, the directory of the drop-ins among them, absolute.
    """

    config: Config | None
    errors: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    settings: tuple[Setting, ...]
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
    found: list[Diagnostic] = []
    names, unlistable = drop_ins(path)
    if unlistable:
        found.append(unlistable)
    conf_d = os.path.join(os.path.dirname(path), "conf.d")
    refused = []
    if os.path.isdir(conf_d):
        refused += _refused(conf_d, disk.refusal(os.path.join(base, conf_d), READ | SEARCH))
    texts: list[YamlText] = []
    for name in [path, *names]:
        absolute = os.path.join(base, name)
        try:
            text = disk.yaml(name)
        except FileNotFoundError as error:
            if name == path or os.path.lexists(absolute):  # else it has just been removed
                found.append(Diagnostic(name, 1, 1, "", unreadable(name, error)))
        except SourceError as error:
            found.append(Diagnostic(name, 1, 1, "", error.text))
        except UnicodeDecodeError as error:
            found.append(_not_utf8(name, error))
        else:
            texts.append(YamlText(name, os.path.dirname(absolute), text))
            refused += _refused(name, disk.refusal(absolute))
    parsed = parse(texts, disk, incomplete=bool(found))
    yaml = tuple(os.path.join(base, each.name) for each in texts)
    directory = os.path.join(os.path.dirname(main), "conf.d")
    watched = [main, directory, *(os.path.join(base, name) for name in names), *disk.asked]
    files = Files(main, yaml, disk.texts)
    order = [path, conf_d, *names]
    errors = sorted(
        (*found, *refused, *parsed.errors), key=lambda d: (order.index(d.file), d.line, d.column)
    )
    return _loaded(parsed, tuple(errors), files, tuple(dict.fromkeys(watched)))


def load_files(
    files: Files, credentials_directory: str | None = None, *, credentials_optional: bool = False
) -> Loaded:
    """The same from kept texts: the same configuration, secrets and origins included."""
    texts = [YamlText(path, os.path.dirname(path), files.texts[path]) for path in files.yaml]
    parsed = parse(texts, SnapshotSources(files, credentials_directory, credentials_optional))
    directory = os.path.join(os.path.dirname(files.main), "conf.d")
    watched = tuple(dict.fromkeys((files.main, directory, *files.texts)))
    return _loaded(parsed, parsed.errors, files, watched)


def _loaded(
    parsed: Parsed, errors: tuple[Diagnostic, ...], files: Files, watched: tuple[str, ...]
) -> Loaded:
    config = None if errors else parsed.config
    return Loaded(config, errors, parsed.warnings, parsed.settings, files, watched)


def drop_ins(path: str) -> tuple[list[str], Diagnostic | None]:
    """The names of the drop-ins beside the main file `path`, in the order in which they count;
    and what is wrong if they can't be listed."""
    directory = os.path.join(os.path.dirname(path), "conf.d")
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return [], None
    except OSError as error:
        return [], Diagnostic(directory, 1, 1, "", unreadable(directory, error))
    names = [name for name in names if name.endswith(".yaml") and not name.startswith(".")]
    return [os.path.join(directory, name) for name in names], None


def _refused(name: str, why: Text | None) -> list[Diagnostic]:
    return [] if why is None else [Diagnostic(name, 1, 1, "", why)]


def _not_utf8(name: str, error: UnicodeDecodeError) -> Diagnostic:
    before = bytes(error.object[: error.start])
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
    return Diagnostic(name, line, column, "", encoding.not_utf8(name, error.object))
