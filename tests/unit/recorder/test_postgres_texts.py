"""PostgreSQL reads from our texts what the messages hold, whatever signs are in them."""

import pytest

from services.recorder.sinks.postgres.texts import copied, json, levels


def test_levels_are_pairs_with_the_places_of_their_instrument() -> None:
    assert levels((6_183_764, 5), (487, 0), (2, 5)) == "{{61837.64,0.00487},{0.05,0.00000}}"
    assert levels((), (), (2, 5)) == "{}"


def test_levels_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        levels((1, 2), (1,), (2, 5))


def test_json_keeps_floats_to_the_last_bit_and_no_sign_that_postgresql_lacks() -> None:
    assert json({"a": 0.1 + 0.2, "b": 5e-324}) == '{"a":0.30000000000000004,"b":5e-324}'
    assert json({"a\0b": ("c\0",)}) == '{"a\ufffdb":["c\ufffd"]}'


def test_rows_are_copied_one_a_line_with_what_would_end_a_column_or_a_line_escaped() -> None:
    rows = [
        ("a", "b"),
        ("a\tb", "c\nd"),
        ("\\N", None),
        ("\r", "\0"),
        ("naïve 🌊", ""),
    ]
    lines = ["a\tb", "a\\tb\tc\\nd", "\\\\N\t\\N", "\\r\t\ufffd", "naïve 🌊\t", ""]
    assert copied(rows).decode() == "\n".join(lines)
    assert copied([]) == b""
