"""Did a world come out right? Its logs by every invariant, and whether all has settled."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from marea.bus.memory import MemoryBus
from marea.invariants.checker import check_bus
from marea.invariants.decisions import WithinRates
from marea.invariants.orders import HaltEnds
from marea.invariants.venue import SameAsVenue
from marea.invariants.violation import Violation
from marea.messages.envelope import Log, Nanos
from marea.messages.orders import AccountReported, ReconciliationDone
from marea.messages.portfolio import Mark
from marea.messages.system import Clock, Degraded
from services.execution.core import decide as execution_decide
from services.execution.core.life import UNSETTLED
from services.execution.core.reasons import UNPROTECTED
from services.execution.core.state import ExecutionState
from tests.simulation.faults import SECOND
from tests.simulation.market import INSTRUMENTS
from tests.simulation.replaying import differences_of, is_doubled, taken_of
from tests.simulation.schedule import outcome_of
from tests.simulation.world import World

BY_THE_CLOCK = ("WATCHED late send", "WATCHED expired send")
STANDBY_OF = ("risk/", "execution/")
SILENCE_NS_MAX: Nanos = 5 * SECOND


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with how a world came out."""

    code: str
    """An invariant's number and code, or `UNSETTLED` and what did not settle."""
    what: str
    event: str = ""
    """The id of the first event that shows it."""
    log: str = ""
    position: int = -1


def judge(world: World) -> Sequence[Finding]:
    """All that is wrong."""
    return [*_broken(world), *_watched(world), *_unsettled(world), *_replayed(world)]


def is_settled(world: World) -> bool:
    """Whether nothing is open any more, so that the rest of the day would show nothing."""
    return next(_unsettled(world), None) is None


def whole_record(world: World) -> MemoryBus:
    """Every log of the run, with the venue's account and its engine's clocks beside ours."""
    bus = MemoryBus()
    for log in outcome_of(world.cluster.ends()):
        outcome_of(bus.append(log, world.cluster.records_of(log)))
    account = world.exchange.log
    outcome_of(bus.append(account, outcome_of(world.exchange.bus.read(account, 0, 1 << 30))))
    for name, clocks in world.exchange.clocks.items():
        outcome_of(bus.append(Log("engine", name), clocks))
    return bus


def _broken(world: World) -> Iterator[Finding]:
    for each in outcome_of(check_bus(whole_record(world))):
        if _is_excused(world, each):
            continue
        yield Finding(
            code=f"{each.number} {each.code}",
            what=f"{each.what}: expected {each.expected}, found {each.found}",
            event=each.event,
            log=each.log,
            position=each.position,
        )


def _is_excused(world: World, each: Violation) -> bool:
    # A venue that is away ends nothing within 5 s, and one that lists nothing tells what isn't so.
    if each.code == HaltEnds.code and each.log == str(TRADING):
        record = world.cluster.records_of(TRADING)[each.position]
        return type(record.message) is Clock and record.ts_known < world.halt
    # A sender whose clock was set back counts what it sent before and after as one second.
    if each.code == WithinRates.code:
        return _is_sender_set_back(world)
    if each.code == SameAsVenue.code and each.log == str(TRADING):
        told = world.cluster.records_of(TRADING)[each.position].message
        return isinstance(told, AccountReported) and not told.balances
    return False


def _is_sender_set_back(world: World) -> bool:
    return any(
        fault.kind == "clock_set_back" and fault.place.startswith("execution/")
        for _, fault in world.faults.struck
    )


def _replayed(world: World) -> Iterator[Finding]:
    for loop, what in differences_of(world):
        yield Finding(code="REPLAYED otherwise", what=what, log=loop)


def _watched(world: World) -> Iterator[Finding]:
    # By the sender's clock that was set back it may still be time.
    was_set_back = _is_sender_set_back(world)
    for code, what, event in world.watch.seen:
        if not (was_set_back and code in BY_THE_CLOCK):
            yield Finding(code=code, what=what, event=event)
    if not any(fault.kind == "power_cut" for _, fault in world.faults.struck):
        for producer, what in world.watch.untold():
            yield Finding(code="WATCHED untold divergence", what=what, log=producer)
    yield from _degraded(world)


def _degraded(world: World) -> Iterator[Finding]:
    degraded: dict[Log, list[bool]] = {}
    for log in sorted(world.cluster.logs):
        if not is_doubled(world, log):
            continue
        last: dict[str, Degraded] = {}
        is_so = degraded.setdefault(log, [])
        for record in taken_of(world, log):
            if isinstance(record.message, Degraded):
                last[record.writer.producer] = record.message
            is_so.append(any(not told.is_over for told in last.values()))
        for producer, told in last.items():
            if not told.is_over:
                what = f"{producer} says to the end that it is degraded"
                yield Finding(code="UNSETTLED degraded", what=what, event=told.id, log=str(log))
    yield from _trusted(world, degraded)


def _trusted(world: World, degraded: Mapping[Log, Sequence[bool]]) -> Iterator[Finding]:
    # Nobody calls a market fit to open in whose record is too far behind.
    for position, record in enumerate(world.cluster.records_of(TRADING)):
        mark, source = record.message, record.writer.input_log
        if not isinstance(mark, Mark) or mark.book_status != "LIVE" or source is None:
            continue
        if source in degraded and degraded[source][record.input_offset]:
            what = f"{mark.instrument} is LIVE while its market is degraded"
            yield Finding(code="WATCHED degraded", what=what, event=mark.id, position=position)


def _unsettled(world: World) -> Iterator[Finding]:
    for name, process in world.processes.items():
        loop = process.loop
        if name.startswith(STANDBY_OF) and process is not world.owner_of(name.partition("/")[0]):
            continue
        if loop is None or loop.has_stopped or loop.is_recovering:
            why = process.ends[-1][1] if process.ends else "it never began"
            yield Finding(code="UNSETTLED process", what=f"{name} does not run: {why}")
            continue
        end = _end_of(world, loop.wiring.input_log)
        if name != "ingestion" and loop.position < end:
            what = f"{name} has read {loop.position} of {end} of {loop.wiring.input_log}"
            yield Finding(code="UNSETTLED lag", what=what)
    yield from _silent(world)
    yield from _unsettled_orders(world)


def _end_of(world: World, log: Log) -> int:
    if not is_doubled(world, log):
        return world.cluster.end_of(log)
    return len(taken_of(world, log))


def _unlike_venue(world: World, state: ExecutionState) -> Iterator[Finding]:
    reported = outcome_of(world.exchange.venue.account())
    answers = execution_decide(state, reported) if state.sends else ()
    for answer in answers:
        assert isinstance(answer, ReconciliationDone)
        for difference in answer.differences:
            # Where one of two sells, the stop that both share goes with it: execution tells so, and
            # has a stop of its own at the mark for the other.
            is_told = difference.startswith(UNPROTECTED) and "crowded" in world.traits
            if not is_told:
                yield Finding(code="UNSETTLED reconciliation", what=difference)
    if state.sends and not answers:
        yield Finding(code="UNSETTLED reports", what="the venue told reports that were not taken")


def _unsettled_orders(world: World) -> Iterator[Finding]:
    loop = world.owner_of("execution").loop
    if loop is None:
        return
    state = loop.state
    for order in state.orders.values():
        if order.intent is not None and order.status in UNSETTLED:
            what = f"{order.client_order_id} is {order.status}"
            yield Finding(code="UNSETTLED order", what=what, event=order.intent.id)
        elif order.leg == "entry" and order.intent is not None:
            what = f"entry {order.client_order_id} works after the halt: {order.status}"
            yield Finding(code="UNSETTLED order", what=what, event=order.intent.id)
    yield from _unlike_positions(state)
    yield from _unlike_venue(world, state)


def _unlike_positions(state: ExecutionState) -> Iterator[Finding]:
    # Nothing was held to begin with: what was bought is what there is.
    for name, position in state.positions.items():
        held = state.balances.get(state.instruments[name].base, 0)
        if position.net_qty != held:
            what = f"execution believes in {position.net_qty} of {name}, and {held} is there"
            yield Finding(code="UNSETTLED position", what=what)


def _silent(world: World) -> Iterator[Finding]:
    # The venue quotes to the end: so long may nobody be deaf.
    for each in INSTRUMENTS:
        log = Log("market", each.id)
        heard = max((record.ts_known for record in taken_of(world, log)), default=0)
        if heard < world.schedule.now - SILENCE_NS_MAX:
            what = f"{log} ends {(world.schedule.now - heard) / SECOND:.1f} s before the world does"
            yield Finding(code="UNSETTLED silence", what=what, log=str(log))


TRADING = Log("trading", "main")
