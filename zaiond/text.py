"""A sentence for a person, in both languages, written side by side where it arises."""

from typing import Literal, NamedTuple

Language = Literal["ja", "en"]


class Text(NamedTuple):
    """One sentence in Japanese and in English; values are put in before it is made."""

    ja: str
    en: str

    def in_language(self, language: Language) -> str:
        """The sentence in `language`."""
        return self.ja if language == "ja" else self.en
