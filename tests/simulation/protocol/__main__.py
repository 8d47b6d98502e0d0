"""How many orders are doubled and lost, with the order protocol and without each of its steps?

python -m tests.simulation.protocol --intents 1000                 a table
python -m tests.simulation.protocol --intents 1000 --json          one JSON object
python -m tests.simulation.protocol --intents 50000 --without 20000 --write    the page
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.simulation.counts import at_least
from tests.simulation.protocol.steps import VARIANTS, Variant
from tests.simulation.protocol.trial import Trial
from tests.simulation.workers import workers

PAGE = Path(__file__).resolve().parents[3] / "docs" / "order-protocol.md"
CHUNK = 500
SEEDS_SHOWN = 5
COUNTED = ("doubled", "lost", "unsettled", "unordered", "sent_again")
WHOLE = "whole"

HEAD = """# What the order protocol is for

Written by `python -m tests.simulation.protocol --write`; change that. Each trial is one approved
decision, carried out by execution's own loop, core and shell, on logs and snapshots in memory, at a
venue like Binance: it refuses what was signed more than 5 s ago or 1 s ahead, and takes a client
order id again once the former order of that id has ended. Drawn per trial: loss up to 40 % of the
requests, the answers and the queries, delays to 20 s, queries answered as of up to 5 s ago, reports
up to 20 s late and twice; at every call of a port crashes, pauses up to 20 s and zombies beside
their successors; appends lost, late, doubled and of unknown outcome, power cuts, old and torn
snapshots. Then the faults end, and a minute later the venue's own book is compared.

A step is left out by the tests: a wrapped port, a changed setting, an overridden method. *Doubled*:
one client order id has two orders at the venue, or more was filled than approved. *Lost*: what
execution holds, or told of the decision, is not what the venue did. *Unsettled*: execution still
waits. *No order*: nothing reached the venue in time, which is the price of safety. *Before*: the
share of doubled orders in the model with which the protocol was designed.

| protocol | trials | doubled | before | lost | unsettled | no order |
|---|---:|---:|---:|---:|---:|---:|
"""

REST = """
The check for lateness alone changes nothing here: the venue's window, which is longer, refuses what
it would have held back; it spares the request, and the time until that is known. Without a window
nothing bounds when a request arrives. Ids that are kept for ever then prevent a second order of the
same id, but not that a decision is closed, or crosses the spread, before its first order comes: at
a venue without a time window nothing that is unknown may be taken for not sent.
"""


class Count(NamedTuple):
    """What came of the trials of one variant."""

    variant: Variant
    trials: int
    counts: Counter[str]
    seeds: Sequence[int]
    """The first that were doubled, lost or did not settle."""

    def pct(self, what: str) -> float:
        """The share of one outcome."""
        return 100 * self.counts[what] / self.trials


def count(variant: Variant, seeds: range) -> Count:
    """Play these seeds."""
    counts: Counter[str] = Counter()
    found: list[int] = []
    for seed in seeds:
        outcome = Trial(seed, variant).play()
        counts["doubled"] += outcome.is_doubled
        counts["lost"] += outcome.is_lost
        counts["unsettled"] += outcome.is_unsettled
        counts["unordered"] += not outcome.is_ordered
        counts["sent_again"] += outcome.is_sent_again
        if outcome.is_doubled or outcome.is_lost or outcome.is_unsettled:
            found.append(seed)
    return Count(variant, len(seeds), counts, found)


def count_all(seeds_of: Sequence[tuple[Variant, range]], jobs: int) -> Iterator[Count]:
    """Play all, in so many processes, and tell of each variant as it ends."""
    with workers(jobs) as pool:
        waiting = [
            (
                variant,
                [
                    pool.submit(count, variant, seeds[begin : begin + CHUNK])
                    for begin in range(0, len(seeds), CHUNK)
                ],
            )
            for variant, seeds in seeds_of
        ]
        for variant, parts in waiting:
            done = [part.result() for part in parts]
            counts: Counter[str] = Counter()
            seeds: list[int] = []
            for each in done:
                counts.update(each.counts)
                seeds += each.seeds
            trials = sum(each.trials for each in done)
            yield Count(variant, trials, counts, seeds[:SEEDS_SHOWN])


def row(each: Count) -> str:
    """A row of the page."""
    before = each.variant.page_pct
    cells = [
        each.variant.says,
        f"{each.trials:,}",
        _share(each, "doubled"),
        "" if before is None else f"{before:g} %",
        _share(each, "lost"),
        _share(each, "unsettled"),
        f"{each.pct('unordered'):.1f} %",
    ]
    return f"| {' | '.join(cells)} |\n"


def _share(each: Count, what: str) -> str:
    return f"{each.pct(what):.3g} %" if each.counts[what] else "0"


def told(each: Count) -> dict[str, Any]:
    """A variant as JSON."""
    shares = {f"{what}_pct": round(each.pct(what), 4) for what in COUNTED}
    return {
        "variant": each.variant.name,
        "says": each.variant.says,
        "trials": each.trials,
        **{what: each.counts[what] for what in COUNTED},
        **shares,
        "page_pct": each.variant.page_pct,
        "seeds": list(each.seeds),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """0: the whole protocol doubled and lost no order; 1: it did; 2: usage."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.protocol", description=__doc__.partition("\n")[0]
    )
    trials = "trials of the whole protocol"
    parser.add_argument("--intents", type=at_least(1), default=1_000, help=trials)
    parser.add_argument("--without", type=at_least(1), help="trials of each other variant; as many")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the first trial")
    parser.add_argument("--variant", choices=[each.name for each in VARIANTS], action="append")
    parser.add_argument("--jobs", type=at_least(1), default=1, help="processes")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    given = parser.parse_args(arguments)
    played = [each for each in VARIANTS if not given.variant or each.name in given.variant]
    others = given.intents if given.without is None else given.without
    seeds_of = [
        (each, range(given.seed, given.seed + (given.intents if each.name == WHOLE else others)))
        for each in played
    ]
    begun_s = time.perf_counter()
    counts = []
    for each in count_all(seeds_of, given.jobs):
        counts.append(each)
        print(f"{each.variant.name}: {dict(each.counts)} of {each.trials}", file=sys.stderr)
    seconds = time.perf_counter() - begun_s
    table = HEAD[HEAD.index("| protocol") :] + "".join(map(row, counts))
    if given.write:
        page = "".join([HEAD, *map(row, counts), REST])
        PAGE.write_text(page, encoding="utf-8")
    if given.json:
        rate = sum(each.trials for each in counts) / seconds
        print(json.dumps({"trials_per_s": round(rate), "variants": list(map(told, counts))}))
    else:
        print(table, end="")
    whole = [each for each in counts if each.variant.name == WHOLE]
    return int(any(each.counts["doubled"] or each.counts["lost"] for each in whole))


if __name__ == "__main__":
    sys.exit(main())
