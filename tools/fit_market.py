"""How like a recorded market is the simulated one? Prints statistic, tape, simulated, tolerance.

    tools/fit_market.py TAPE... [--seeds 1 2 3] [--json | --markdown]
    tools/fit_market.py TAPE... --fit ROUNDS
    tools/fit_market.py --demo [--seeds 1 2 3]

The first form compares the committed parameters with the tapes, the second takes from the tapes
what they show by themselves, searches the rest from the committed parameters on, and writes them.
The third counts the messages of the demo's half hour, and how its absolute returns cluster.
Several tapes follow each other in time; without one, the demo tape under MAREA_DATA is taken.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

import msgspec

from marea.venues.simulated import parameters as simulated
from marea.venues.simulated.market import SimulatedMarket
from marea.venues.simulated.parameters import Parameters, load_parameters
from tools.ending import end_with
from tools.market_comparison import Row, compare
from tools.market_recording import Recording, S, read_tape, record
from tools.market_search import Search, with_shown
from tools.market_statistics import clustering, clustering_sd, returns_bps, volatility_memory

DEMO_TAPE = "books/demo_tape_binance_spot_BTCUSDT_ETHUSDT_20240808T2354Z_651s.raw.zst"
TARGET = Path(simulated.__file__).with_name("parameters.toml")
DEMO_S = 1800
SEARCH_SEED = 7
SHARED_EVERY = 6
"""One round in so many is about what the instruments share."""


def main() -> None:
    """Read the arguments, then compare or search."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tapes", nargs="*", type=Path, metavar="TAPE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one object")
    form.add_argument("--markdown", action="store_true", help="print the table of docs/")
    form.add_argument("--fit", type=int, metavar="ROUNDS", help="search parameters and write them")
    form.add_argument("--demo", action="store_true", help="print the demo's size and clustering")
    arguments = parser.parse_args()
    if arguments.demo:
        print(*demo(arguments.seeds), sep="\n")
        return
    tapes = arguments.tapes or [demo_tape()]
    tape = record(read_tape(tapes))
    if arguments.fit is not None:
        TARGET.write_text(written(searched(tape, arguments.fit)))
        return
    rows = compare(tape, load_parameters(), arguments.seeds)
    if arguments.json:
        print(json.dumps({"seeds": arguments.seeds, "rows": [asdict(row) for row in rows]}))
    else:
        lines = (
            markdown(rows, arguments.seeds) if arguments.markdown else plain(rows, arguments.seeds)
        )
        print(*lines, sep="\n")


def demo_tape() -> Path:
    """The tape of the demo, where MAREA_DATA says that the data is."""
    folder = os.environ.get("MAREA_DATA")
    if folder is None:
        sys.exit(
            "fit_market: no tape: give one as argument, or set MAREA_DATA to the data's folder"
        )
    return Path(folder) / DEMO_TAPE


def demo(seeds: Sequence[int], seconds: int = DEMO_S) -> Iterator[str]:
    """For each seed: messages, and by instrument how absolute returns and volatilities cluster."""
    parameters, counts = load_parameters(), []
    for seed in seeds:
        market = SimulatedMarket(parameters, seed, 0)
        for instrument in parameters.instruments:
            market.request_snapshot(instrument.venue_symbol, 0)
        frames = market.frames(seconds * S)
        counts.append(len(frames) - len(parameters.instruments))
        cells = [f"seed {seed}", f"{counts[-1]:,} messages"]
        for name, one in sorted(record(frames).items()):
            moves_bps = returns_bps(one, one.quotes[0][0], one.quotes[-1][0])
            memory, away_sd = clustering(moves_bps)["abs_return_ac1_20"], clustering_sd(moves_bps)
            slow = volatility_memory(moves_bps)
            cells.append(f"{name} 1 s {memory:.3f} ({away_sd:.1f} sd), 30 s {slow:.2f}")
        yield "  ".join(cells)
    yield f"mean  {round(fmean(counts)):,} messages"


def searched(tape: dict[str, Recording], rounds: int) -> Parameters:
    """The committed parameters, with what the tape shows, after so many rounds of search."""
    search = Search(with_shown(load_parameters(), tape), tape, SEARCH_SEED)
    for number in range(1, rounds + 1):
        search.step(shared=number % SHARED_EVERY == 0)
        losses = ", ".join(f"{name} {loss:.2f}" for name, loss in search.losses.items())
        print(f"round {number} of {rounds}: {losses}", file=sys.stderr)
    return search.best


def written(parameters: Parameters) -> str:
    """The parameters as the text of parameters.toml; the instruments stand in venue.toml."""
    fields = msgspec.to_builtins(parameters)
    del fields["instruments"]
    flows, losses = fields.pop("flows"), fields.pop("lost_diff_interval_s")
    del fields["shocks"]
    lines = [
        "# Written by tools/fit_market.py; docs/simulated-market.md says how, and how well it fits."
    ]
    tables = [("", fields), ("lost_diff_interval_s", losses)]
    for name, content in [*tables, *((f"flows.{name}", flow) for name, flow in flows.items())]:
        lines += ["", f"[{name}]"] if name else []
        lines += [f"{field} = {json.dumps(value)}" for field, value in content.items()]
    return "\n".join(lines) + "\n"


def plain(rows: Sequence[Row], seeds: Sequence[int]) -> Iterator[str]:
    """The table as a terminal shows it."""
    for cells in table(rows, seeds):
        yield f"{cells[0]:9}{cells[1]:22}" + "".join(f"{cell:>11}" for cell in cells[2:])


def markdown(rows: Sequence[Row], seeds: Sequence[int]) -> Iterator[str]:
    """The table as `docs/simulated-market.md` holds it."""
    head, *body = table(rows, seeds)
    rule = ["---", "---", *["---:"] * (len(head) - 3), "---"]
    for cells in (head, rule, *body):
        yield f"| {' | '.join(cells)} |"


def table(rows: Sequence[Row], seeds: Sequence[int]) -> Iterator[list[str]]:
    """Head, then a row of cells for each statistic."""
    yield [
        *("instrument", "statistic", "tape", "1st half", "2nd half"),
        *(f"seed {seed}" for seed in seeds),
        *("tolerance", "ok"),
    ]
    for row in rows:
        numbers = [short(number) for number in (row.tape, *row.halves, *row.simulated)]
        hits = sum(row.ok)
        verdict = "yes" if all(row.ok) else f"{hits} of {len(seeds)}"
        yield [row.instrument, row.statistic, *numbers, row.tolerance, verdict]


def short(number: float) -> str:
    """Three digits, or all whole ones."""
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"


if __name__ == "__main__":
    end_with(main)
