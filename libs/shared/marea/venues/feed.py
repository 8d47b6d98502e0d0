"""How do a venue's frames become the ordered inputs of ingestion?

Frames come in windows of our clock. A window begins with the `Clock` of each stream: our time less
the estimated offset, and so the venue's. Then come its messages, each read or, where it can't be,
a dead letter. All of it follows from the frames alone: a feed that begins anew gives the same
inputs at the same positions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import PurePath
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from marea.domain import clock_offset
from marea.domain.clock_offset import OffsetState
from marea.domain.instrument import Instrument
from marea.errors import BadInput
from marea.messages.envelope import Log, Message, Nanos, Record, Writer
from marea.messages.ids import content_number, market_id
from marea.messages.market import InstrumentChanged, Observation
from marea.messages.system import Clock, ClockOffset, DeadLetter
from marea.venues.port import UnreadableMessage
from marea.venues.tape import Frame

CLOCK_PERIOD_NS = 100_000_000
STAMPS_AHEAD_MIN = 9
"""The first clock waits for so many stamped messages: one wrong stamp among them is no harm."""
WINDOWS_AHEAD_MAX = 50
"""It waits no longer than this; without any stamped message our clock is taken for the venue's."""
SET_NS_MIN = 10_000_000_000
"""A step of our clock from one window to the next that is held against the venue's stamps."""
STAMP_OFF_NS_MAX = 86_400_000_000_000
"""How far a venue's stamp may lie from our clock: the clock of a stream never comes back."""


class Window(NamedTuple):
    """The frames of one period of our clock."""

    ts_begin: Nanos
    frames: Sequence[Frame]


def windows_of(frames: Iterable[Frame]) -> Iterator[Window]:
    """Frames in windows of `CLOCK_PERIOD_NS`, without the empty ones.

    A frame from before its window, where a recorder's clock was set back, stays in it.
    """
    ts_begin: Nanos = 0
    gathered: list[Frame] = []
    for frame in frames:
        if frame.ts_local >= ts_begin + CLOCK_PERIOD_NS:
            if gathered:
                yield Window(ts_begin, gathered)
                gathered = []
            ts_begin = frame.ts_local - frame.ts_local % CLOCK_PERIOD_NS
        gathered.append(frame)
    if gathered:
        yield Window(ts_begin, gathered)


def _ending_in(err: BadInput) -> Iterator[Window]:
    yield from ()
    raise err


class Parser(Protocol):
    """Reads what a venue sends."""

    @property
    def unstamped(self) -> Set[type[Observation]]:
        """Messages to which the venue gives no time: their `ts_event` is `ts_known`."""
        ...

    def parse(
        self, payload: bytes, ts_known: Nanos, venue_symbol: str | None = None
    ) -> Observation:
        """The message in a payload. Raises `UnreadableMessage` where there is none."""
        ...


class FeedPlan(NamedTuple):
    """What a feed brings, and how it is read."""

    venue: str
    instruments: Sequence[Instrument]
    parser: Parser
    venue_symbol_of_file: Mapping[str, str]
    """Whose a message without a symbol is, by `Frame.file`."""

    @property
    def log(self) -> Log:
        """What ingestion calls this input."""
        return Log("feed", self.venue)


class FeedPlace(Struct, frozen=True, kw_only=True):
    """Where a feed stands behind one of its windows, as it is kept to go on from there."""

    end: int
    frame_count: int
    offset: OffsetState
    offset_ns: int
    ts_clock: Nanos
    ts_local: Nanos
    set_ns: Nanos
    streams: tuple[str, ...]


class Feed:
    """The inputs of ingestion, at positions that are the same each time."""

    def __init__(self, plan: FeedPlan, begin: Callable[[], Iterator[Window]]) -> None:
        """`begin` gives the windows anew from the first."""
        self._plan = plan
        self._parser = plan.parser
        self._venue_symbol_of_file = plan.venue_symbol_of_file
        self._begin = begin
        self._writer = Writer(producer=f"feed/{plan.venue}", epoch=0, build="")
        self._instruments = {instrument.id: instrument for instrument in plan.instruments}
        self._restart()

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:  # noqa: ARG002 # it has one log
        """The rest of the window that holds `position`, at most `limit` inputs; none at the end."""
        if position < self._first:
            self._restart()
        while position >= self._first + len(self._ready):
            if not self._next_window():
                return ()
        start = position - self._first
        return self._ready[start : start + limit]

    @property
    def place(self) -> FeedPlace | None:
        """Behind the latest window; None while it has looked ahead, or not begun.

        The samples of clocks are its own, and change with it.
        """
        if self._held or not self._ts_clock:
            return None
        return FeedPlace(
            end=self.end,
            frame_count=self.frame_count,
            offset=self._offset,
            offset_ns=self._offset_ns,
            ts_clock=self._ts_clock,
            ts_local=self._ts_local,
            set_ns=self._set_ns,
            streams=tuple(self._streams),
        )

    @property
    def end(self) -> int:
        """The position after the latest window."""
        return self._first + len(self._ready)

    @property
    def ts_local(self) -> Nanos:
        """The begin of the latest window, by our clock."""
        return self._ts_local

    def _restart(self) -> None:
        self._windows = self._begin()
        self._held: list[Window] = []
        """Windows before the first offset was known."""
        self._offset = OffsetState()
        self._offset_ns = 0
        self._ts_clock: Nanos = 0
        self._ts_local: Nanos = 0
        self._set_ns: Nanos = 0
        """How far our clock was set since the first window."""
        self._streams: dict[str, None] = {}
        """Instruments seen so far."""
        self.frame_count = 0
        """What the market brought so far, read or not."""
        self._first = 0
        """The position of the first of those that are ready."""
        self._ready: list[Record] = []

    def go_on(self, place: FeedPlace, windows: Iterator[Window]) -> None:
        """Stand there, with the windows that follow."""
        self._restart()
        self._windows = windows
        self._first, self.frame_count = place.end, place.frame_count
        self._offset, self._offset_ns = place.offset, place.offset_ns
        self._ts_clock, self._ts_local = place.ts_clock, place.ts_local
        self._set_ns = place.set_ns
        self._streams = dict.fromkeys(place.streams)

    def _next_window(self) -> bool:
        window = self._held.pop(0) if self._held else next(self._windows, None)
        if window is None:
            return False
        if not self._ts_clock:
            self._find_offset(window)
        window = self._on_one_clock(window)
        self._first += len(self._ready)
        self._ready = []
        self._ts_local = window.ts_begin
        self._tell_time()
        self.frame_count += len(window.frames)
        self._take(window.frames)
        return True

    # Time

    def _find_offset(self, window: Window) -> None:
        # It looks ahead, so that the first clock stands on the venue's time already.
        ahead = [window, *self._held]
        seen: list[tuple[Nanos, Nanos]] = []
        for _ in range(WINDOWS_AHEAD_MAX):
            seen += self._stamps(ahead[-1].frames)
            following = None if len(seen) >= STAMPS_AHEAD_MIN else self._look_ahead()
            if following is None:
                break
            ahead.append(following)
        self._held = ahead[1:]
        differences_ns = [ts_local - ts_venue for ts_local, ts_venue in seen]
        self._offset = clock_offset.begun(differences_ns)
        for ts_local, ts_venue in seen:
            clock_offset.sample(self._offset, ts_local, ts_venue)
        found = clock_offset.to_tell(self._offset)
        self._offset_ns = found.offset_ns if found else 0
        self._offset = clock_offset.begun(differences_ns)

    def _on_one_clock(self, window: Window) -> Window:
        # A clock that is set steps, and the venue's stamps don't: the clock of a stream never comes
        # back, so it must not follow. Where no stamp tells, a step is taken for a quiet time.
        stepped_ns = window.ts_begin - self._set_ns - self._ts_local
        is_step = not 0 <= stepped_ns <= SET_NS_MIN
        if self._ts_clock and (self._set_ns or is_step):
            ahead_ns = sorted(local - stamp for local, stamp in self._stamps(window.frames))
            if ahead_ns:
                off_ns = ahead_ns[len(ahead_ns) // 2] - self._offset_ns
                self._set_ns = off_ns if abs(off_ns) > SET_NS_MIN else 0
            if self._set_ns:  # each window has an instant of its own
                latest_ns = window.ts_begin - self._ts_local - CLOCK_PERIOD_NS
                self._set_ns = min(self._set_ns, latest_ns)
        if not self._set_ns:
            return window
        frames = [replace(each, ts_local=each.ts_local - self._set_ns) for each in window.frames]
        return Window(window.ts_begin - self._set_ns, frames)

    def _look_ahead(self) -> Window | None:
        try:
            return next(self._windows, None)
        except BadInput as err:
            self._windows = _ending_in(err)  # it is told at its place, after what comes before
            return None

    def _stamps(self, frames: Sequence[Frame]) -> Iterator[tuple[Nanos, Nanos]]:
        for frame in frames:
            with suppress(UnreadableMessage):
                observed = self._observe(frame, frame.ts_local)
                if type(observed) not in self._parser.unstamped:
                    yield frame.ts_local, observed.ts_event

    def _tell_time(self) -> None:
        offset = clock_offset.to_tell(self._offset)
        if offset is not None:
            clock_offset.tell(self._offset, offset)
            self._offset_ns = offset.offset_ns
        self._ts_clock = max(self._ts_clock, self._ts_local - self._offset_ns)
        for stream in self._streams:
            if offset is not None:
                self._put(self._offset_message(stream, offset))
            self._put(self._clock_message(stream))

    def _clock_message(self, stream: str) -> Clock:
        ts = self._ts_clock
        return Clock(id=market_id(stream, "clock", self._ts_local), ts_event=ts, stream=stream)

    def _offset_message(self, stream: str, offset: clock_offset.Offset) -> ClockOffset:
        return ClockOffset(
            id=market_id(stream, "clock_offset", self._ts_local),
            ts_event=self._ts_clock,
            stream=stream,
            offset_ns=offset.offset_ns,
            uncertainty_ns=offset.uncertainty_ns,
            sample_count=offset.sample_count,
        )

    # Messages

    def _take(self, frames: Sequence[Frame]) -> None:
        offset_ns, writer, ready = self._offset_ns, self._writer, self._ready
        unstamped = self._parser.unstamped
        for frame in frames:
            ts_known = frame.ts_local - offset_ns
            message: Message
            try:
                message = observed = self._observe(frame, ts_known)
            except UnreadableMessage as err:
                message = self._dead_letter(frame, ts_known, err)
            else:
                if type(observed) not in unstamped:
                    clock_offset.sample(self._offset, frame.ts_local, observed.ts_event)
                if observed.instrument not in self._streams:
                    self._begin_stream(observed.instrument)
            ready.append(
                Record(
                    message=message,
                    writer=writer,
                    seq=self._first + len(ready),
                    ts_known=ts_known,
                    ts_origin=ts_known,
                )
            )

    def _observe(self, frame: Frame, ts_known: Nanos) -> Observation:
        if frame.reason:
            raise UnreadableMessage(frame.reason, frame.detail)
        whose = self._venue_symbol_of_file.get(frame.file)
        observed = self._parser.parse(frame.payload, ts_known, whose)
        if abs(observed.ts_event - frame.ts_local) > STAMP_OFF_NS_MAX:
            raise UnreadableMessage(
                "bad_time",
                f"stamp {observed.ts_event}: expected within a day of its arrival {frame.ts_local}",
            )
        return observed

    def _begin_stream(self, stream: str) -> None:
        instrument = self._instruments[stream]
        self._streams[stream] = None
        self._put(
            InstrumentChanged(
                id=market_id(stream, "instrument", self._ts_clock),
                ts_event=self._ts_clock,
                instrument=stream,
                price_scale=instrument.price_scale,
                qty_scale=instrument.qty_scale,
                venue=instrument.venue,
                venue_symbol=instrument.venue_symbol,
                kind=instrument.kind,
                base=instrument.base,
                quote=instrument.quote,
                price_increment=instrument.price_increment,
                qty_increment=instrument.qty_increment,
                notional_min=instrument.notional_min,
                book_sequencing=instrument.book_sequencing,
                valid_from=self._ts_clock,
            )
        )
        self._put(self._clock_message(stream))

    def _dead_letter(self, frame: Frame, ts_known: Nanos, err: UnreadableMessage) -> DeadLetter:
        place = f"{PurePath(frame.file).name}:{frame.line}"
        number = content_number(self._plan.venue, ts_known, place.encode() + frame.payload)
        return DeadLetter(
            id=f"{self._plan.venue}:dead_letter:{number}",
            ts_event=ts_known,
            source=self._plan.venue,
            place=place,
            reason=err.reason,
            detail=err.detail,
            payload=frame.payload,
        )

    def _put(self, message: Message) -> None:
        position = self._first + len(self._ready)
        ts = self._ts_clock
        self._ready.append(
            Record(message=message, writer=self._writer, seq=position, ts_known=ts, ts_origin=ts)
        )
