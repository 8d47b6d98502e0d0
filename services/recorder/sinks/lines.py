"""How is a point written in InfluxDB's line protocol, so that it reads back as it was?"""

from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple, TypeAlias

from marea.errors import BadInput
from marea.messages.envelope import Nanos

Value: TypeAlias = int | float | bool | str

_IN_TAG = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_IN_STRING = str.maketrans({'"': r"\"", "\\": "\\\\"})
_UNWRITABLE = {chr(code): "_" for code in range(32)} | {"\x7f": "_", "\\": "_"}
"""What a tag can't hold: a line ends there, or a backslash would escape what follows it."""
_BARE = str.maketrans(_UNWRITABLE)


class Point(NamedTuple):
    """What was measured at an instant. Equal measurement, tags and time: the same point."""

    measurement: str
    """A name of ours, as those of tags and fields: letters, digits, dots, underscores."""
    tags: Mapping[str, str]
    """From small sets of values, for each combination is a series; empty ones are left out."""
    fields: Mapping[str, Value]
    ts: Nanos


def line(point: Point) -> str:
    """The point as a line, its time in ns.

    A control character or a backslash in a tag becomes `_`. Raises `BadInput` for what has no line.
    """
    if not point.fields:
        raise BadInput(f"{point.measurement} has no field: give it one")
    tags = "".join(
        f",{name}={value.translate(_BARE).translate(_IN_TAG)}"
        for name, value in sorted(point.tags.items())
        if value
    )
    fields = ",".join(f"{name}={_value(name, value)}" for name, value in point.fields.items())
    return f"{point.measurement}{tags} {fields} {point.ts}"


def _value(name: str, value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            if not -(2**63) <= value < 2**63:
                raise BadInput(f"{name} is {value}: InfluxDB takes integers of 64 bits")
            return f"{value}i"
        case float():
            if not isfinite(value):
                raise BadInput(f"{name} is {value}: InfluxDB takes finite numbers")
            return repr(value)
        case str():
            return f'"{value.translate(_IN_STRING)}"'
