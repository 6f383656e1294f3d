"""The exceptions that zaiond itself raises and that several rooms know: a tree, of which
`ZaiondError` is the root. What one room alone raises and catches stands there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from zaiond.text import Language, Text

EventErrorCode = Literal["invalid", "too_large", "conflict", "quota", "disk_full", "unavailable"]
RETRYABLE: frozenset[EventErrorCode] = frozenset({"quota", "disk_full", "unavailable"})


class ZaiondError(Exception):
    """`text` says what is wrong, where, and what to do, in both languages; `str()` the English."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class MendableError(ZaiondError):
    """A text can't be used; each of `texts` says why. `instead` is the whole text as it should be
    written, where that can be known.
    """

    def __init__(self, *texts: Text, instead: str | None = None) -> None:
        super().__init__(texts[0])
        self.texts = texts
        self.instead = instead

    def told(self, show: Callable[[str], str]) -> tuple[Text, ...]:
        """The texts; the first one ends with `instead`, as `show` writes it where it belongs."""
        if self.instead is None:
            return self.texts
        (ja, en), *more = self.texts
        line = show(self.instead)
        return Text(f"{ja}。次のように書いてください: {line}", f"{en}; write it as: {line}"), *more


class UsageError(ZaiondError):
    """The command line is wrong (exit status 2)."""


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One fault or warning: `line` and `column` count from 1; `key` is dotted, '' for the file."""

    file: str
    line: int
    column: int
    key: str
    text: Text

    @property
    def formatted(self) -> Text:
        """`FILE:LINE:COLUMN: key: what is wrong`, as everything that shows it does."""
        where = f"{self.file}:{self.line}:{self.column}: " + (f"{self.key}: " if self.key else "")
        return Text(where + self.text.ja, where + self.text.en)

    def document(self, language: Language) -> dict[str, str | int]:
        """The same as the command line's documents have it."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "key": self.key,
            "message": self.text.in_language(language),
        }


class ConfigError(ZaiondError):
    """The configuration is not valid; `diagnostics` has every fault, in the order of the files."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(diagnostics[0].formatted)
        self.diagnostics = diagnostics


class AddressError(ZaiondError):
    """What should be a mail address is none; the text quotes it and says how to write it."""


class AddressListError(MendableError):
    """What should be a list of mail addresses is none."""


class MessageError(ZaiondError):
    """A mail whose bytes must not go over the wire: a fault of zaiond itself, found in time."""


class EventError(ZaiondError):
    """An event that can't be taken: what the event socket's error reply says (interface 4)."""

    def __init__(self, code: EventErrorCode, text: Text, field: str | None = None) -> None:
        super().__init__(text)
        self.code: EventErrorCode = code
        self.field = field


class StoreError(ZaiondError):
    """The queue on disk can't be opened, read or written."""


class DiskFullError(StoreError):
    """Less is free than the floor, or the file system said ENOSPC."""
