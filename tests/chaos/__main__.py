"""Play every scene of faults, and write what came of them to docs/chaos.md.

python -m tests.chaos                     the whole: 10 minutes on one host, and three shorter scenes
python -m tests.chaos --minutes 2         shorter, in everything
python -m tests.chaos --scene "one host"  one of them; the page stays as it is
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests import servers
from tests.chaos.page import quantile, render, told, write
from tests.chaos.running import Outcome, run
from tests.chaos.scenes import Play, whole
from tools.arguments import above_zero

RECOVERY_S_MAX = 10.0
TAKEOVER_S_MAX = 15.0


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all came out right, and in time; 1: not all did."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=7, metavar="K")
    parser.add_argument(
        "--minutes", type=above_zero(float), default=10.0, help="of the first scene"
    )
    parser.add_argument("--scene", choices=list(whole(0, 1)), help="this one alone")
    given = parser.parse_args(arguments)
    logging.disable(logging.ERROR)  # the clients tell of every call that their servers miss
    plays = whole(given.seed, given.minutes)
    chosen = [given.scene] if given.scene else list(plays)
    outcomes = {name: _play(name, plays[name]) for name in chosen}
    sections = {name.capitalize(): told(outcome) for name, outcome in outcomes.items()}
    if given.scene is None:
        write(sections)
    else:
        print(render(sections))
    return int(any(is_missed(outcome) for outcome in outcomes.values()))


def _play(name: str, play: Play) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix="marea-chaos-"))
    print(f"{name}: {play.scene.faulty_s:.0f} s, logs in {folder}", flush=True)
    with servers.own() as own:
        outcome = run(play.scene, play.every_s, own, folder)
    print(f"{name}: {len(outcome.findings)} violations", flush=True)
    return outcome


def is_missed(outcome: Outcome) -> bool:
    """Whether something is wrong with a run, or took too long."""
    lasted_s, taken_s = outcome.lasted_s(), outcome.lasted_s(of_takeovers=True)
    return bool(
        outcome.findings
        or outcome.unrecovered
        or (lasted_s and quantile(lasted_s, 0.99) >= RECOVERY_S_MAX)
        or (taken_s and taken_s[-1] >= TAKEOVER_S_MAX)
    )


if __name__ == "__main__":
    sys.exit(main())
