"""The last good configuration, kept as its files' texts, and its way back to disk."""

import json
import os
import stat

from zaiond.atomicfile import Owner, free_name, owner, replace, sync_directory
from zaiond.config.parse import YamlText, parse
from zaiond.config.readers import is_own_group
from zaiond.config.sources import Files, SnapshotSources, drop_in_names

NAME = "last-good.json"


def save_last_good(state_dir: str, files: Files) -> None:
    """Keeps `files` in `state_dir`, for its owner alone, durably; raises OSError."""
    document = {"version": 1, "main": files.main, "yaml": files.yaml, "texts": files.texts}
    replace(os.path.join(state_dir, NAME), json.dumps(document).encode(), None)


def read_last_good(state_dir: str) -> Files | None:
    """What was kept, or None where nothing usable was; raises OSError if it can't be read."""
    try:
        with open(os.path.join(state_dir, NAME), "rb") as stream:
            document = json.load(stream)
        texts = {str(path): str(text) for path, text in document["texts"].items()}
        yaml = tuple(str(path) for path in document["yaml"])
        if document["version"] != 1 or not yaml or not all(path in texts for path in yaml):
            return None
        return Files(str(document["main"]), yaml, texts)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError):  # not ours, or an older version's
        return None


def revert(files: Files) -> list[str]:
    """Writes `files` back to disk and returns the paths of those that were changed, in order.

    Each file is replaced atomically and keeps its owner and mode, but for one that holds a secret
    and could be read by others; where a path is a symbolic link, the file that it leads to is
    replaced. A drop-in that is there now and was not then would change the configuration: it is
    renamed to `NAME.yaml.reverted` (with a number if that exists), which is no drop-in. Raises
    OSError; what was written until then stays.
    """
    changed = []
    directory = os.path.join(os.path.dirname(files.main), "conf.d")
    for name in drop_in_names(directory):
        path = os.path.join(directory, name)
        if path not in files.yaml:
            os.rename(path, free_name(f"{path}.reverted", "."))
            sync_directory(directory)
            changed.append(path)
    secret = _Secret(files).paths
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
        rightly = _for_us_alone(owned, files.main) if path in secret else owned
        if found == content and rightly == owned:
            continue
        replace(target, content, rightly)
        changed.append(path)
    return changed


class _Secret(SnapshotSources):
    """Which of the files hold a secret, by their `paths`."""

    def __init__(self, files: Files) -> None:
        super().__init__(files, None, credentials_optional=True)
        self.paths: set[str] = set()
        parse([YamlText(p, os.path.dirname(p), files.texts[p]) for p in files.yaml], self)

    def secret_file(self, path: str) -> str:
        self.paths.add(path)
        return super().secret_file(path)

    def check_permissions(self, file: str) -> None:
        self.paths.add(file)


def _stand_in(main: str) -> Owner:
    """Whose a file that is gone becomes: as the main file, or as what root:zaiond 0640 means."""
    try:
        return owner(os.stat(main))
    except FileNotFoundError:
        return Owner(os.geteuid(), os.stat(os.path.dirname(main)).st_gid, 0o640)


def _for_us_alone(owned: Owner, main: str) -> Owner:
    """The same, if a secret may be in it; else as what root:zaiond 0640 means."""
    if not owned.mode & stat.S_IROTH and (not owned.mode & stat.S_IRGRP or is_own_group(owned.gid)):
        return owned
    group = os.stat(os.path.dirname(main)).st_gid
    return Owner(owned.uid, group, 0o640 if is_own_group(group) else 0o600)
