"""What a person who gave orders reads at a run's end."""

from pathlib import Path

import pytest

from tests.system.conftest import Marea

ORDERS = """\
- {at: "2026-01-05T00:00:30", action: halt, actor: ana, reason: "news"}
- {at: "2026-01-05T00:00:40", action: resume, actor: eva, role: viewer, reason: "go"}
- {at: "2026-01-05T00:30:00", action: resume, actor: ana, reason: "over"}
"""


@pytest.mark.parametrize(
    ("language", "became", "late"),
    [
        (
            "en",
            "commands approved: 1; the role may not do that: 1",
            "commands whose time the market did not reach: 1",
        ),
        (
            "es",
            "mandos aprobado: 1; el rol no puede hacerlo: 1",
            "mandos a cuya hora el mercado no llegó: 1",
        ),
    ],
)
def test_screen_tells_what_became_of_commands(
    language: str, became: str, late: str, marea: Marea, tmp_path: Path
) -> None:
    orders = tmp_path / "orders.yaml"
    orders.write_text(ORDERS)
    ended = marea("demo", "--minutes", "1", "--commands", orders, "--lang", language)
    assert ended.code == 0
    told = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert {became, late} <= set(told)
    assert any("marea log last --type CommandTaken" in line for line in told)
