"""The diagram of an order's life is what its table says."""

from pathlib import Path

import pytest

from marea.domain.order_life import LIFE
from tools.order_life import CLOSES, OPENS, PAGE, drawn, main, render


def test_diagram_is_not_stale(root: Path) -> None:
    page = (root / PAGE).read_text(encoding="utf-8")
    assert page == drawn(page), "run: make docs"


def test_page_names_every_status_in_words_too(root: Path) -> None:
    page = (root / PAGE).read_text(encoding="utf-8")
    assert [status for status in LIFE if f"| `{status}` |" not in page] == []


def test_events_between_two_statuses_share_an_arrow_and_reports_leave_their_box() -> None:
    life = {
        "asked": {"go": "sent", "run": "sent", "stop": "ending", "told": "works"},
        "sent": {"told": "works"},
        "works": {"told": "works", "stop": "ending"},
        "ending": {},
    }
    assert render(life, {"told": "works"}, "asked").splitlines() == [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> asked",
        "    state not_reported {",
        "        asked --> sent: go, run",
        "    }",
        "    not_reported --> works: told",
        "    asked --> ending: stop",
        "    works --> ending: stop",
        "    ending --> [*]",
        "```",
    ]


def test_page_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match=r"life-of-an-order\.md: expected the lines '<!-- drawn"):
        drawn("# A page\n")


def test_page_is_drawn_anew(tmp_path: Path) -> None:
    page = tmp_path / PAGE
    page.parent.mkdir()
    page.write_text(f"# Life\n{OPENS}old\n{CLOSES}after\n")
    assert main(tmp_path) == 0
    assert page.read_text() == drawn(page.read_text())
    assert "old" not in page.read_text()
    assert page.read_text().endswith("after\n")
