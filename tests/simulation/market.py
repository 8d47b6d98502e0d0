"""The market of a simulated world: few frames, large moves, and a wire that may lose them.

It speaks Binance's words, as the simulated venue does. Prices walk with a trend that turns often,
so that within half a minute strategies change their minds, orders rest, cross and are filled in
parts, and stops and targets are reached.
"""

from collections.abc import Iterator
from random import Random

from marea.domain.instrument import Instrument
from marea.messages.envelope import Nanos, Record
from marea.messages.market import RequestSnapshot
from marea.venues.binance.parse import BinanceParser
from marea.venues.feed import Feed, FeedPlan, Window
from marea.venues.simulated.parameters import load_parameters
from marea.venues.simulated.wire import Wire
from marea.venues.tape import Frame
from tests.simulation.faults import MS, SECOND, Faults

PERIOD_NS: Nanos = 500 * MS
"""Of a window of the market."""
LEVELS = 4
LATENCY_NS: Nanos = 20 * MS
KNOWN_NS: Nanos = 4 * SECOND
ERROR_NS_MAX: Nanos = 3_600 * SECOND
INSTRUMENTS = load_parameters().instruments
VENUE = INSTRUMENTS[0].venue


class Street:
    """One instrument: where its price is, and what its book shows."""

    def __init__(self, instrument: Instrument, draw: Random) -> None:
        self.name = instrument.venue_symbol
        self._draw = draw
        self._wire = Wire(instrument)
        self._mid = draw.randrange(300_000, 2_000_000)
        self._trend = 1.0
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._unit = 10**instrument.qty_scale * 10**instrument.price_scale
        self._update_id = 1
        self._trade_id = 0

    def snapshot(self) -> bytes:
        """The book as it is."""
        bids, asks = self._sides()
        return self._wire.snapshot(self._update_id, bids, asks)

    def begin(self) -> None:
        """Quote for the first time."""
        self._requote()

    def move(self, ts: Nanos, step: float) -> list[bytes]:
        """What the venue says of half a second; `step` is how much moves, 0: nothing does."""
        if not step:
            return [self._quote()]
        draw = self._draw
        if draw.random() < 0.12:
            self._trend = -self._trend
        frames = [self._trade(ts) for _ in range(draw.randrange(3))]
        self._mid += int(self._mid * step * 0.002 * (self._trend + draw.uniform(-1.2, 1.2)))
        self._mid = max(self._mid, 50_000)
        frames += [self._diff(ts), self._quote()]
        return frames

    def _trade(self, ts: Nanos) -> bytes:
        buys = self._draw.random() < 0.5
        price = min(self._asks) if buys else max(self._bids)
        self._trade_id += 1
        return self._wire.trade(ts, self._trade_id, (price, self._qty(price)), buys)

    def _diff(self, ts: Nanos) -> bytes:
        bids, asks = dict.fromkeys(self._bids, 0), dict.fromkeys(self._asks, 0)
        self._requote()
        bids.update(self._bids)
        asks.update(self._asks)
        first = self._update_id + 1
        self._update_id += 2
        return self._wire.diff(ts, (first, self._update_id), list(bids.items()), list(asks.items()))

    def _quote(self) -> bytes:
        bids, asks = self._sides()
        return self._wire.quote(self._update_id, bids[0], asks[0])

    def _requote(self) -> None:
        gap = max(1, self._mid // 20_000)
        self._bids, self._asks = {}, {}
        for place in range(1, LEVELS + 1):
            self._bids[self._mid - place * gap] = self._qty(self._mid)
            self._asks[self._mid + place * gap] = self._qty(self._mid)

    def _qty(self, price: int) -> int:
        worth: int = self._draw.randrange(50, 900) * self._unit
        return max(1, worth // price)

    def _sides(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        return sorted(self._bids.items(), reverse=True), sorted(self._asks.items())


class ScriptedMarket:
    """What the venue's wire brings, window by window."""

    def __init__(self, faults: Faults, seed: int, begin: Nanos, calm: Nanos, end: Nanos) -> None:
        """Prices move until `calm`, then they are quoted as they stand until `end`."""
        self._faults = faults
        self._begin, self._calm, self._end = begin, calm, end
        draw = Random(f"{seed}/market")  # a world, not a secret
        self._draw = draw
        self._streets = [
            Street(each, Random(f"{seed}/{each.id}")) for each in INSTRUMENTS
        ]  # a world
        self._wild = draw.choice((0.3, 1.0, 1.0, 2.0))
        """How much this seed's prices move."""
        self._error_ns: Nanos = 0
        self._error_until: Nanos = 0
        self._asked: dict[int, str] = {}
        self._answered: set[int] = set()
        traded = {each.venue_symbol: each for each in INSTRUMENTS}
        self.plan = FeedPlan(VENUE, INSTRUMENTS, BinanceParser(traded, "spot"), {})
        self.feed = Feed(self.plan, self._windows)

    def request_snapshot(self, record: Record) -> None:
        """Have the next window bring the book that ingestion asks for; a second time, nothing."""
        if isinstance(record.message, RequestSnapshot):
            self._asked.setdefault(record.input_offset, record.message.instrument)

    def _windows(self) -> Iterator[Window]:
        line = 0
        for street in self._streets:
            street.begin()
        for ts in range(self._begin, self._end, PERIOD_NS):
            payloads = [street.snapshot() for street in self._streets] if ts == self._begin else []
            payloads += self._answers()
            step = self._wild if ts < self._calm else 0.0
            if step or (ts - self._begin) % (4 * PERIOD_NS) == 0:
                for street in self._streets:
                    payloads += self._carried(street.name, ts, street.move(ts, step))
            ts_local = ts + self._clock_error(ts)
            frames = [
                Frame(VENUE, line + place, ts_local + LATENCY_NS + place * 1_000, payload)
                for place, payload in enumerate(payloads, 1)
            ]
            line += len(frames)
            if frames:
                yield Window(ts_local, frames)

    def _clock_error(self, now: Nanos) -> Nanos:
        # The clock that frames are stamped with on arrival is set wrong, and back after a while.
        # At the very begin nothing tells which of two clocks is right.
        is_known = now >= self._begin + KNOWN_NS
        if is_known and (jump := self._faults.strikes("clock_jump", "ingestion", now)):
            self._error_ns = int((2 * self._faults.size(jump) - 1) * ERROR_NS_MAX)
            self._error_until = now + int(self._faults.size(jump, "time") * 10 * SECOND)
        is_wrong = now < min(self._error_until, self._faults.ends_at)
        return self._error_ns if is_wrong else 0

    def _answers(self) -> list[bytes]:
        names = {each.id: street for each, street in zip(INSTRUMENTS, self._streets, strict=True)}
        due = [position for position in sorted(self._asked) if position not in self._answered]
        self._answered.update(due)
        return [names[self._asked[position]].snapshot() for position in due]

    def _carried(self, place: str, now: Nanos, payloads: list[bytes]) -> list[bytes]:
        # What the wire makes of them.
        faults, late = self._faults, list[bytes]()
        carried: list[bytes] = []
        for payload in payloads:
            if faults.strikes("frame_lost", place, now):
                continue
            if torn := faults.strikes("frame_torn", place, now):
                carried.append(payload[: int(len(payload) * faults.size(torn))])
            elif faults.strikes("frame_late", place, now):
                late.append(payload)
            else:
                carried.append(payload)
            if faults.strikes("frame_twice", place, now):
                carried.append(payload)
        return carried + late
