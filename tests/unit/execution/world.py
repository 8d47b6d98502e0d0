"""A core, its shell and a small venue, step by step, with crashes between any two steps."""

from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from marea.messages.envelope import Log, Message, Nanos, Record, Writer
from marea.messages.ids import output_id
from marea.messages.portfolio import RiskDecision
from services.execution.core import (
    SERVICE,
    ExecutionInput,
    ExecutionOutput,
    ExecutionState,
    apply,
    begin,
    decide,
)
from services.execution.shell.venue import Shell, arrivals_of, effects_of
from tests.unit.execution.small_venue import SmallVenue
from tests.unit.execution.trading import (
    ASK,
    BID,
    CONFIG,
    Told,
    account,
    clock,
    instrument,
    mark,
    opened,
    started,
    ts,
)

WRITER = Writer(producer="execution/main", epoch=0, build="b", input_log=Log("trading", "main"))


@dataclass
class World:
    """What stands on the log, what is still to be acted on, and the venue."""

    state: ExecutionState = field(default_factory=lambda: begin(CONFIG))
    venue: SmallVenue = field(default_factory=lambda: SmallVenue(told=Told(), protects=True))
    now_ms: int = 0
    latency_ms: int = 0
    log: list[Message] = field(default_factory=list)
    heard: list[ExecutionInput] = field(default_factory=list)
    """Of the log, what was not said by the core."""
    waiting: list[Record] = field(default_factory=list)
    """Outputs that the shell has not acted on yet."""
    answers: list[ExecutionInput] = field(default_factory=list)
    """What the shell has to say and is not on the log yet."""
    answered: list[ExecutionInput] = field(default_factory=list)
    """What it said before."""
    decisions: list[RiskDecision] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tell(opened(), instrument(), mark(), clock(0), account())
        self.waiting = []

    def tell(self, *events: ExecutionInput) -> None:
        """Put events on the log and let the core take them."""
        for event in events:
            self.log.append(event)
            self.heard.append(event)
            before = msgspec.msgpack.encode(self.state)
            outputs = decide(self.state, event)
            assert decide(self.state, event) == outputs
            assert msgspec.msgpack.encode(self.state) == before, "decide only reads"
            apply(self.state, event)
            for output in outputs:
                self._say(event, output)

    def _say(self, event: ExecutionInput, output: ExecutionOutput) -> None:
        named = replace(
            output,
            id=output_id(SERVICE, Log("trading", "main"), output, event.id),
            ts_event=self.state.now,
            parents=(event.id, *output.parents),
        )
        apply(self.state, named)
        self.log.append(named)
        self.waiting.append(Record(message=named, writer=WRITER, seq=0, ts_known=self.state.now))

    def approve(self, decision: RiskDecision, ms: int = 5000) -> None:
        """Risk approves of something, for so long from now."""
        approved = replace(decision, id=f"d{len(self.decisions)}", ts_expiry=ts(self.now_ms + ms))
        self.decisions.append(approved)
        self.tell(approved)

    def wait(self, ms: int) -> None:
        """Time passes, and is told."""
        self.now_ms += ms
        self.venue.arrives_at = max(self.venue.arrives_at, ts(self.now_ms + self.latency_ms))
        self.tell(clock(self.now_ms))

    async def act(self) -> None:
        """The shell acts on what has waited longest; its answers are still to be heard."""
        shell = Shell(
            config=CONFIG,
            venue=self.venue,
            flush=_nothing,
            venue_time=self._time,
            top=lambda _: (BID, ASK),
        )
        effects = effects_of(shell)
        record = self.waiting.pop(0)
        if type(record.message) in effects:
            self.answers += await effects[type(record.message)](record)  # type: ignore[arg-type] # the shell gives inputs only

    def answer(self, place: int) -> None:
        """One of the shell's answers is put on the log."""
        self.answered.append(self.answers.pop(place))
        self.tell(self.answered[-1])

    async def hear(self) -> None:
        """What has arrived from the venue is put on the log."""
        self.tell(*await arrivals_of(self.venue)(self.state, self._time()))  # type: ignore[arg-type] # the venue gives inputs only

    def crash(self) -> None:
        """The process dies and a new life begins: what waited is void, the state is as saved."""
        self.waiting, self.answers = [], []
        saved = msgspec.msgpack.encode(self.state)
        restored = msgspec.msgpack.decode(saved, type=ExecutionState)
        assert restored == self.state
        self.state = restored
        self.tell(started(name=f"started-{len(self.log)}"))

    async def settle(self) -> None:
        """All that was said arrives, the venue answers, and time passes until all must be over."""
        venue = self.venue
        venue.fate, venue.is_away, venue.is_slow, self.latency_ms = "taken", False, False, 0
        for _ in range(45):
            while venue.on_way:
                venue.let_in(0)
            while self.waiting:
                await self.act()
            while self.answers:
                self.answer(0)
            self.wait(1000)
            await self.hear()

    def _time(self) -> Nanos:
        return ts(self.now_ms)


async def _nothing() -> None:
    pass
