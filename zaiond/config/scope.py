"""A mapping of settings, and its scope while it is read: what is written in it, where, and what is
wrong with it."""

from dataclasses import dataclass, replace
from typing import Protocol, Self

from zaiond.config.tree import Place
from zaiond.errors import Diagnostic, ZaiondError
from zaiond.text import Text


class SourceError(ZaiondError):
    """A secret, a certificate or a permission is not as it must be.

    `missing`: the file isn't there; `unchecked`: it can't be known here, which is a warning.
    """

    def __init__(self, ja: str, en: str, *, missing: bool = False, unchecked: bool = False) -> None:
        super().__init__(Text(ja, en))
        self.missing = missing
        self.unchecked = unchecked


class Sources(Protocol):
    """What the settings refer to. Each raises SourceError; paths are absolute."""

    def secret_file(self, path: str) -> str:
        """The secret in a file, without its last newline."""

    def credential(self, name: str) -> str:
        """The secret that systemd brought, without its last newline."""

    def check_certificates(self, path: str) -> None:
        """Sees that the file holds certificates in PEM."""

    def check_program(self, program: str) -> None:
        """Sees that there is such a program: an absolute path, or a name to be looked for."""

    def check_permissions(self, file: str) -> None:
        """Sees that a YAML file that holds a secret is read by nobody else."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The mapping whose dotted key is `key`, '' being the whole configuration.

    `places` has where each setting of the whole is written, valid or not, by its dotted key; '' is
    the main file's start. `invalid` are the settings of this mapping that are written and have no
    valid value. A setting is named as in this mapping; '' is the mapping itself.
    """

    key: str
    places: dict[str, Place]
    sources: Sources
    errors: list[Diagnostic]
    warnings: list[Diagnostic]
    invalid: frozenset[str] = frozenset()

    def below(self, name: str) -> "Scope":
        """A mapping in this one."""
        return replace(self, key=self.dotted(name), invalid=frozenset())

    def dotted(self, name: str) -> str:
        """A setting's whole key."""
        return f"{self.key}.{name}" if self.key and name else self.key or name

    def written(self, *names: str) -> list[str]:
        """Those of the settings that are written, valid or not."""
        return [name for name in names if self.dotted(name) in self.places]

    def place(self, name: str) -> Place:
        """Where a setting is written; else the mapping nearest around it that is."""
        key = self.dotted(name)
        while key not in self.places:
            key = key.rpartition(".")[0]
        return self.places[key]

    def error(self, name: str, ja: str, en: str) -> None:
        """Says why the configuration can't be taken, at the place of a setting."""
        self.errors.append(self.place(name).diagnostic(self.dotted(name), ja, en))

    def warn(self, name: str, ja: str, en: str) -> None:
        """Says that a setting is legal and surely wrong."""
        self.warnings.append(self.place(name).diagnostic(self.dotted(name), ja, en))


class Settings:
    """A mapping of settings, each a field of the class. What must hold between them stands in the
    class, too; the parser calls these methods in their order."""

    __slots__ = ()

    def check(self, scope: Scope) -> None:
        """Tells `scope` of what is missing or contradicts something else."""

    def with_secrets(self, scope: Scope) -> Self:  # noqa: ARG002 (some mappings need it)
        """The same with the secrets that its settings lead to."""
        return self

    def warn(self, scope: Scope) -> None:
        """Tells `scope` of what is legal and surely wrong, once all else is known to be valid."""
