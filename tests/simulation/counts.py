"""Counts that a command is given."""

from argparse import ArgumentTypeError
from collections.abc import Callable


def at_least(least: int) -> Callable[[str], int]:
    """What reads a count of so many or more for `argparse`, which names the option it is for."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise ArgumentTypeError(f"write a whole number from {least} on, not {text!r}")
        return int(text)

    return read
