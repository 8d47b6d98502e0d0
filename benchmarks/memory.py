"""Does the memory of a process grow with what it runs?

Tapes are run one after the other in one process, each from its first message to its last with the
log on disk; then one run of the simulated market goes on as long. Beside each stands the resident
memory at its end; growth is told as a ratio to the end of the second, by when all is loaded and every
cache is as full as it gets.

python -m benchmarks.memory [--json] [--times N] TAPE...
"""

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from marea.runtime.settings import Settings, find_config_dir, load_settings
from services.standalone import demo
from services.standalone.runs import RunFolder
from tools.ending import end_with

MINUTES_OF_A_TAPE = 10
"""The simulated market's share beside one tape."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_mib() -> float:
    """The memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * PAGE_BYTES / 2**20


def play(wish: demo.Wish, settings: Settings, show: Callable[[float, str], None]) -> str:
    """A whole run with its log on disk; its hash."""
    with tempfile.TemporaryDirectory() as folder:
        run = demo.describe(wish, settings)
        market = demo.open_market(wish, settings)
        playing = demo.play(RunFolder(Path(folder)), run, market, settings, show)
        return asyncio.run(playing).log_hash


def one_after_the_other(tapes: list[Path], settings: Settings, times: int) -> list[float]:
    """MiB at the end of each of so many runs. Raises RuntimeError where their hashes differ."""
    held, hashes = [], set()
    for _ in range(times):
        hashes.add(play(demo.Wish(tuple(tapes), 0, 1), settings, lambda *_: None))
        held.append(resident_mib())
    if len(hashes) != 1:
        raise RuntimeError(f"the same tapes gave {len(hashes)} hashes: the figures are of no use")
    return held


def one_long_run(settings: Settings, minutes: int, parts: int) -> list[float]:
    """MiB after each of so many equal parts of one run of the simulated market."""
    held: list[float] = []

    def look(done: float, _: str) -> None:
        if done >= (len(held) + 1) / parts:
            held.append(resident_mib())

    play(demo.Wish((), settings.demo.seed, minutes), settings, look)
    return [*held[: parts - 1], resident_mib()]


def measure(tapes: list[Path], times: int) -> dict[str, Any]:
    """Both, and what the first and the last differ by."""
    settings = load_settings(find_config_dir(None, {}), {})
    runs = one_after_the_other(tapes, settings, times)
    parts = one_long_run(settings, times * MINUTES_OF_A_TAPE, times)
    return {
        "machine": machine(),
        "tapes_in_a_row_mib": [round(mib, 1) for mib in runs],
        "tapes_growth_ratio": round(runs[-1] / runs[1], 3),
        "one_long_run_mib": [round(mib, 1) for mib in parts],
        "one_long_run_growth_ratio": round(parts[-1] / parts[1], 3),
    }


def main() -> None:
    """Print what was measured, as a table or as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tape", nargs="+", type=Path)
    parser.add_argument("--times", type=int, default=10, help="so many, two at least")
    parser.add_argument("--json", action="store_true", help="print one object")
    given = parser.parse_args()
    if given.times < 2:  # a ratio needs two
        parser.error(f"--times is {given.times}: give 2 or more")
    figures = measure(given.tape, given.times)
    if given.json:
        print(json.dumps(figures))
        return
    print(figures["machine"])
    for name in ("tapes_in_a_row", "one_long_run"):
        shown = " ".join(f"{mib:.1f}" for mib in figures[f"{name}_mib"])
        print(f"{name.replace('_', ' ')}: {shown} MiB")
    print(
        f"last to second: {figures['tapes_growth_ratio']} over the tapes, "
        f"{figures['one_long_run_growth_ratio']} in the long run"
    )


if __name__ == "__main__":
    end_with(main)
