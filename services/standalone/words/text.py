"""One text in both languages, so that none can lack the other."""

from typing import Literal, NamedTuple, TypeAlias

Language: TypeAlias = Literal["en", "es"]


class Text(NamedTuple):
    """What is shown, in English and in Spanish; with braces it is a template of `str.format`."""

    en: str
    es: str

    def of(self, language: Language) -> str:
        """The text in this language."""
        return self.es if language == "es" else self.en
