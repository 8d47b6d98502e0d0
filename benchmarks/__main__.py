"""Run every benchmark, one after the other, each in a process of its own.

python -m benchmarks [--json] [TAPE...]

Without a tape they run on the demo's, from the folder that `MAREA_DATA` names.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import (
    bars,
    double_append,
    feature_vector,
    hop,
    kernels,
    memory,
    money,
    strategies,
    tape_to_fills,
)
from marea.venues.tape import Tape
from tools.ending import end_with

WITHOUT_TAPE = (kernels, strategies, bars, double_append, hop)
ON_TAPES = (money, feature_vector, tape_to_fills, memory)
DEMO_TAPE = "books/demo_tape_*.raw.zst"


def find_tapes(given: list[Path]) -> list[Path]:
    """The tapes that are asked for. Raises SystemExit with code 2 where there is none, `BadTape`
    for what is no file that can be opened.
    """
    folder = os.environ.get("MAREA_DATA")
    found = given or (sorted(Path(folder).glob(DEMO_TAPE)) if folder else [])
    if not found:
        print("benchmarks: no tape; name one, or its folder in MAREA_DATA", file=sys.stderr)
        raise SystemExit(2)
    Tape(found)
    return found


def main() -> int:
    """Print what each one measured; with --json, one object of all on stdout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tape", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true", help="print one object")
    given = parser.parse_args()
    tapes = [str(tape) for tape in find_tapes(given.tape)]
    figures = {}
    for benchmark in (*WITHOUT_TAPE, *ON_TAPES):
        name = benchmark.__name__
        print(f"\n== {name}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", name]
        command += ["--json"] if given.json else []
        command += tapes if benchmark in ON_TAPES else []
        ended = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        if ended.returncode:
            return ended.returncode
        if given.json:
            figures[name.removeprefix("benchmarks.")] = json.loads(ended.stdout)
        else:
            print(ended.stdout, end="", flush=True)
    if given.json:
        print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    end_with(main)
