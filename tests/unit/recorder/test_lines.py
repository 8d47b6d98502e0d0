"""A line says its point: nothing in a name or a value can end it early, or become another field."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marea.errors import BadInput
from services.recorder.sinks.lines import Point, Value, line

ESCAPED = re.compile(r"\\([,= ])")
TEXT = st.text(min_size=1, max_size=30)
NAMES = st.from_regex(r"[a-z][a-z0-9_.]*", fullmatch=True)
TAME = re.compile(r"[\x00-\x1f\x7f\\]")
VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(max_size=30).filter(lambda text: "\n" not in text and "\r" not in text),
)


def split(text: str, mark: str, *, has_quotes: bool = False) -> list[str]:
    """Parts of a line between marks that nothing escapes or quotes, as InfluxDB's parser finds them."""
    parts, start, at, is_quoted = [], 0, 0, False
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif has_quotes and text[at] == '"':
            is_quoted = not is_quoted
        elif text[at] == mark and not is_quoted:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def plain(text: str) -> str:
    return ESCAPED.sub(r"\1", text)


def value_of(text: str) -> Value:
    if text.startswith('"'):
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text in ("true", "false"):
        return text == "true"
    return int(text[:-1]) if text.endswith("i") else float(text)


def parsed(text: str) -> Point:
    head = split(text, " ")[0]
    fields, ts = split(text[len(head) + 1 :], " ", has_quotes=True)
    measurement, *tags = split(head, ",")
    named = [split(tag, "=") for tag in tags]
    valued = [split(field, "=", has_quotes=True) for field in split(fields, ",", has_quotes=True)]
    return Point(
        measurement,
        {name: plain(value) for name, value in named},
        {name: value_of(value) for name, value in valued},
        int(ts),
    )


@given(
    tags=st.dictionaries(NAMES, TEXT, max_size=4),
    fields=st.dictionaries(NAMES, VALUES, min_size=1, max_size=4),
    ts=st.integers(0, 2**63 - 1),
)
def test_line_reads_back_as_its_point(
    tags: dict[str, str], fields: dict[str, Value], ts: int
) -> None:
    read = parsed(line(Point("a.b_c", tags, fields, ts)))
    assert read.measurement == "a.b_c"
    assert read.ts == ts
    assert read.tags == {name: TAME.sub("_", value) for name, value in tags.items()}
    assert {name: (type(value), value) for name, value in read.fields.items()} == {
        name: (type(value), value) for name, value in fields.items()
    }


def test_line_stays_one_line_whatever_its_tags_hold() -> None:
    point = Point("m", {"a": "x\ny", "b": "end\\", "c": ""}, {"text": 'say "a\\b"'}, 7)
    assert line(point) == r'm,a=x_y,b=end_ text="say \"a\\b\"" 7'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**63, "qty is 9223372036854775808: InfluxDB takes integers of 64 bits"),
        (math.nan, "qty is nan: InfluxDB takes finite numbers"),
        (-math.inf, "qty is -inf: InfluxDB takes finite numbers"),
    ],
)
def test_value_that_has_no_form_is_refused(value: Value, text: str) -> None:
    with pytest.raises(BadInput, match=text):
        line(Point("m", {}, {"qty": value}, 0))


def test_point_without_a_field_is_refused() -> None:
    with pytest.raises(BadInput, match=r"system.health has no field: give it one"):
        line(Point("system.health", {"a": "b"}, {}, 0))
