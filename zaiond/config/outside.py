"""What the settings refer to, and lies outside of their texts."""

from typing import Protocol

from zaiond.errors import ZaiondError
from zaiond.text import Text


class SourceError(ZaiondError):
    """A secret, a template, a certificate or a permission is not as it must be. `missing`: the file
    isn't there; `unchecked`: it can't be known here, which is a warning."""

    def __init__(self, text: Text, *, missing: bool = False, unchecked: bool = False) -> None:
        super().__init__(text)
        self.missing = missing
        self.unchecked = unchecked


class Sources(Protocol):
    """What the settings refer to. Each raises SourceError; paths are absolute."""

    def secret_file(self, path: str) -> str:
        """The secret in a file, without its last newline."""

    def secret_text(self, path: str) -> str:
        """The text of a file that holds a secret, of any number of lines."""

    def credential(self, name: str) -> str:
        """The secret that systemd brought, without its last newline."""

    def template_file(self, path: str) -> str:
        """The text of one of the files that a template is made of."""

    def check_certificates(self, path: str) -> None:
        """Sees that the file holds certificates in PEM."""

    def check_key(self, certificate: str, key: str) -> None:
        """Sees that a file holds the certificate's private key, where it can be read."""

    def check_fleet(self) -> None:
        """Sees that the client of the fleet's engine is installed."""

    def check_program(self, program: str) -> None:
        """Sees that there is such a program: an absolute path, or a name to be looked for."""

    def check_permissions(self, file: str) -> None:
        """Sees that a YAML file that holds a secret is read by nobody else."""
