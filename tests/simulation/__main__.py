"""Play worlds by seed: how many come out wrong, how fast, and what happened in one.

python -m tests.simulation --seeds 2000                  as many worlds, from --first-seed on
python -m tests.simulation --story 17                    what happened in one, and why it is wrong
python -m tests.simulation --planted --seeds 10000       how soon each planted bug is found
python -m tests.simulation --night 1000000 --kept FILE   goes on where the last time ended
python -m tests.simulation --pairs --kept FILE           crashes at every two steps of a short day
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import track

from tests.simulation import night, pairs, planted
from tests.simulation.counts import at_least
from tests.simulation.shrink import play, shrink
from tests.simulation.story import story
from tests.simulation.verdict import Verdict, verdicts

NIGHT_FILE = Path(".cache/simulation/night.json")
PLANTED_FILE = Path(".cache/simulation/planted.json")
PAIRS_FILE = Path(".cache/simulation/pairs.json")
notes = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all came out right; 1: some did not; 2: usage; 3: what is kept can't be read."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=at_least(1), default=100, help="how many worlds")
    parser.add_argument("--first-seed", type=at_least(0), default=0, metavar="K")
    parser.add_argument("--processes", type=at_least(1), default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--hashes", action="store_true", help="tell the hash of each world's logs")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--story", type=at_least(0), metavar="SEED")
    what.add_argument("--planted", action="store_true")
    what.add_argument("--night", type=at_least(1), metavar="SEEDS")
    what.add_argument("--pairs", action="store_true")
    parser.add_argument("--kept", type=Path, help="where it goes on from the last time")
    given = parser.parse_args(arguments)
    if given.story is not None:
        return _tell(given.story)
    if not (given.planted or given.pairs) and given.night is None:
        return _play(given)
    usual = PLANTED_FILE if given.planted else PAIRS_FILE if given.pairs else NIGHT_FILE
    kept = given.kept or usual
    try:
        return _go_on(given, kept)
    except msgspec.DecodeError as err:
        told = f"--kept: {kept} can't be read ({err}): remove it, or name another"
        notes.print(told, soft_wrap=True)
        return 3


def _go_on(given: argparse.Namespace, kept: Path) -> int:
    if given.planted:
        return planted.run(given.seeds, given.first_seed, given.processes, kept, given.json)
    if given.pairs:
        return pairs.run(given.processes, kept, given.json)
    return night.run(given.night, given.processes, kept, given.json)


def _play(given: argparse.Namespace) -> int:
    begun_s = time.perf_counter()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    found = list(
        track(
            verdicts(seeds, given.processes, given.hashes),
            total=len(seeds),
            description="worlds",
            console=notes,
        )
    )
    seconds = time.perf_counter() - begun_s
    failures = [each for each in found if each.findings]
    if given.json:
        sys.stdout.write(_as_json(found, failures, seconds, given.hashes) + "\n")
    else:
        _show(found, failures, seconds, given.hashes)
    return 1 if failures else 0


def _as_json(
    found: list[Verdict], failures: list[Verdict], seconds: float, with_hashes: bool
) -> str:
    told = {
        "seeds": len(found),
        "failures": len(failures),
        "events": sum(each.events for each in found),
        "seeds_per_s": round(len(found) / seconds, 2),
        "failed": {each.seed: each.findings[0] for each in failures},
    }
    if with_hashes:
        told["hashes"] = {each.seed: each.log_hash for each in found}
    return msgspec.json.encode(told).decode()


def _show(found: list[Verdict], failures: list[Verdict], seconds: float, with_hashes: bool) -> None:
    for each in found if with_hashes else ():
        print(f"{each.seed:>8}  {each.log_hash}")
    for each in failures:
        print(f"seed {each.seed}: {each.findings[0].code}: {each.findings[0].what}")
    events = sum(each.events for each in found)
    print(
        f"{len(found):,} worlds, {len(failures)} came out wrong; {events:,} events, "
        f"{len(found) / seconds:.1f} worlds/s"
    )


def _tell(seed: int) -> int:
    world, findings = play(seed)
    for scene in story(world):
        print(scene)
    print(f"{world.cluster.record_count:,} events, {len(world.faults.struck)} faults")
    for each in findings:
        print(f"{each.code}: {each.what} {each.log} {each.position} {each.event}".rstrip())
    if not findings:
        print("all came out right")
        return 0
    notes.print("Leaving out faults, to see which are enough …")
    for fault in shrink(seed, findings[0].code):
        print(f"enough for {findings[0].code}: {fault}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
