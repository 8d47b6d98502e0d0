"""Does a run that is killed at any moment end with the log of a run that never was?

A run of the demo is killed by SIGKILL at moments drawn over its whole length, each time a new run;
then it is resumed, its logs are compared (`tools/said.py`), and `marea doctor` judges it. Writes are
short: every fourth kill waits, at its moment, for the next write to begin, and kills go on until
enough fell inside one.
"""

import argparse
import asyncio
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from marea.bus.sqlite import SqliteBus
from marea.testing.disk import frames_after_last_commit
from marea.venues.tape import Tape
from tools import command, said
from tools.ending import end_with

POLL_S = 0.001
START_S_MAX = 60
DRAWS_PER_KILL_MAX = 5
AIMED_ONE_IN = 4
"""So many kills to one that waits for the next write."""
MARKET_SEED = 1
"""Of the simulated market: with this one there are partial fills and stops within four minutes."""
UNEQUAL = ("seconds", "events_per_s", "run", "log_hash")
"""What is another in every run's result, and the hash of all logs: what a new life asks counts too.
"""


@dataclass(frozen=True)
class Trial:
    """What is run: the options of `marea demo`, settings, and a folder for the runs."""

    options: Sequence[str | Path]
    settings: Mapping[str, str]
    folder: Path


class Moment(NamedTuple):
    """When to kill: so long after the begin, and then perhaps at the next write."""

    after_s: float
    is_aimed: bool = False


@dataclass(frozen=True)
class Undisturbed:
    """What a run without a kill left behind."""

    result: Mapping[str, Any]
    said: said.Run
    seconds: float
    """From when its folder was there to its end."""


@dataclass(frozen=True)
class Kill:
    """One kill, what it left on disk, and what came of the run."""

    moment: Moment
    """In the life that it ended."""
    positions: dict[str, int]
    """Records on disk, by log."""
    torn_pages: int
    """Of a write that it cut off."""
    differences: list[str]
    """Between the run once resumed and the one that was not killed; none where more kills follow."""


def play_undisturbed(trial: Trial) -> Undisturbed:
    """Run it without a kill."""
    runs = trial.folder / "undisturbed"
    process = command.start(["demo", *trial.options, "--json"], runs, trial.settings)
    run = _wait_for_run(process, runs)
    begun_s = time.monotonic()
    out, err = process.communicate()
    seconds = time.monotonic() - begun_s
    if process.returncode not in (0, 1):
        raise RuntimeError(f"the run without a kill ended with {process.returncode}: {err}")
    return Undisturbed(json.loads(out), read_said(run), seconds)


def kill_and_resume(trial: Trial, like: Undisturbed, moments: Sequence[Moment]) -> list[Kill]:
    """Kill a new run, and each life that goes on with it, at these moments; then let it end.

    A life that ends before its moment is the last one; where that is the first there was no kill.
    """
    runs = Path(tempfile.mkdtemp(dir=trial.folder))
    kills: list[Kill] = []
    options: Sequence[str | Path] = trial.options
    run = runs
    for moment in moments:
        process = command.start(["demo", *options, "--json"], runs, trial.settings)
        run = _wait_for_run(process, runs)
        time.sleep(moment.after_s)
        if moment.is_aimed:
            _wait_for_write(process, run)
        process.kill()
        process.communicate()
        if process.returncode != -signal.SIGKILL:
            break
        torn_pages = frames_after_last_commit(run / "log.sqlite")
        kills.append(Kill(moment, _positions(run), torn_pages, []))
        options = ["--resume", run]
    if kills:
        ended = command.run(["demo", *options, "--json"], runs, trial.settings)
        kills[-1].differences.extend(_differences(like, ended, run))
    shutil.rmtree(runs)
    return kills


def draw_moments(seed: int, seconds: float, aimed_one_in: int) -> Iterator[Moment]:
    """Moments without end, drawn over so many seconds; one in so many is aimed, 0: none."""
    draw = random.Random(seed)  # noqa: S311 # a test, not a secret
    for number in count(1):
        is_aimed = aimed_one_in > 0 and number % aimed_one_in == 0
        yield Moment(draw.uniform(0, seconds), is_aimed)


def kill_many(
    trial: Trial, like: Undisturbed, moments: Iterator[Moment], kills_min: int, torn_min: int
) -> list[Kill]:
    """Kill runs one by one, until there were so many kills, and so many inside a write.

    Once only those inside a write are lacking, each kill is aimed. At most five times as many are
    tried.
    """
    kills: list[Kill] = []
    for moment in islice(moments, kills_min * DRAWS_PER_KILL_MAX):
        is_aimed = moment.is_aimed or len(kills) >= kills_min
        kills += kill_and_resume(trial, like, [moment._replace(is_aimed=is_aimed)])
        if len(kills) >= kills_min and sum(kill.torn_pages > 0 for kill in kills) >= torn_min:
            break
    return kills


def read_said(run: Path) -> said.Run:
    """All that is said on the logs of a run, without starts and recoveries."""
    with closing(SqliteBus(run / "log.sqlite", read_only=True)) as bus:
        return asyncio.run(said.read(bus))


def _wait_for_run(process: subprocess.Popen[str], runs: Path) -> Path:
    until_s = time.monotonic() + START_S_MAX
    while time.monotonic() < until_s and process.poll() is None:
        for file in runs.glob("*/log.sqlite"):
            return file.parent
        time.sleep(POLL_S)
    process.kill()
    raise RuntimeError(f"no run began in {runs}: {process.communicate()[1]}")


def _wait_for_write(process: subprocess.Popen[str], run: Path) -> None:
    before = _written(run)
    while _written(run) == before and process.poll() is None:
        pass


def _written(run: Path) -> tuple[int, int]:
    try:
        state = (run / "log.sqlite-wal").stat()
    except FileNotFoundError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def _positions(run: Path) -> dict[str, int]:
    # Of a copy: whoever opens the log mends it.
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(run, Path(folder) / "run"))
        with closing(SqliteBus(copy / "log.sqlite")) as bus:
            ends = asyncio.run(bus.ends())
    return {str(log): end for log, end in ends.items()}


def _differences(like: Undisturbed, ended: command.Ended, run: Path) -> list[str]:
    if ended.code not in (0, 1):
        return [f"the resumed run ended with {ended.code}: {ended.err.strip()}"]
    result = json.loads(ended.out)
    found = [
        f"{name} is {result[name]}, not {value}"
        for name, value in like.result.items()
        if name not in UNEQUAL and result[name] != value
    ]
    found += said.differences(read_said(run), like.said)
    examined = command.run(["doctor", run], run.parent, {})
    if examined.code:
        found.append(f"doctor: {examined.out.strip()}{examined.err.strip()}")
    return found


def _counted(moments: Iterator[Moment]) -> Iterator[Moment]:
    for number, moment in enumerate(moments, 1):
        print(f"kill {number}, {moment.after_s:.2f} s after the begin", file=sys.stderr)
        yield moment


def show(kills: Sequence[Kill], like: Undisturbed) -> None:
    """Print the kills, a line each."""
    logs = sorted({log for kill in kills for log in kill.positions})
    print(f"undisturbed: {like.seconds:.2f} s, log hash {like.result['log_hash']}")
    print("records on disk at the kill:", "  ".join(f"[{n}] {log}" for n, log in enumerate(logs)))
    heads = "".join(f"{f'[{n}]':>9}" for n in range(len(logs)))
    print(f"{'':>4}{'at s':>8}{'of run':>8} aimed{heads}{'torn pages':>12}  resumed")
    for number, kill in enumerate(kills, 1):
        share = f"{kill.moment.after_s / like.seconds:.0%}"
        aimed = "yes" if kill.moment.is_aimed else ""
        counts = "".join(f"{kill.positions.get(log, 0):>9,}" for log in logs)
        outcome = "; ".join(kill.differences) or "equal"
        print(
            f"{number:>4}{kill.moment.after_s:>8.3f}{share:>8}{aimed:>6}{counts}"
            f"{kill.torn_pages:>12}  {outcome}"
        )


def main() -> int:
    """Print each kill, and end with 1 where a resumed run differs or too few fell inside a write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tape", nargs="*", type=Path, help="none: the simulated market")
    parser.add_argument("--minutes", type=int, default=4, help="of the simulated market")
    parser.add_argument("--kills", type=int, default=20, help="at least so many")
    parser.add_argument("--torn", type=int, default=5, help="at least so many inside a write")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args()
    if given.tape:
        Tape(given.tape)  # refuses what is no file that can be opened
    options: list[str | Path] = [part for file in given.tape for part in ("--tape", file)]
    options = options or ["--seed", str(MARKET_SEED), "--minutes", str(given.minutes)]
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(options, {}, Path(folder))
        like = play_undisturbed(trial)
        moments = _counted(draw_moments(given.seed, like.seconds, AIMED_ONE_IN))
        kills = kill_many(trial, like, moments, given.kills, given.torn)
    torn = sum(kill.torn_pages > 0 for kill in kills)
    differing = sum(bool(kill.differences) for kill in kills)
    if given.json:
        told = {"seconds": like.seconds, "torn": torn, "differing": differing}
        print(json.dumps(told | {"kills": [asdict(kill) for kill in kills]}))
    else:
        show(kills, like)
        print(f"{len(kills)} kills, {torn} inside a write, {differing} runs differ once resumed")
    return int(differing > 0 or torn < given.torn or len(kills) < given.kills)


if __name__ == "__main__":
    end_with(main)
