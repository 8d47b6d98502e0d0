"""What do whole days of trading come to, and does every unit of their money add up?

Each is played by `marea demo`: the tapes that are named, three simulated days, and one on which
prices crash and people give orders. Money is then reckoned anew from what the venue reported,
invariants are checked, and everything is decided again.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marea.venues.tape import Tape
from tools import command
from tools.ending import end_with
from tools.money_audit import audit

SEEDS = (7, 11, 23)
MINUTES = 30
CRASH_SEED = 4
CRASH_MINUTES = 5
CRASH_SETTINGS = {
    "MAREA__RISK__PROFILES_PCT_MAX__MODERATE": "45",
    "MAREA__RISK__ASSET_PCT_MAX": "100",
    "MAREA__RISK__SECTOR_PCT_MAX": "100",
    # Stops at a tenth of the price, or they would fire before the breaker trips: a mean of prices
    # stands in for the range that they are measured by.
    "MAREA__INDICATORS__ATR_14__KERNEL": "sma",
    "MAREA__RISK__STOP_ATR": "0.9",
    "MAREA__RISK__TARGET_ATR": "0.9",
}
ORDERS = """\
- {at: "2026-01-05T00:03:10", action: halt, actor: ana, reason: "the market falls"}
- {at: "2026-01-05T00:03:15", action: resume, actor: eva, role: viewer, reason: "buy the dip"}
- {at: "2026-01-05T00:03:20", action: resume, actor: ana, reason: " "}
- {at: "2026-01-05T00:03:45", action: resume, actor: ana, reason: "it is over", key: over}
- {at: "2026-01-05T00:03:50", action: resume, actor: ana, reason: "it is over", key: over}
- {at: "2026-01-05T00:04:10", action: reset, actor: ana, reason: "seen, go on"}
"""
"""What people order on the day of the crash, which comes halfway, two and a half minutes in."""


@dataclass(frozen=True)
class Day:
    """A day to play: what it is called, the options of `marea demo`, and settings."""

    name: str
    options: Sequence[str | Path]
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Played:
    """What came of a day."""

    day: Day
    run: Path
    result: Mapping[str, Any]
    targets: int
    """Positions that ended by taking their profit."""
    compared: int
    """How often money was held against the venue's reports."""
    problems: Sequence[str]
    """What does not add up; none where all does."""


def list_days(tapes: Sequence[Path], minutes: int, folder: Path) -> list[Day]:
    """The days to play; what people order on the last is written to the folder."""
    orders = folder / "orders.yaml"
    orders.write_text(ORDERS)
    crash = ("--crash", "40", "--seed", str(CRASH_SEED), "--minutes", str(CRASH_MINUTES))
    return [
        *(Day(tape.name.partition(".")[0], ("--tape", tape)) for tape in tapes),
        *(Day(f"seed {n}", ("--seed", str(n), "--minutes", str(minutes))) for n in SEEDS),
        Day("crash", (*crash, "--commands", orders), CRASH_SETTINGS),
    ]


def play(day: Day, runs: Path) -> Played:
    """Play a day to its end, and hold everything that it shows against everything else."""
    ended = command.run(["demo", *day.options, "--json"], runs, day.settings)
    if ended.code not in (0, 1):
        raise RuntimeError(f"{day.name} ended with {ended.code}: {ended.err}")
    result = json.loads(ended.out)
    run = runs / result["run"]
    found = asyncio.run(audit(run / "log.sqlite"))
    problems = list(found.problems.values())
    told = _ask(runs, "doctor", run)
    problems += [f"{each['violation']['what']} (doctor)" for each in told["breaches"]]
    different = _ask(runs, "replay", run)["different"]
    if different:
        problems.append(f"decided again, {different} messages are different")
    closed = _ask(runs, "log", run, "--type", "PositionClosed")["events"]
    targets = sum(each["exit_reason"] == "target" for each in closed)
    return Played(day, run, result, targets, found.compared, problems)


def _ask(runs: Path, *arguments: str | Path) -> dict[str, Any]:
    ended = command.run([*arguments, "--json"], runs)
    told: dict[str, Any] = json.loads(ended.out)
    return told


ROWS = (
    ("signals", "signals"),
    ("decisions", "decisions"),
    ("denied", "denied"),
    ("orders", "orders"),
    ("fills", "fills"),
    ("of them partial", "partial_fills"),
    ("cancels", "cancels"),
    ("rejects", "rejects"),
    ("stops fired", "stops"),
    ("positions closed", "positions_closed"),
    ("with a gain", "positions_won"),
    ("fees, USDT", "fees"),
    ("equity at the end", "equity_end"),
    ("drawdown, %", "drawdown_pct_max"),
)
"""What a line of the table is called, and the figure of the result."""


def table(days: Sequence[Played]) -> Iterator[str]:
    """The counts of each day, in the columns of a Markdown table."""
    yield f"| | {' | '.join(each.day.name for each in days)} |"
    yield "|---" * (len(days) + 1) + "|"
    for title, name in ROWS:
        yield _line(title, [each.result[name] for each in days])
    reasons = sorted({reason for each in days for reason in each.result["denials"]})
    for reason in reasons:
        yield _line(f"denied: {reason}", [each.result["denials"].get(reason, 0) for each in days])
    for level in ("1", "2", "3"):
        counts = [each.result["breakers"].get(level, 0) for each in days]
        yield _line(f"breaker {level}", counts)
    yield _line("targets", [each.targets for each in days])
    yield _line("comparisons of money", [each.compared for each in days])
    yield _line("problems", [len(each.problems) for each in days])


def _line(title: str, values: Sequence[object]) -> str:
    texts = (f"{value:,}" if isinstance(value, int) else str(value) for value in values)
    return f"| {title} | {' | '.join(texts)} |"


def main() -> int:
    """Play the days, and print what came of them; 1 where anything does not add up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "tape", type=Path, nargs="*", help="captures to trade beside the drawn days"
    )
    parser.add_argument("--minutes", type=int, default=MINUTES, help="of each simulated day")
    options = parser.parse_args()
    for tape in options.tape:
        Tape([tape])  # refuses what is no file that can be opened
    with tempfile.TemporaryDirectory() as folder:
        days = list_days(options.tape, options.minutes, Path(folder))
        played = [play(day, Path(folder)) for day in days]
    print("\n".join(table(played)))
    problems = [f"{each.day.name}: {problem}" for each in played for problem in each.problems]
    print("\n".join(problems or ["Everything adds up."]))
    return 1 if problems else 0


if __name__ == "__main__":
    end_with(main)
