"""How near a simulated market must come to a recorded one, statistic by statistic."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import msgspec

from marea.venues.simulated.market import SimulatedMarket
from marea.venues.simulated.parameters import Parameters
from tools.market_recording import MS, WIRE_SCALE, Recording, S, between, record
from tools.market_statistics import correlation, measure

Statistics = dict[str, dict[str, float]]
"""By venue symbol, then by name; what is of all instruments together stands under ALL."""

ALL = "all"

RATIOS = {
    "diffs_per_s": 1.1,  # a fixed beat: misses only where nothing changes
    **dict.fromkeys(("quotes_per_s", "orders_per_s", "trades_per_s"), 1.25),
    **dict.fromkeys(("trade_qty_p50", "trade_qty_p90", "trade_qty_p99"), 1.5),
    **dict.fromkeys(("qty_of_best_1", "qty_of_best_5", "qty_of_best_10"), 1.5),
    **dict.fromkeys(("levels_per_diff", "levels_per_diff_p50", "best_share_of_levels"), 1.5),
    **dict.fromkeys(("volatility_bps_1s", "volatility_bps_10s", "wide_share_of_quotes"), 1.5),
    **dict.fromkeys(("spread_p50", "spread_p95"), 1.5),
    # heavy tails and counts in bursts: their sampling error over minutes is of this order
    **dict.fromkeys(("trades_fano", "orders_fano", "quotes_fano", "kurtosis_1s"), 2.0),
    **dict.fromkeys(("order_wait_ms_p50", "order_wait_ms_p99"), 2.0),
    **dict.fromkeys(("spread_p95_of_quotes", "levels_per_diff_p99"), 2.0),
    # a market that forgets its moves has 0 ± 0.005 over all stretches, and fails
    **dict.fromkeys(("abs_return_ac1_20", "abs_return_ac21_60"), 3.0),
}
"""How many times larger or smaller a statistic may be."""

DIFFERENCES = {
    # two standard errors of an autocorrelation over 650 s, on the tape and simulated: 0.11
    **dict.fromkeys(("return_ac1", "abs_return_ac1"), 0.12),
    **dict.fromkeys(("order_sign_ac1", "order_sign_ac10"), 0.1),
    "still_share_1s": 0.15,
    "return_correlation": 0.15,
}
"""How far away a statistic may be."""

SLOW = ("abs_return_ac1_20", "abs_return_ac21_60")
"""What a half of the tape is too short to show: the halves don't widen its tolerance."""

STRETCHES = 3
"""As long as the tape each: what wanders over minutes needs more than one to be known."""


@dataclass(frozen=True)
class Row:
    """One statistic on the tape and simulated."""

    instrument: str
    statistic: str
    tape: float
    halves: tuple[float, float]
    """On the first and the second half of the tape."""
    simulated: tuple[float, ...]
    """For each seed."""
    tolerance: str
    ok: tuple[bool, ...]


def statistics(recordings: dict[str, Recording], parameters: Parameters) -> Statistics:
    """All statistics of what was recorded of the parameters' instruments."""
    found: Statistics = {}
    for instrument in parameters.instruments:
        increment = instrument.price_increment * 10 ** (WIRE_SCALE - instrument.price_scale)
        found[instrument.venue_symbol] = measure(recordings[instrument.venue_symbol], increment)
    if len(recordings) == 2:
        one, other = recordings.values()
        found[ALL] = {"return_correlation": correlation(one, other)}
    return found


def halves(recordings: dict[str, Recording]) -> tuple[dict[str, Recording], dict[str, Recording]]:
    """What was recorded in the first and in the second half of the time."""
    first_ns = min(recording.quotes[0][0] for recording in recordings.values())
    end_ns = max(recording.quotes[-1][0] for recording in recordings.values()) + 1
    middle_ns = (first_ns + end_ns) // 2
    return (
        {name: between(one, first_ns, middle_ns) for name, one in recordings.items()},
        {name: between(one, middle_ns, end_ns) for name, one in recordings.items()},
    )


def simulate(parameters: Parameters, seed: int, seconds: int) -> dict[str, Recording]:
    """What a client records of the simulated market in its first seconds.

    The market is as active as the recorded hour, loses no diffs and knows no shock.
    """
    tape_like = msgspec.structs.replace(
        parameters, activity=1.0, lost_diff_interval_s={}, shocks=()
    )
    market = SimulatedMarket(tape_like, seed, 0)
    for instrument in parameters.instruments:
        market.request_snapshot(instrument.venue_symbol, 100 * MS)
    return record(market.frames(seconds * S))


def simulated_statistics(parameters: Parameters, seed: int, seconds: int) -> Statistics:
    """The statistics of the simulated market: means over STRETCHES of so many seconds in a row."""
    recordings = simulate(parameters, seed, STRETCHES * seconds)
    found = []
    for number in range(STRETCHES):
        first_ns, end_ns = number * seconds * S, (number + 1) * seconds * S
        stretch = {name: between(one, first_ns, end_ns) for name, one in recordings.items()}
        found.append(statistics(stretch, parameters))
    return {
        group: {name: fmean(one[group][name] for one in found) for name in names}
        for group, names in found[0].items()
    }


def deviation(name: str, expected: float, found: float) -> float:
    """How far a statistic is away, as a ratio > 1 or as a difference, as it is judged."""
    if name in DIFFERENCES:
        return abs(found - expected)
    if min(expected, found) <= 0:
        return math.inf
    return max(found / expected, expected / found)


def tolerance(name: str, of_halves: tuple[float, float]) -> float:
    """What is allowed of `deviation`: no less than the tape's halves differ, unless it is SLOW."""
    allowed = DIFFERENCES[name] if name in DIFFERENCES else RATIOS[name]
    if name in SLOW:
        return allowed
    return max(allowed, deviation(name, *of_halves))


def misses(name: str, expected: float, found: float, allowed: float) -> float:
    """How far a statistic is away in tolerances: up to 1 is ok; 4 at most."""
    away = deviation(name, expected, found)
    if name in DIFFERENCES:
        return min(4.0, away / allowed)
    return min(4.0, math.log(away) / math.log(allowed))


def compare(tape: dict[str, Recording], parameters: Parameters, seeds: Sequence[int]) -> list[Row]:
    """Statistic by statistic: the tape, its halves, and the simulated market for each seed."""
    seconds = round(max(one.quotes[-1][0] - one.quotes[0][0] for one in tape.values()) / S)
    whole = statistics(tape, parameters)
    first, second = (statistics(half, parameters) for half in halves(tape))
    runs = [simulated_statistics(parameters, seed, seconds) for seed in seeds]
    rows = []
    for instrument, found in whole.items():
        for name, expected in found.items():
            pair = (first[instrument][name], second[instrument][name])
            allowed = tolerance(name, pair)
            values = tuple(run[instrument][name] for run in runs)
            ok = tuple(deviation(name, expected, value) <= allowed for value in values)
            shown = f"± {allowed:.2f}" if name in DIFFERENCES else f"x {allowed:.2f}"
            rows.append(Row(instrument, name, expected, pair, values, shown, ok))
    return rows
