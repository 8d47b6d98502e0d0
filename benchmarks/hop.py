"""What does it cost to count one hop of a loop for Prometheus?

python -m benchmarks.hop [--json]

Beside it, in turns with it: one observation of the same histogram by its own client, which is the
larger part of a hop. The rest is a look-up by loop and hop, and a counter of records.
"""

import argparse
import json
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Histogram

from benchmarks.machine import machine
from marea.runtime.metrics import HOP_S_BUCKETS, Metrics
from tools.ending import end_with

CALLS = 2_000
ROUNDS = 100
SPENT_NS = 3_000_000
"""What a hop takes that is counted: in the middle of the buckets."""


def figures() -> dict[str, float]:
    """Microseconds of a hop and of a bare observation, each the best of all rounds."""
    metrics = Metrics("risk", tuple)
    bare = Histogram("bare", "x", buckets=HOP_S_BUCKETS, registry=CollectorRegistry())
    works: dict[str, Callable[[], None]] = {
        "hop_us": lambda: metrics.hop("risk/main", "decide", SPENT_NS, 5),
        "observe_us": lambda: bare.observe(SPENT_NS * 1e-9),
    }
    found = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for name, work in works.items():
            found[name] = min(found[name], _call_us(work))
    return {**found, "ratio": found["hop_us"] / found["observe_us"]}


def _call_us(work: Callable[[], None]) -> float:
    begun_ns = time.perf_counter_ns()
    for _ in range(CALLS):
        work()
    return (time.perf_counter_ns() - begun_ns) / CALLS / 1000


def main() -> int:
    """Print the figures, or one JSON object of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    given = parser.parse_args()
    found = figures()
    if given.json:
        print(json.dumps({**found, "machine": machine()}))
        return 0
    print(f"{found['hop_us']:8.2f} µs  a hop counted", end="")
    print(f", {found['ratio']:.2f} times a bare observation, {found['observe_us']:.2f} µs")
    return 0


if __name__ == "__main__":
    end_with(main)
