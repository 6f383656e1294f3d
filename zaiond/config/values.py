"""What settings are to the rest of zaiond where Python has no type for it."""

from dataclasses import dataclass


class Secret:
    """A text that is never shown: only `reveal()` gives it, and nothing else prints it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(********)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` mails in every `seconds` seconds."""

    count: int
    seconds: float


def fill_names(text: str, *, host: str, fqdn: str) -> str:
    """`text` (a sender or a subject prefix) with `{host}` and `{fqdn}` replaced by the names."""
    return text.replace("{host}", host).replace("{fqdn}", fqdn)
