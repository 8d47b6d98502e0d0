"""How soon is each planted bug found? The checker is tested by what it is there to see."""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import track

from tests.simulation.plants.catalogue import PLANTS
from tests.simulation.shrink import play

PAGE = Path(__file__).resolve().parents[2] / "docs" / "planted-bugs.md"
notes = Console(stderr=True)


class Hunt(Struct, frozen=True, kw_only=True):
    """How one planted bug was looked for."""

    name: str
    seeds: int
    """Until it was found, or all that there were."""
    code: str
    """What the first finding was; empty: it was not found."""
    seconds: float


def hunt(name: str, first_seed: int, seeds: int) -> Hunt:
    """Play worlds with the bug in, until one comes out wrong."""
    begun_s = time.perf_counter()
    code, count = "", 0
    while not code and count < seeds:
        code = _wrong(name, first_seed + count)
        count += 1
    seconds = time.perf_counter() - begun_s
    return Hunt(name=name, seeds=count, code=code, seconds=round(seconds, 1))


def _wrong(name: str, seed: int) -> str:
    with PLANTS[name].plant():
        try:
            findings = play(seed)[1]
        except Exception as err:  # noqa: BLE001 # a bug may break the world itself: it is found
            return f"raises {type(err).__name__}"
    return findings[0].code if findings else ""


def run(seeds: int, first_seed: int, processes: int, as_json: bool) -> int:
    """Look for every planted bug among so many seeds."""
    search = partial(hunt, first_seed=first_seed, seeds=seeds)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        hunts = list(
            track(pool.map(search, PLANTS), total=len(PLANTS), description="bugs", console=notes)
        )
    found = sum(bool(each.code) for each in hunts)
    if as_json:
        told = {"planted": len(hunts), "found": found, "table": hunts}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        print(page_of(hunts))
    return 0 if found == len(hunts) else 1


def page_of(hunts: Sequence[Hunt]) -> str:
    """The table as it stands in `docs/planted-bugs.md`."""
    found = sum(bool(each.code) for each in hunts)
    rows = [
        f"| `{each.name}` | {PLANTS[each.name].what} | {each.seeds if each.code else '-'} "
        f"| {each.code or 'not found'} | {_unit_tests(each.name)} |"
        for each in hunts
    ]
    return "\n".join(
        [
            f"{found} of {len(hunts)} planted bugs were found.",
            "",
            "| bug | what it does | seeds until found | found by | unit tests that see it |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def _unit_tests(name: str) -> str:
    seen = PLANTS[name].seen_by
    return f"`{seen[0].rpartition('::')[2]}`" if seen else "none"
