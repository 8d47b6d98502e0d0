"""Parameters of the simulated market from recorded ones: what a tape shows, and what is searched."""

import math
from collections.abc import Sequence
from random import Random
from typing import TypeVar

import msgspec
import numpy as np

from marea.venues.simulated.parameters import NEAR_LEVELS, PROBABILITIES, Flow, Parameters
from tools.market_comparison import halves, misses, simulate, statistics, tolerance
from tools.market_recording import MS, WIRE_SCALE, Recording, S
from tools.market_statistics import Floats, measure

Searched = TypeVar("Searched", Flow, Parameters)

TAIL_PROBABILITY = 0.9
"""Levels further out than this quantile of their distance are left to themselves."""


def with_shown(parameters: Parameters, tape: dict[str, Recording]) -> Parameters:
    """The parameters, with all that the tape shows by itself."""
    flows, turns, order_rates = {}, [], []
    for instrument in parameters.instruments:
        recording = tape[instrument.venue_symbol]
        scales = instrument.price_scale, instrument.qty_scale
        price_unit, qty_unit = (10 ** (WIRE_SCALE - scale) for scale in scales)
        found = measure(recording, price_unit)
        bias, turn = leaning(found["order_sign_ac1"], found["order_sign_ac10"])
        flows[instrument.venue_symbol] = msgspec.structs.replace(
            parameters.flows[instrument.venue_symbol],
            bias=round(bias, 3),
            **shown(recording, price_unit, qty_unit),
        )
        turns.append(turn * found["orders_per_s"])
        order_rates.append(found["orders_per_s"])
    offset_ns, latencies_us = delays(list(tape.values()))
    return msgspec.structs.replace(
        parameters,
        flows=flows,
        direction_flip_share=round(sum(turns) / len(turns) / sum(order_rates), 4),
        clock_offset_ns=offset_ns,
        latency_us=tuple(latencies_us),
    )


def delays(recordings: Sequence[Recording]) -> tuple[int, list[int]]:
    """The offset of the client's clock, ns, and the quantiles of the latency beyond it, us.

    A tape shows only their sum; the latency is taken to be less than 1 ms at its least.
    """
    late_ns = np.array([stamp - ms * MS for one in recordings for stamp, ms, _, _ in one.diffs])
    offset_ns = int(late_ns.min() // MS) * MS
    return offset_ns, quantiles((late_ns - offset_ns) / 1000)


def quantiles(values: Sequence[float] | Floats) -> list[int]:
    """A distribution as the market takes it: whole numbers from 1 on."""
    found = np.quantile(np.asarray(values, float), PROBABILITIES)
    return [max(1, round(float(value))) for value in found]


def shown(recording: Recording, price_unit: int, qty_unit: int) -> dict[str, object]:
    """The parameters of an instrument's flow that its tape shows by itself.

    `price_unit` and `qty_unit` are the instrument's units in those of the recording.
    """
    orders, makers, rests = _orders(recording)
    joins, cuts = _best_changes(recording)
    placed = [(distance, new) for distance, old, new in recording.behind if new and not old]
    reach = np.quantile([distance for distance, _ in placed], TAIL_PROBABILITY)
    distances = [d / price_unit for d, _ in placed if d <= reach]
    spacing = float(np.median(recording.spans)) / 99 / price_unit
    near = NEAR_LEVELS * spacing * price_unit
    changed = [(d, new / qty_unit) for d, _, new in recording.behind if new and d <= reach]
    kinds = np.array([(not old, not new) for _, old, new in recording.behind])
    return {
        "start_price": recording.quotes[0][1] // price_unit,
        "taker_qty": tuple(quantiles([qty / qty_unit for qty in orders])),
        "maker_qty": tuple(max(1, qty // qty_unit) for qty in censored_quantiles(makers, rests)),
        "join_qty": tuple(quantiles([qty / qty_unit for qty in joins])),
        "cut_qty": tuple(quantiles([qty / qty_unit for qty in cuts])),
        "retreat_distance": tuple(quantiles([move / price_unit for move in _moves(recording)])),
        "fleeting_share": round(float(kinds.all(axis=1).mean()), 3),
        "turnover_share": round(float((kinds[:, 0] != kinds[:, 1]).mean()), 3),
        "near_qty": tuple(quantiles([qty for distance, qty in changed if distance <= near])),
        "level_qty": tuple(quantiles([qty for distance, qty in changed if distance > near])),
        "level_distance": tuple(quantiles(distances)),
        "level_spacing": round(spacing, 2),
    }


def censored_quantiles(seen: Sequence[int], at_least: Sequence[int]) -> list[int]:
    """Quantiles of values of which some are only known to be at least so large.

    The estimate of Kaplan and Meier (1958); mass beyond the largest value seen stands at it.
    """
    values = np.array([*seen, *at_least])
    known = np.r_[np.ones(len(seen), bool), np.zeros(len(at_least), bool)]
    order = np.lexsort((~known, values))
    values, known = values[order], known[order]
    at_risk = len(values) - np.arange(len(values))
    survival = np.cumprod(np.where(known, 1 - 1 / at_risk, 1.0))
    values, below = values[known], 1 - survival[known]
    places = np.minimum(np.searchsorted(below, PROBABILITIES), len(values) - 1)
    return [int(value) for value in values[places]]


def _orders(recording: Recording) -> tuple[list[int], list[int], list[int]]:
    # Quantities of market orders, of resting orders taken whole, and of trades that ended one
    orders: list[int] = []
    makers: list[int] = []
    rests: list[int] = []
    last: tuple[int, bool] | None = None
    for _, ms, _, qty, sells in recording.trades:
        if (ms, sells) == last:
            makers.append(rests.pop())
            orders[-1] += qty
        else:
            orders.append(qty)
        rests.append(qty)
        last = (ms, sells)
    return orders, makers, rests


def _best_changes(recording: Recording) -> tuple[list[int], list[int]]:
    # What was added to and taken from best levels that kept their price
    joins: list[int] = []
    cuts: list[int] = []
    for old, new in zip(recording.quotes, recording.quotes[1:], strict=False):
        for price, qty in ((1, 3), (2, 4)):
            change = new[qty] - old[qty]
            if new[price] == old[price] and change:
                (joins if change > 0 else cuts).append(abs(change))
    return joins, cuts


def _moves(recording: Recording) -> list[float]:
    # How far the mid moved while the spread was wider than at its narrowest
    narrowest = min(ask - bid for _, bid, ask, _, _ in recording.quotes)
    moves: list[float] = []
    last = None
    for _, bid, ask, _, _ in recording.quotes:
        if ask - bid == narrowest:
            if last is not None and bid != last:
                moves.append(abs(bid - last))
            last = bid
    return moves


def leaning(sign_ac1: float, sign_ac10: float) -> tuple[float, float]:
    """How far market orders lean with the market's direction, and how often per order it turns.

    For a direction that turns with probability f and orders that lean to it by c, the
    autocorrelation of signs at lag l is c² (1 - 2f)^l: two lags give both.
    """
    stay = (sign_ac10 / sign_ac1) ** (1 / 9)
    return math.sqrt(sign_ac1 / stay), (1 - stay) / 2


FLOW_SEARCHED = (
    *("taker_rate_hz", "taker_children", "taker_child_delay_ms", "touch_rate_hz"),
    *("touch_reactions", "taker_reactions", "move_reactions", "reaction_delay_us", "touch_qty"),
    *("pull_share", "narrow_share", "close_share", "follow_share", "sweep_follow_share"),
    *("retreat_share", "retreat_factor"),
    *("churn_rate_hz", "churn_levels", "requote_levels", "requote_delay_ms"),
)
"""What no tape shows by itself."""
MARKET_SEARCHED = ("activity_ratio", "contagion_share")
BELOW_ONE = ("taker_children", "touch_reactions")
SHARES_MAX = 0.98
SEARCH_SEEDS = (101, 102, 103, 104)
"""Others than those that the result is judged by."""
STEP = 0.25
"""Of the logarithm of a parameter, standard deviation."""


class Search:
    """A random walk to better parameters: a few change at a time, and what is better stays.

    The instruments hardly depend on each other, so each keeps its own changes by its own loss;
    what they share changes in rounds of its own.
    """

    def __init__(self, parameters: Parameters, tape: dict[str, Recording], seed: int) -> None:
        self._chance = Random(seed)  # noqa: S311 # a search, not a secret
        self._seconds = round(
            max(one.quotes[-1][0] - one.quotes[0][0] for one in tape.values()) / S
        )
        self._expected = statistics(tape, parameters)
        first, second = (statistics(half, parameters) for half in halves(tape))
        self._allowed = {
            group: {
                name: tolerance(name, (first[group][name], second[group][name])) for name in found
            }
            for group, found in self._expected.items()
        }
        self.best = parameters
        self.losses = self._judge(parameters)

    def step(self, *, shared: bool) -> None:
        """Try one change of each instrument's flow, or of what they share; keep what is better."""
        old = self.best.flows
        if shared:
            tried = self._changed(self.best, MARKET_SEARCHED, 1)
            losses = self._judge(tried)
        else:
            flows = {name: self._changed(flow, FLOW_SEARCHED, 3) for name, flow in old.items()}
            tried = msgspec.structs.replace(self.best, flows=flows)
            losses = self._judge(tried)
            better = [name for name in flows if losses[name] < self.losses[name]]
            if 0 < len(better) < len(flows):
                tried = msgspec.structs.replace(
                    self.best, flows={**old, **{name: flows[name] for name in better}}
                )
                losses = self._judge(tried)
        if sum(losses.values()) < sum(self.losses.values()):
            self.best, self.losses = tried, losses

    def _judge(self, parameters: Parameters) -> dict[str, float]:
        # The losses: sums of the squares of misses, by instrument, mean over the seeds
        recorded = [simulate(parameters, seed, self._seconds) for seed in SEARCH_SEEDS]
        runs = [statistics(one, parameters) for one in recorded]
        losses = {}
        for group, expected in self._expected.items():
            squares = [
                misses(name, number, run[group][name], self._allowed[group][name]) ** 2
                for run in runs
                for name, number in expected.items()
            ]
            losses[group] = sum(squares) / len(runs)
        return losses

    def _changed(self, found: Searched, names: Sequence[str], count: int) -> Searched:
        changes: dict[str, float] = {}
        for name in self._chance.sample(names, count):
            old, factor = getattr(found, name), math.exp(self._chance.gauss(0, STEP))
            new = 1 + (old - 1) * factor if name == "activity_ratio" else old * factor
            if name in BELOW_ONE or name.endswith("_share"):
                new = min(SHARES_MAX, new)
            changes[name] = max(1, round(new)) if isinstance(old, int) else float(f"{new:.3g}")
        return msgspec.structs.replace(found, **changes)
