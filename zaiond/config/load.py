"""The configuration from disk, or from the texts of the last good one; and those back to disk."""

import json
import os
import stat
from dataclasses import dataclass, field

from zaiond.atomicfile import Owner, free_name, owner, replace, sync_directory
from zaiond.config import japanese
from zaiond.config.access import READ, SEARCH, Identity, is_own_group, refusal
from zaiond.config.language import drop_in_names
from zaiond.config.outside import SourceError
from zaiond.config.parse import Parsed, YamlText, parse
from zaiond.config.sources import DiskSources, Files, SnapshotSources, unreadable
from zaiond.errors import Diagnostic
from zaiond.message.custom import HTML, TEXT
from zaiond.text import Text

LAST_GOOD = "last-good.json"


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
    order = {name: number for number, name in enumerate([path, conf_d, *names])}
    errors = sorted(
        (*unread, *refused, *parsed.errors),
        key=lambda d: (order.get(d.file, len(order)), d.line, d.column),
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


def new_templates(files: Files) -> list[str]:
    """The HTML that is beside templates on disk now, and was not when `files` were read."""
    texts = [path for path in files.texts if path.endswith(TEXT)]
    beside = [path.removesuffix(TEXT) + HTML for path in texts]
    return [path for path in beside if path not in files.texts and os.path.lexists(path)]


def _about(name: str, what: Text | None) -> list[Diagnostic]:
    return [] if what is None else [Diagnostic(name, 1, 1, "", what)]


def _not_utf8(name: str, error: UnicodeDecodeError) -> Diagnostic:
    before = bytes(error.object[: error.start])
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
    return Diagnostic(name, line, column, "", japanese.not_utf8(name, error.object))


# -- the last good configuration


def save_last_good(state_dir: str, files: Files) -> None:
    """Keeps `files` in `state_dir`, for its owner alone, durably; raises OSError."""
    document = {"version": 1, "main": files.main, "yaml": files.yaml, "texts": files.texts}
    replace(os.path.join(state_dir, LAST_GOOD), json.dumps(document).encode(), None)


def read_last_good(state_dir: str) -> Files | None:
    """What was kept, or None where nothing usable was; raises OSError if it can't be read."""
    try:
        with open(os.path.join(state_dir, LAST_GOOD), "rb") as stream:
            document = json.load(stream)
        texts = {str(path): str(text) for path, text in document["texts"].items()}
        yaml = tuple(str(path) for path in document["yaml"])
        if document["version"] != 1 or not yaml or not all(path in texts for path in yaml):
            return None
        return Files(str(document["main"]), yaml, texts)
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return None  # there is none, or it is not ours, or another version's


def revert(files: Files) -> list[str]:
    """Writes `files` back to disk and returns the paths of those that were changed, in order.

    Each file is replaced atomically and keeps its owner and mode, but for one that holds a secret
    and could be read by others; where a path is a symbolic link, the file that it leads to is
    replaced. A drop-in that is there now and was not then would change the configuration: it is
    renamed to `NAME.yaml.reverted` (with a number if that exists), which is no drop-in; so is the
    HTML of a template. Raises OSError; what was written until then stays.
    """
    changed = []
    directory = os.path.join(os.path.dirname(files.main), "conf.d")
    there = [os.path.join(directory, name) for name in drop_in_names(directory)]
    for path in (*there, *new_templates(files)):
        if path not in files.yaml:
            os.rename(path, free_name(f"{path}.reverted", "."))
            sync_directory(os.path.dirname(path))
            changed.append(path)
    secret = with_secrets(files)
    for path, text in files.texts.items():
        target = os.path.realpath(path)
        content = text.encode()
        found: bytes | None = None
        try:
            with open(target, "rb") as stream:
                found = stream.read()
                owned = owner(os.fstat(stream.fileno()))
        except FileNotFoundError:
            owned = _stand_in(files.main)
            os.makedirs(os.path.dirname(target), exist_ok=True)
        rightly = for_us_alone(owned, files.main) if path in secret else owned
        if found == content and rightly == owned:
            continue
        replace(target, content, rightly)
        changed.append(path)
    return changed


def with_secrets(files: Files) -> set[str]:
    """The paths of those files that hold a secret."""
    return _Secret(files).paths


class _Secret(SnapshotSources):
    """Which of the files hold a secret, by their `paths`."""

    def __init__(self, files: Files) -> None:
        super().__init__(files, None, credentials_optional=True)
        self.paths: set[str] = set()
        parse([YamlText(p, os.path.dirname(p), files.texts[p]) for p in files.yaml], self)

    def secret_text(self, path: str) -> str:
        self.paths.add(path)
        return super().secret_text(path)

    def check_permissions(self, file: str) -> None:
        self.paths.add(file)


def _stand_in(main: str) -> Owner:
    """Whose a file that is gone becomes: as the main file, or as what root:zaiond 0640 means."""
    try:
        return owner(os.stat(main))
    except FileNotFoundError:
        return Owner(os.geteuid(), os.stat(os.path.dirname(main)).st_gid, 0o640)


def for_us_alone(owned: Owner, main: str) -> Owner:
    """The same, if a secret may be in it; else as what root:zaiond 0640 means."""
    if not owned.mode & stat.S_IROTH and (not owned.mode & stat.S_IRGRP or is_own_group(owned.gid)):
        return owned
    group = os.stat(os.path.dirname(main)).st_gid
    return Owner(owned.uid, group, 0o640 if is_own_group(group) else 0o600)
