"""How does one language write a report's sentences and numbers?"""

from decimal import Decimal

from services.standalone.words import Words
from services.standalone.words.report import REPORT
from services.standalone.words.text import Language


class Voice:
    """The words of one language, and its numbers."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.words = {key: text.of(language) for key, text in REPORT.items()}
        self._marks = str.maketrans("-", "\N{MINUS SIGN}")
        if language == "es":
            self._marks |= str.maketrans(",.", ".,")

    def say(self, key: str, **parts: str | int) -> str:
        """A sentence with its gaps filled; whole numbers are written as this language does."""
        told = {name: self._told(part) for name, part in parts.items()}
        return self.words[key].format(**told)

    def reason(self, code: str) -> str:
        """What a reason's code says; one that has no words is shown as it is."""
        return Words(self.language).code(code)

    def number(self, number: Decimal | float, places: int = 0) -> str:
        """With so many places; a zero has no sign."""
        text = f"{number:,.{places}f}"
        return (text if text.strip("-0.,") else text.lstrip("-")).translate(self._marks)

    def signed(self, number: Decimal | float, places: int = 2) -> str:
        """As `number`, with its sign unless it is zero."""
        text = self.number(number, places)
        return f"+{text}" if number > 0 and text.strip("0.,") else text

    def _told(self, part: str | int) -> str:
        return self.number(part) if isinstance(part, int) else part

    def money(self, number: Decimal | float, *, signed: bool = False) -> str:
        """To the hundredth; what is less, to the ten-thousandth."""
        places = 2 if not -0.01 < number < 0.01 or not number else 4
        return self.signed(number, places) if signed else self.number(number, places)


def unscaled(units: int, scale: int) -> Decimal:
    """An amount in units of 10^-scale, exactly."""
    return Decimal(units).scaleb(-scale)
