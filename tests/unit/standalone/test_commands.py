"""A file of commands says what is wrong in it, and where."""

from pathlib import Path

import pytest

from marea.errors import BadInput
from services.standalone.commands import read_orders

GOOD = '- {at: "2026-01-05T00:10:00", action: halt, actor: ana, reason: news}\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [b", "write a list of entries such as"),
        ("", "Expected `array`, got `null`: write a list"),
        (GOOD.replace("halt", "sell"), r"'sell' - at `\$\[0\].action`: write a list"),
        (GOOD.replace("actor: ana, ", ""), "missing required field `actor`"),
        (
            GOOD + GOOD.replace("2026-01-05T00:10:00", "soon"),
            "at of entry 2 is 'soon', which is no",
        ),
        (GOOD.replace("}", ", oops: 1}"), "unknown field `oops`"),
    ],
)
def test_file_that_says_nonsense_is_refused(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text(text)
    with pytest.raises(BadInput, match=told):
        read_orders(file)


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.yaml can't be read .*: name another"):
        read_orders(tmp_path / "none.yaml")


def test_entries_are_given_as_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text(GOOD + GOOD)
    assert [each.action for each in read_orders(file)] == ["halt", "halt"]
