"""Which market does a run see: recorded tapes, or a simulated one?"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from marea.domain.instrument import Instrument
from marea.messages.envelope import Nanos, Record
from marea.messages.market import RequestSnapshot
from marea.venues.binance.parse import BinanceParser
from marea.venues.binance.survey import survey
from marea.venues.feed import CLOCK_PERIOD_NS, Feed, FeedPlace, FeedPlan, Window, windows_of
from marea.venues.simulated.market import KeptMarket, SimulatedMarket
from marea.venues.simulated.parameters import Parameters, Shock, load_parameters
from marea.venues.tape import BadTape, Frame, Tape

VENUES = {"spot": "BINANCE", "usdm": "BINANCEUSDM"}
"""The venue that a tape of Binance is of, by its market."""
NAMED_MAX = 5
"""So many of a tape's symbols are told to a person."""
CRASH_PCT_MAX = 50
"""What a simulated crash can take from prices."""
TS_SIMULATED: Nanos = 1_767_571_200_000_000_000
"""When simulated markets begin by our clock: 2026-01-05 00:00 UTC, so that equal seeds are equal."""


class Market(Protocol):
    """A market as a run needs it."""

    @property
    def plan(self) -> FeedPlan:
        """What it brings."""
        ...

    @property
    def feed(self) -> Feed:
        """What it says, as the inputs of ingestion."""
        ...

    def request_snapshot(self, record: Record) -> None:
        """Do what a `RequestSnapshot` on the log asks for; a second time, nothing."""
        ...

    @property
    def heeds_requests(self) -> bool:
        """Whether what it says depends on what it was asked for."""
        ...

    def kept(self) -> tuple[int, bytes] | None:
        """A position behind all that was given, and what it goes on from there with.

        None where it can't: then it begins anew.
        """
        ...

    def go_on(self, kept: bytes) -> None:
        """Go on from what was kept. Raises `msgspec.DecodeError` where another build kept it."""
        ...

    @property
    def steps_back(self) -> int:
        """How many of its lines so far are stamped before one above them."""
        ...

    def progress(self) -> float:
        """How much of it was seen, in 0…1."""
        ...


class TapeMarket:
    """Recorded captures of Binance, one after the other."""

    heeds_requests = False

    def __init__(self, files: Sequence[Path], instruments: Mapping[str, Instrument]) -> None:
        """Look at the files. Raises `BadInput` for a tape that can't be read."""
        self._tape = Tape(files)
        found = survey(files)
        venue = VENUES[found.market]
        traded = {each.venue_symbol: each for each in instruments.values() if each.venue == venue}
        if found.named and not traded.keys() & set(found.named):
            raise BadTape(
                ", ".join(map(str, files)),
                0,
                f"it names {', '.join(found.named[:NAMED_MAX])}, and of {venue} the settings have "
                f"{', '.join(traded) or 'none'}",
                "name another tape, or add it to exchanges.yaml",
            )
        self.plan = FeedPlan(
            venue=venue,
            instruments=tuple(traded.values()),
            parser=BinanceParser(traded, found.market),
            venue_symbol_of_file=found.venue_symbol_of_file,
        )
        self.feed = Feed(self.plan, lambda: windows_of(self._tape))

    def request_snapshot(self, record: Record) -> None:
        """Nobody answers: a tape holds the snapshots that it holds."""

    def kept(self) -> None:
        """A tape is read again from its begin."""

    def go_on(self, kept: bytes) -> None:
        """Nothing is ever kept of it."""

    @property
    def steps_back(self) -> int:
        """Recorders race, and their clocks are set: small steps are taken as they come."""
        return self._tape.steps_back

    def progress(self) -> float:
        """Bytes read of all bytes."""
        return self._tape.bytes_read / self._tape.bytes_total


class _Kept(Struct, kw_only=True):
    """A drawn market behind one of its windows."""

    market: KeptMarket
    feed: FeedPlace
    line: int
    asked: int
    requests: dict[int, str]


class DrawnMarket:
    """The simulated market, for some minutes of its time."""

    heeds_requests = True
    steps_back = 0

    def __init__(
        self, seed: int, minutes: int, crash_pct: int = 0, *, activity: float = 1.0
    ) -> None:
        """Halfway, prices fall by so many percent within a second; 0: they don't.

        `activity` is how busy it is, against the market that it was fitted to.
        """
        self._seed = seed
        fitted = load_parameters()
        drawn = msgspec.structs.replace(fitted, activity=fitted.activity * activity)
        self._parameters = _with_crash(drawn, minutes * 30, crash_pct)
        self._ts_end = TS_SIMULATED + minutes * 60_000_000_000
        self._requests: dict[int, str] = {}
        """The instrument, by the position of the input that made ingestion ask."""
        self._asked = 0
        """The position up to which the market was asked."""
        self._line = 0
        """Frames so far."""
        self._names = {each.id: each.venue_symbol for each in self._parameters.instruments}
        traded = {each.venue_symbol: each for each in self._parameters.instruments}
        self.plan = FeedPlan(
            venue=self._parameters.instruments[0].venue,
            instruments=self._parameters.instruments,
            parser=BinanceParser(traded, "spot"),
            venue_symbol_of_file={},
        )
        self.feed = Feed(self.plan, self._windows)

    def request_snapshot(self, record: Record) -> None:
        """Ask the market, when the window is over in which ingestion asked."""
        message = record.message
        if isinstance(message, RequestSnapshot):
            self._requests[record.input_offset] = message.instrument

    def progress(self) -> float:
        """Time passed of all time."""
        passed = max(0, self.feed.ts_local - TS_SIMULATED)
        return passed / (self._ts_end - TS_SIMULATED)

    def kept(self) -> tuple[int, bytes] | None:
        """The market and its feed behind the latest window."""
        place = self.feed.place
        if place is None:
            return None
        kept = _Kept(
            market=self._market.kept(),
            feed=place,
            line=self._line,
            asked=self._asked,
            requests={at: name for at, name in self._requests.items() if at >= self._asked},
        )
        return place.end, msgspec.msgpack.encode(kept)

    def go_on(self, kept: bytes) -> None:
        """Go on from there."""
        found = msgspec.msgpack.decode(kept, type=_Kept)
        self._market = SimulatedMarket.going_on(self._parameters, found.market)
        self._line, self._asked = found.line, found.asked
        self._requests.update(found.requests)
        self.feed.go_on(found.feed, self._windows_from(found.market.state.until_ns))

    def _windows(self) -> Iterator[Window]:
        self._market = SimulatedMarket(self._parameters, self._seed, TS_SIMULATED)
        self._line = self._asked = 0
        yield from self._windows_from(TS_SIMULATED)

    def _windows_from(self, ts: Nanos) -> Iterator[Window]:
        for ts_begin in range(ts, self._ts_end, CLOCK_PERIOD_NS):
            self._answer(ts_begin)
            frames = [
                Frame(self.plan.venue, self._line + place, ts, payload)
                for place, (ts, payload) in enumerate(
                    self._market.frames(ts_begin + CLOCK_PERIOD_NS), 1
                )
            ]
            self._line += len(frames)
            if frames:
                yield Window(ts_begin, frames)

    def _answer(self, ts: Nanos) -> None:
        # What was asked in the window before, it is asked at its end.
        for position in sorted(self._requests):
            if self._asked <= position < self.feed.end:
                self._market.request_snapshot(self._names[self._requests[position]], ts)
        self._asked = self.feed.end


def _with_crash(parameters: Parameters, at_s: int, crash_pct: int) -> Parameters:
    if not crash_pct:
        return parameters
    shocks = tuple(
        Shock(venue_symbol=each.venue_symbol, at_s=at_s, move_bps=-100 * crash_pct, duration_s=1)
        for each in parameters.instruments
    )
    return msgspec.structs.replace(parameters, shocks=(*parameters.shocks, *shocks))
