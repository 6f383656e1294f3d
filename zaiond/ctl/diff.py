"""How configuration files differ, as `config diff` prints it: secrets never."""

import difflib
import os
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from zaiond.ctl import words
from zaiond.text import Language

if TYPE_CHECKING:
    from zaiond.config.sources import Files

# The keys that hold a secret, and those that look like one of them misspelt: the file may be broken
# just there. Those that only name a file, a credential or a command, and switches, hold none.
_KEY = r"(?!allow_|\w*_(?:file|credential|command|url)\b)\w*(?:pass?w|passphrase|secret|token)\w*"
_QUOTES = "[\"'“”‘’]?"
# Where a line or a mapping begins, whatever follows such a key may be its value: the ':' or the
# blank between them may be missing, or full-width.
_AT_KEY = rf"(?:^|[{{,])[ \t\u3000]*(?:-[ \t\u3000]+)*{_QUOTES}{_KEY}{_QUOTES}(?=[^\w-]|$)"
_BEFORE_VALUE = rf"\b{_KEY}(?=[ \t]*:(?:[ \t]|$))"
_SECRET = re.compile(f"({_AT_KEY}|{_BEFORE_VALUE}).*$", re.IGNORECASE)
_COMPLEX_KEY = re.compile(rf"""[ \t]*\?[ \t]+["']?{_KEY}""", re.IGNORECASE)
_MASKED = r"\1: ********"


def with_disk(kept: "Files", language: Language) -> list[str]:
    """How the same files, and the drop-ins that are new, differ on disk now."""
    from zaiond.config.load import drop_ins

    yaml = dict.fromkeys((*kept.yaml, *drop_ins(kept.main)[0]))
    now = {path: _read(path) for path in dict.fromkeys((*kept.texts, *yaml))}
    return differences(kept.texts, now, yaml, language)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()
    except OSError:
        return None


def differences(
    kept: Mapping[str, str],
    now: Mapping[str, str | None],
    yaml: Collection[str],
    language: Language,
) -> list[str]:
    """The lines of a unified diff of each file of `yaml`, from what is in force to what is on disk.

    Of the other files, most of which hold a secret, it is only said that they differ. None: the
    file is gone, or can't be read.
    """
    lines: list[str] = []
    for path, text in now.items():
        before = kept.get(path)
        if before == text:
            continue
        if text is None:
            lines.append(words.gone(path=path).in_language(language))
        elif path not in yaml:
            lines.append(words.differs(path=path).in_language(language))
        else:
            lines += _of_yaml(path, before, text, language)
    return lines


def _of_yaml(path: str, before: str | None, text: str, language: Language) -> list[str]:
    lines = list(
        difflib.unified_diff(
            _masked(before or "").splitlines(),
            _masked(text).splitlines(),
            f"{path} ({words.IN_FORCE.in_language(language)})"
            if before is not None
            else os.devnull,
            f"{path} ({words.ON_DISK.in_language(language)})",
            lineterm="",
        )
    )
    return lines or [words.secret_differs(path=path).in_language(language)]


def _masked(text: str) -> str:
    """YAML with the values of secrets masked, those over several lines too."""
    lines: list[str] = []
    hidden_below: int | None = None
    for line in text.splitlines():
        depth = len(line) - len(line.lstrip())
        if hidden_below is not None and (depth > hidden_below or not line.strip()):
            continue
        hidden_below = None
        masked = _SECRET.sub(_MASKED, line)
        if masked != line:
            hidden_below = depth
        elif _COMPLEX_KEY.match(line):  # its value begins with a ':' below it
            hidden_below = depth - 1
        lines.append(masked)
    return "\n".join(lines)
