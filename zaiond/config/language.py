"""Which files a configuration has, and which language it asks for, however broken it is.

This is imported on the path of emit: nothing slow is.
"""

import contextlib
import os
import re

TYPE_CHECKING = False  # typing is not imported on the path of emit
if TYPE_CHECKING:
    from zaiond.text import Language

_SAYS_LANGUAGE = re.compile(r"^language[ \t]*:[ \t]*[\"']?(ja|en)\b", re.MULTILINE)
_MOST = 1024 * 1024


def drop_in_names(directory: str) -> list[str]:
    """The names of the drop-ins in a directory, in the order in which they count; none where there
    is no such directory. Raises OSError."""
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name for name in names if name.endswith(".yaml") and not name.startswith(".")]


def wanted_language(path: str) -> "Language":
    """The language that the file at `path` and its drop-ins name; Japanese is the default. Raises
    OSError. What may be broken is searched, not parsed."""
    texts = [_read(path)]
    directory = os.path.join(os.path.dirname(path), "conf.d")
    with contextlib.suppress(OSError):  # else without drop-ins
        texts += [_read(os.path.join(directory, name)) for name in drop_in_names(directory)]
    said = [found for text in texts for found in _SAYS_LANGUAGE.findall(text)]
    return "en" if said and said[-1] == "en" else "ja"


def _read(path: str) -> str:
    # O_NONBLOCK: a FIFO of that name must not stop us.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        return file.read(_MOST).decode(errors="replace")
