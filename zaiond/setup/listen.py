"""Where zaiond-web listens, and as whom: the section `web` of the files, certificate and key in it
as texts. So the key may be root's alone, and what else is broken keeps no page from being there."""

from typing import Any

from zaiond.config.access import credentials
from zaiond.config.language import wanted_language
from zaiond.config.load import load
from zaiond.config.outside import SourceError
from zaiond.config.schema import declaration
from zaiond.config.sources import MAX_CERTIFICATES, read
from zaiond.errors import Diagnostic
from zaiond.text import Language

_SECTION = "web"
_NAMES = ("listen", "url")
_FILES = ("cert_file", "key_file")


def listening(path: str) -> dict[str, Any]:
    """The addresses, and the texts in PEM, each None where it isn't set or can't be read; `errors`
    has what is wrong with them; `language` is the configuration's."""
    loaded = load(path, credentials(), credentials_optional=True)
    found = {setting.key: setting.value for setting in loaded.settings}
    values = {name: found.get(f"{_SECTION}.{name}") for name in (*_NAMES, *_FILES)}
    if values["listen"] is None:  # the files can't be read, or it is wrong
        values["listen"] = declaration(f"{_SECTION}.listen").default
    reply: dict[str, Any] = {name: None if v == "null" else v for name, v in values.items()}
    errors = [e for e in loaded.errors if e.key.partition(".")[0] == _SECTION]
    for name in _FILES:
        named = reply.pop(name)
        text: str | None = None
        if named is not None:
            try:
                text = read(named, MAX_CERTIFICATES)[0].decode(errors="replace")
            except SourceError as error:
                # `check` has no complaint of what only we may not read, or found it there before.
                if not errors:
                    errors.append(Diagnostic(path, 1, 1, f"{_SECTION}.{name}", error.text))
        reply[name.removesuffix("_file")] = text
    reply["language"] = _language(path)
    reply["errors"] = [
        {"key": e.key, "file": e.file, "line": e.line, **e.text._asdict()} for e in errors
    ]
    return reply


def _language(path: str) -> Language | None:
    try:
        return wanted_language(path)
    except OSError:
        return None
