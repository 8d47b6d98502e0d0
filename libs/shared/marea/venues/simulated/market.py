"""The simulated market: one calendar of all that happens, and the wire between venue and client.

The client's clock differs from the venue's by `clock_offset_ns`. What the venue streams is stamped
with the client's clock after a drawn latency, never out of order; a snapshot arrives at a fixed
time after its request, on a way of its own.
"""

from bisect import bisect_left
from dataclasses import dataclass
from heapq import heappop, heappush, merge
from operator import itemgetter
from random import Random
from typing import Self

from msgspec import Struct

from marea.domain.instrument import Instrument
from marea.venues.simulated.book import OrderBook
from marea.venues.simulated.flow import (
    DIFF,
    LADDER,
    SHOCK,
    SNAPSHOT,
    Calendar,
    InstrumentState,
    Mood,
    OrderFlow,
)
from marea.venues.simulated.parameters import TABLE_SIZE, Parameters, table

Frame = tuple[int, bytes]
"""When a payload reached the client, ns of the client's clock, and the payload."""

LADDER_INTERVAL_NS = 1_000_000_000
SHOCK_INTERVAL_NS = 50_000_000
FRAME_INTERVAL_NS = 1_000
"""Between frames that one event put on the wire."""

_stamp = itemgetter(0)


@dataclass(slots=True)
class MarketState:
    """All that the market's future depends on, besides chance."""

    calendar: Calendar
    mood: Mood
    instruments: list[InstrumentState]
    started_ns: int
    """On the venue's clock."""
    until_ns: int
    """Frames were taken up to here, on the client's clock."""
    streamed: list[Frame]
    """On the way to the client."""
    snapshots: list[Frame]
    """Likewise, in order of arrival."""
    stamped_ns: int
    """The arrival of the last frame streamed."""
    shock_prices: list[int]
    """The best bid where each shock began; 0: not yet."""


ChanceState = tuple[int, tuple[int, ...], float | None]
"""Of `random.Random`."""


class KeptMarket(Struct, frozen=True, kw_only=True):
    """A market at a moment, as it is kept to go on from there."""

    state: MarketState
    chance: ChanceState


class SimulatedMarket:
    """A venue whose orders are drawn from a seed: the same frames for the same seed and requests."""

    def __init__(self, parameters: Parameters, seed: int, ts_start_ns: int) -> None:
        """Open the market at `ts_start_ns` of the client's clock."""
        started_ns = ts_start_ns - parameters.clock_offset_ns
        state = MarketState(
            calendar=[],
            mood=Mood(activity=parameters.activity, ladder_step=0, direction=1),
            instruments=[InstrumentState(book=OrderBook()) for _ in parameters.instruments],
            started_ns=started_ns,
            until_ns=ts_start_ns,
            streamed=[],
            snapshots=[],
            stamped_ns=ts_start_ns,
            shock_prices=[0] * len(parameters.shocks),
        )
        chance = Random(seed)  # noqa: S311 # a market, not a secret
        self._build(parameters, state, chance)
        for flow in self._flows:
            flow.start(started_ns)
        heappush(state.calendar, (started_ns + LADDER_INTERVAL_NS, LADDER, 0))
        for place, shock in enumerate(parameters.shocks):
            heappush(state.calendar, (started_ns + shock.at_s * 1_000_000_000, SHOCK, place))

    @classmethod
    def going_on(cls, parameters: Parameters, kept: KeptMarket) -> Self:
        """The market that was kept; its parameters must be the same."""
        chance = Random()  # noqa: S311 # a market, not a secret
        chance.setstate(kept.chance)
        market = cls.__new__(cls)
        market._build(parameters, kept.state, chance)
        return market

    def kept(self) -> KeptMarket:
        """All that it goes on from; the state is its own, and changes with it."""
        version, numbers, gauss = self._chance.getstate()
        return KeptMarket(state=self._state, chance=(version, numbers, gauss))

    def _build(self, parameters: Parameters, state: MarketState, chance: Random) -> None:
        self._parameters, self._state, self._chance = parameters, state, chance
        shared = (state.mood, state.calendar, chance)
        self._flows = [
            OrderFlow(place, parameters, instrument, shared)
            for place, instrument in enumerate(state.instruments)
        ]
        self._places = {i.venue_symbol: n for n, i in enumerate(parameters.instruments)}
        self._latencies_ns = [us * 1000 for us in table(parameters.latency_us)]
        self._ladder = activity_ladder(parameters)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is traded here."""
        return self._parameters.instruments

    @property
    def state(self) -> MarketState:
        """What its future depends on; the market changes it as its time passes."""
        return self._state

    def frames(self, until_ns: int) -> list[Frame]:
        """What reaches the client before `until_ns` of its clock and was not taken yet, in order.

        Raises ValueError where `until_ns` lies before what was taken.
        """
        state = self._state
        if until_ns < state.until_ns:
            raise ValueError(
                f"until_ns: {until_ns} lies before {state.until_ns}, up to where frames were taken: "
                "time goes forward"
            )
        state.until_ns = until_ns
        self._run(until_ns - self._parameters.clock_offset_ns - self._latencies_ns[0])
        arrived = _split(state.streamed, until_ns)
        if not state.snapshots:
            return arrived
        return list(merge(arrived, _split(state.snapshots, until_ns), key=_stamp))

    def request_snapshot(self, venue_symbol: str, at_ns: int) -> None:
        """Ask for the book of `venue_symbol` at `at_ns` of the client's clock.

        The answer stands among the frames `snapshot_latency_ms` after it; the venue reads its book
        at the last moment that allows for that. Raises ValueError for an instrument that is not traded,
        and where the frames of the answer's arrival were taken already.
        """
        parameters, state = self._parameters, self._state
        place = self._places.get(venue_symbol.upper())
        if place is None:
            raise ValueError(
                f"venue_symbol: {venue_symbol!r} is not traded here: use one of {[*self._places]}"
            )
        arrival_ns = at_ns + parameters.snapshot_latency_ms * 1_000_000
        if arrival_ns < state.until_ns:
            raise ValueError(
                f"at_ns: the answer to a request at {at_ns} would arrive at {arrival_ns}, and frames "
                f"were taken up to {state.until_ns}: take windows shorter than the latency"
            )
        read_ns = arrival_ns - parameters.clock_offset_ns - self._latencies_ns[0]
        heappush(state.calendar, (read_ns, SNAPSHOT, place))

    def _run(self, until_ns: int) -> None:
        # Let everything happen that lies before `until_ns` of the venue's clock
        state, flows = self._state, self._flows
        calendar, streamed, latencies_ns = state.calendar, state.streamed, self._latencies_ns
        offset_ns, uniform = self._parameters.clock_offset_ns, self._chance.random
        happens = [flow.handlers for flow in flows]
        while calendar[0][0] < until_ns:
            at_ns, kind, place = heappop(calendar)
            payloads = (
                happens[place][kind](at_ns, kind) if kind <= DIFF else self._act(at_ns, kind, place)
            )
            if not payloads:
                continue
            arrival_ns = at_ns + offset_ns + latencies_ns[int(uniform() * TABLE_SIZE)]
            stamp_ns = max(arrival_ns, state.stamped_ns + FRAME_INTERVAL_NS)
            for payload in payloads:
                streamed.append((stamp_ns, payload))
                stamp_ns += FRAME_INTERVAL_NS
            state.stamped_ns = stamp_ns - FRAME_INTERVAL_NS

    def _act(self, at_ns: int, kind: int, place: int) -> list[bytes]:
        # What the market does itself
        if kind == LADDER:
            self._step_activity(at_ns)
            return []
        if kind == SHOCK:
            return self._shock(at_ns, place)
        arrival_ns = at_ns + self._parameters.clock_offset_ns + self._latencies_ns[0]
        self._state.snapshots.append((arrival_ns, self._flows[place].snapshot()))
        return []

    def _step_activity(self, at_ns: int) -> None:
        # Activity wanders on its ladder, drawn to the middle as in Ehrenfest's urn
        mood, steps = self._state.mood, self._parameters.activity_steps
        up = self._chance.random() * 2 * steps < steps - mood.ladder_step
        mood.ladder_step += 1 if up else -1
        mood.activity = self._ladder[steps + mood.ladder_step]
        heappush(self._state.calendar, (at_ns + LADDER_INTERVAL_NS, LADDER, 0))

    def _shock(self, at_ns: int, place: int) -> list[bytes]:
        # Market orders take the price to where the shock wants it now
        shock, state = self._parameters.shocks[place], self._state
        flow = self._flows[self._places[shock.venue_symbol]]
        start_price = state.shock_prices[place] or flow.state.book.bids.best()[0]
        state.shock_prices[place] = start_price
        elapsed_ns = at_ns - state.started_ns - shock.at_s * 1_000_000_000
        duration_ns = shock.duration_s * 1_000_000_000
        if elapsed_ns < duration_ns:
            heappush(state.calendar, (at_ns + SHOCK_INTERVAL_NS, SHOCK, place))
        move = start_price * shock.move_bps * min(elapsed_ns, duration_ns) // (10_000 * duration_ns)
        return flow.sweep_to(at_ns, start_price + move)


def activity_ladder(parameters: Parameters) -> list[float]:
    """The activities between which the market wanders, from the calmest to the busiest."""
    middle, steps = parameters.activity, parameters.activity_steps
    rungs = [middle]
    for _ in range(steps):
        rungs = [
            rungs[0] / parameters.activity_ratio,
            *rungs,
            rungs[-1] * parameters.activity_ratio,
        ]
    return rungs


def _split(frames: list[Frame], until_ns: int) -> list[Frame]:
    # Take out of `frames` those before `until_ns`
    count = bisect_left(frames, until_ns, key=_stamp)
    taken = frames[:count]
    del frames[:count]
    return taken
