"""Which numbers may a command be given?"""

from argparse import ArgumentTypeError
from collections.abc import Callable
from math import inf
from typing import TypeVar

Number = TypeVar("Number", int, float)
NAMES = {int: "whole number", float: "number"}


def above_zero(kind: type[Number]) -> Callable[[str], Number]:
    """Reads an `int` or a `float` above 0 for `argparse`, which ends with 2 for anything else."""

    def read(text: str) -> Number:
        try:
            number = kind(text)
        except ValueError:
            number = kind("0")
        if not 0 < number < inf:
            raise ArgumentTypeError(f"'{text}' is no {NAMES[kind]} above 0: write one")
        return number

    return read
