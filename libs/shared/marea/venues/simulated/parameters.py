"""What the simulated market is made of: its instruments, their order flow, its wire, its faults.

The flow's numbers stand in `parameters.toml`, written by `tools/fit_market.py` from recorded tapes.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from marea.domain.instrument import Instrument

PROBABILITIES = (
    *(0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75),
    *(0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 1.0),
)
"""Where a distribution is known: its quantiles stand at these probabilities."""

Quantiles = tuple[int, ...]
"""A distribution of integers: its quantiles at PROBABILITIES, never falling."""
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Children = Annotated[float, msgspec.Meta(ge=0, lt=1)]
"""Of the same kind as what sets them off: with 1 or more they would never end."""
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]

TABLE_SIZE = 4096
NEAR_LEVELS = 10


class Flow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How orders for one instrument arrive, and what they do to its book.

    Rates are those of an activity of 1; a share is a probability; `…_children` and `…_reactions`
    are means of geometric counts; prices and quantities are in the instrument's units.
    """

    start_price: Count
    taker_rate_hz: Positive
    """Market orders that no other order set off."""
    taker_children: Children
    """Market orders that one sets off, < 1."""
    taker_child_delay_ms: int
    bias: Share
    """How far market orders lean to the market's direction, 0…1."""
    taker_qty: Quantiles
    maker_qty: Quantiles
    """Single resting orders, which cut what a market order takes into trades."""
    touch_rate_hz: Positive
    """Changes of the best levels that no other event set off."""
    touch_reactions: Children
    """Changes of the best levels that one sets off, < 1."""
    taker_reactions: float
    """Changes of the best levels that a market order sets off."""
    move_reactions: float
    """Further ones when a best level is gone, besides the one that is certain."""
    reaction_delay_us: int
    touch_qty: Count
    """The quantity at which a best level grows and shrinks equally often."""
    join_qty: Quantiles
    cut_qty: Quantiles
    pull_share: Share
    """Cuts of a best level in the way of the market's direction that take it away whole."""
    narrow_share: Share
    """Changes at a wide spread that quote into it."""
    close_share: Share
    """Quotes into a wide spread that close it at once."""
    follow_share: Share
    """Quotes into a wide spread that come from the side the price moved away from."""
    sweep_follow_share: Share
    """The same after one market order took several levels."""
    retreat_share: Share
    """Moves of a best price at which makers behind it give way too."""
    retreat_distance: Quantiles
    """How far prices were seen to move while the spread was wide."""
    retreat_factor: Positive
    """How far makers give way, against that: part of it is quoted back before the spread closes."""
    churn_rate_hz: Positive
    """Bursts of changes behind the best levels that no price move set off."""
    churn_levels: float
    """Mean levels in such a burst."""
    requote_levels: float
    """Mean levels in the burst that a move of the best price sets off."""
    requote_delay_ms: int
    fleeting_share: Share
    """Changes behind the best levels where an order comes and goes at once."""
    turnover_share: Share
    """Those that set a level or take one away; what is left changes a level's quantity."""
    near_qty: Quantiles
    """Of the best NEAR_LEVELS levels but the very best."""
    level_qty: Quantiles
    """Of the levels behind those."""
    level_distance: Quantiles
    """From the best price of the side to a changed level, > 0."""
    level_spacing: Positive
    """Mean distance of neighbouring levels."""


class Shock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A crash or a jump: market orders walk the price by `move_bps` within `duration_s`."""

    venue_symbol: str
    at_s: int
    """After the market's start."""
    move_bps: Annotated[int, msgspec.Meta(ge=-5000, le=5000)]
    duration_s: Count


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole simulated market."""

    instruments: tuple[Instrument, ...]
    flows: dict[str, Flow]
    """By venue symbol, one for each instrument."""
    activity: Positive
    """Arrivals of what nothing set off, against the recorded hour."""
    activity_ratio: Positive
    """From one step of the slow activity ladder to the next."""
    activity_steps: Count
    """Steps of the ladder above and below the middle."""
    direction_flip_share: Share
    """Market orders at which the direction of the market, common to all instruments, turns."""
    contagion_share: Share
    """Moves of a best price that makers of another instrument follow."""
    clock_offset_ns: int
    """The client's clock less the venue's."""
    latency_us: Quantiles
    """From an event to its arrival."""
    snapshot_latency_ms: Count
    """From the request to the arrival of a snapshot."""
    lost_diff_interval_s: dict[str, Count] = {}
    """Mean time between lost diffs, by venue symbol; drawn within half of it around."""
    shocks: tuple[Shock, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a market that could not run."""
        names = [instrument.venue_symbol for instrument in self.instruments]
        if sorted(names) != sorted(self.flows):
            raise ValueError(
                f"flows: {sorted(self.flows)} do not match the instruments {sorted(names)}: "
                "give one flow for each instrument"
            )
        for name in (*self.lost_diff_interval_s, *(shock.venue_symbol for shock in self.shocks)):
            if name not in self.flows:
                raise ValueError(f"venue_symbol: {name!r} is not traded here: use one of {names}")
        if self.latency_us[0] > self.snapshot_latency_ms * 1000:
            raise ValueError(
                f"snapshot_latency_ms: {self.snapshot_latency_ms} is less than the least latency, "
                f"{self.latency_us[0]} us: a book would be read before it is asked for"
            )


def table(quantiles: Sequence[int]) -> list[int]:
    """A distribution as TABLE_SIZE equally likely values, by lines between its quantiles.

    Only whole numbers are interpolated, so that every platform makes the same table. Raises
    ValueError where the quantiles fall, are not as many as PROBABILITIES, or begin below 1.
    """
    rising = sorted(quantiles) == list(quantiles) and len(quantiles) == len(PROBABILITIES)
    if not rising or quantiles[0] < 1:
        raise ValueError(
            f"quantiles: {list(quantiles)} are not {len(PROBABILITIES)} numbers from 1 on that "
            "never fall: give one for each of PROBABILITIES"
        )
    knots = [round(p * 20_000) * TABLE_SIZE for p in PROBABILITIES]
    values, right = [], 1
    for index in range(TABLE_SIZE):
        place = (2 * index + 1) * 10_000
        while knots[right] < place:
            right += 1
        low, high = quantiles[right - 1], quantiles[right]
        width = knots[right] - knots[right - 1]
        values.append(low + (high - low) * (place - knots[right - 1]) // width)
    return values


def load_parameters(folder: Path = Path(__file__).parent) -> Parameters:
    """The committed market: `venue.toml` and `parameters.toml` of this folder."""
    venue = tomllib.loads((folder / "venue.toml").read_text())
    market = tomllib.loads((folder / "parameters.toml").read_text())
    instruments = [
        {
            "id": f"{entry['base']}-{entry['quote']}.{venue['venue']}",
            "venue": venue["venue"],
            "venue_symbol": entry["venue_symbol"],
            "kind": "spot",
            "base": entry["base"],
            "quote": entry["quote"],
            "price_scale": entry["price_scale"],
            "qty_scale": entry["qty_scale"],
            "price_increment": 1,  # the flow counts in it
            "qty_increment": 1,
            "notional_min": 5 * 10 ** entry["price_scale"],
            "book_sequencing": "contiguous",
        }
        for entry in venue["instruments"]
    ]
    return msgspec.convert({"instruments": instruments, **market}, Parameters)
