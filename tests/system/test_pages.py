"""What the pages show is what their reader sees: their commands are run, and the outputs compared.

Where a page is wrong, `python -m tools.pages` writes its outputs anew; look at what it changed.
"""

from pathlib import Path

import pytest

from tools.command import ROOT
from tools.pages import NOT_RUN, is_as_shown, pages, played, renewed, shown_in

PRINTED = "market  seed 7\nbars    12\nrun     runs/1\nsaved\n"


@pytest.mark.parametrize("page", pages(ROOT))
def test_page_shows_what_its_commands_print(page: str, root: Path, tmp_path: Path) -> None:
    for shown, unlike in played((root / page).read_text("utf-8"), tmp_path):
        if unlike is not None:
            pytest.fail(
                f"{page}: exit {unlike.code} of\n{shown.command}\nwhich shows\n{shown.output}\n"
                f"and this is printed:\n{unlike.printed}"
            )


def test_every_command_that_is_not_run_stands_on_a_page(root: Path) -> None:
    commands = {
        shown.command
        for page in pages(root)
        for shown in shown_in((root / page).read_text("utf-8"))
    }
    assert set(NOT_RUN) <= commands


@pytest.mark.parametrize(
    ("output", "is_shown"),
    [
        (PRINTED, True),
        ("market  seed 7\nbars    12\nrun     …\nsaved\n", True),
        ("market  seed 7\n…\nsaved\n", True),
        ("…\nrun     runs/1\n…\n", True),
        ("…\nrun     runs/2\n…\n", False),
        ("market  seed 7\nsaved\n", False),
        ("market  …\nsaved\n", False),
    ],
)
def test_ellipsis_stands_for_the_rest_of_a_line_or_for_lines(output: str, is_shown: bool) -> None:
    assert is_as_shown(output, PRINTED) is is_shown


@pytest.mark.parametrize(
    ("output", "anew"),
    [
        ("market  seed 7\nbars    11\nrun     …\nsaved\n", PRINTED.replace("runs/1", "…")),
        ("market  seed 7\n…\nrun     …\nkept\n", "market  seed 7\n…\nrun     …\nsaved\n"),
        ("…\nsaved\n", "…\nsaved\n"),
        ("market  seed 8\n…\n", PRINTED),
    ],
)
def test_output_that_is_written_anew_keeps_what_it_elides(output: str, anew: str) -> None:
    assert renewed(output, PRINTED) == anew
