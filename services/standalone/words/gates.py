"""What each gate of risk looks at, with the unit of its number and its limit."""

from services.standalone.words.text import Text

GATES: dict[str, Text] = {}
