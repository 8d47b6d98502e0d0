"""How soon is each planted bug found? The checker is tested by what it is there to see.

A bug is looked for from the first seed on, until a world comes out wrong, or until there are no more
seeds. What was looked for is kept, so that another time goes on from there; the page in `docs/` is
what is kept.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import Progress

from tests.simulation.kept import load, save
from tests.simulation.plants.catalogue import MEASURED, PLANTS
from tests.simulation.plants.plant import Plant
from tests.simulation.shrink import play
from tests.simulation.verdict import log_hash
from tests.simulation.workers import workers

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "planted-bugs.md"
HASHED_AT_ONCE = 5
"""Seeds between two comparisons of what two processes made of them."""
notes = Console(stderr=True)


class Hunt(Struct, frozen=True, kw_only=True):
    """How one planted bug was looked for."""

    name: str
    edits: str
    """What it changes: another bug of the same name is looked for anew."""
    seeds: int = 0
    """Until it was found, or all that there were."""
    code: str = ""
    """What was wrong first; empty: it was not found."""


def hunt(begun: Hunt, first_seed: int, seeds: int) -> Hunt:
    """Go on to play worlds with the bug in, until one comes out wrong."""
    look = _unlike if PLANTS[begun.name].is_seen_between_processes else _wrong
    count, code = begun.seeds, begun.code
    while not code and count < seeds:
        tried, code = look(begun.name, first_seed + count, seeds - count)
        count += tried
    return msgspec.structs.replace(begun, seeds=count, code=code)


def _wrong(name: str, seed: int, _: int) -> tuple[int, str]:
    with PLANTS[name].plant():
        try:
            findings = play(seed)[1]
        except Exception as err:  # noqa: BLE001 # a bug may break the world itself: it is found
            return 1, f"raises {type(err).__name__}"
    return 1, findings[0].code if findings else ""


def _unlike(name: str, seed: int, left: int) -> tuple[int, str]:
    # Two processes that order sets otherwise.
    count = min(left, HASHED_AT_ONCE)
    one, other = (_hashes(name, seed, count, hash_seed) for hash_seed in ("1", "2"))
    for tried, (mine, theirs) in enumerate(zip(one, other, strict=True), 1):
        if mine != theirs:
            return tried, "another log hash in another process"
    return count, ""


def _hashes(name: str, seed: int, count: int, hash_seed: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.planted", name, str(seed), str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=list[str])


def hashes_under(name: str, seed: int, count: int) -> list[str]:
    """The log hashes of so many worlds with the bug in, as this process makes them."""
    with PLANTS[name].plant():
        return [log_hash(play(each)[0]) for each in range(seed, seed + count)]


def run(seeds: int, first_seed: int, processes: int, kept: Path, as_json: bool) -> int:
    """Look for every planted bug among so many seeds, and write the page of what is kept."""
    begun_s = time.perf_counter()
    hunts = {name: _begun(plant) for name, plant in PLANTS.items()}
    before = load(kept, dict[str, Hunt]) or {}
    hunts |= {name: each for name, each in before.items() if _is_same(each, hunts.get(name))}
    with workers(processes) as pool:
        open_hunts = [each for each in hunts.values() if not each.code and each.seeds < seeds]
        searches = [pool.submit(hunt, each, first_seed, seeds) for each in open_hunts]
        with Progress(console=notes) as progress:
            task = progress.add_task("bugs", total=len(searches))
            for search in as_completed(searches):
                done = search.result()
                hunts[done.name] = done
                save(kept, hunts)
                notes.print(f"{done.name}: {done.seeds} seeds, {done.code or 'not found'}")
                progress.advance(task)
    notes.print(f"{time.perf_counter() - begun_s:.0f} s")
    table = [hunts[name] for name in PLANTS]
    PAGE.write_text(page_of(table, first_seed), encoding="utf-8")
    found = sum(bool(each.code) for each in table)
    if as_json:
        told = {"planted": len(table), "found": found, "table": table}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        print(page_of(table, first_seed))
    return 0 if found == len(table) else 1


def _begun(plant: Plant) -> Hunt:
    return Hunt(name=plant.name, edits=repr(plant.edits))


def _is_same(before: Hunt, now: Hunt | None) -> bool:
    return now is not None and before.edits == now.edits


def page_of(hunts: Sequence[Hunt], first_seed: int) -> str:
    """The table as it stands in `docs/planted-bugs.md`."""
    found = sum(bool(each.code) for each in hunts)
    rows = [
        f"| `{each.name}` | {PLANTS[each.name].what} | {each.seeds if each.code else '-'} "
        f"| {each.code or f'not found in {each.seeds:,}'} | {_unit_tests(each.name)} |"
        for each in hunts
    ]
    return "\n".join(
        [
            "# Planted bugs",
            "",
            "Written by `python -m tests.simulation --planted`; measure anew to change it. Each bug is put",
            "into the code that runs (`tests/simulation/plants`), and worlds are played from seed",
            f"{first_seed} on until one comes out wrong. The last column names a unit test of its core that fails with the bug,",
            "as `python -m tests.simulation.plants` measured; none: they all pass, and only worlds see it.",
            "",
            f"{found} of {len(hunts)} were found.",
            "",
            "| bug | what it does | seeds until found | found by | unit tests that see it |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _unit_tests(name: str) -> str:
    seen = PLANTS[name].seen_by
    if name not in MEASURED:
        return "not measured"
    return f"`{seen[0].removeprefix('tests/unit/')}`" if seen else "none"


if __name__ == "__main__":
    planted, first, many = sys.argv[1:]
    sys.stdout.write(msgspec.json.encode(hashes_under(planted, int(first), int(many))).decode())
