"""Would a life that never ended have said the same? Each core takes its whole record once more.

Whatever a start forgets, repeats or leaves out shows as a difference: the record alone, taken from
its first input on, must give everything again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from msgspec import structs

from marea.bus.memory import MemoryBus
from marea.messages.channels import load_channels
from marea.messages.envelope import Log, Record
from marea.messages.system import Started
from marea.runtime.intake import Intake, Taken
from marea.runtime.replay import CannotFollow, Difference, Replay
from tests.simulation.process import AnyLoop
from tests.simulation.schedule import outcome_of
from tests.simulation.world import World


def differences_of(world: World) -> Iterator[tuple[str, str]]:
    """What each core would say otherwise than it stands on record: who, and what."""
    if any(fault.kind == "upgrade" for _, fault in world.faults.struck):
        return  # another build and other limits: what differs is told as a divergence
    bus = _taken(world)
    for name, process in world.processes.items():
        loop = process.loop
        if name == "ingestion" or name.endswith("/b") or loop is None:
            continue
        for each in replayed(loop, bus):
            yield each.loop, f"{each.loop} at {each.input_log} {each.position}: {each.detail}"


def is_doubled(world: World, log: Log) -> bool:
    """Whether a log has a fast copy, so that a position on it counts what is taken."""
    return world.is_doubled and log.channel in load_channels().doubled


def taken_of(world: World, log: Log) -> Iterator[Taken]:
    """What readers take of a log, without copies and void records."""
    intake = Intake(log)
    for position, record in enumerate(world.cluster.records_of(log)):
        yield from intake.take(position, record)


def _taken(world: World) -> MemoryBus:
    bus = MemoryBus()
    for log in world.cluster.logs:
        records = world.cluster.records_of(log)
        if is_doubled(world, log):
            records = renumbered(taken_of(world, log))
        outcome_of(bus.append(log, records))
    return bus


def renumbered(taken: Iterable[Taken]) -> list[Record]:
    """What is taken as a log of its own: an epoch is the place of a start, and starts have others."""
    found: list[Record] = []
    epochs: dict[tuple[str, int], int] = {}
    for place, (position, record) in enumerate(taken):
        writer = record.writer
        if type(record.message) is Started:
            epochs[writer.producer, position] = place
        epoch = epochs.get((writer.producer, writer.epoch), writer.epoch)
        found.append(structs.replace(record, writer=structs.replace(writer, epoch=epoch)))
    return found


def replayed(loop: AnyLoop, bus: MemoryBus) -> list[Difference]:
    """What this loop says otherwise than it stands on these logs, of which all is taken."""
    loop.ports = replace(loop.ports, source=bus)
    replay = Replay(loop, bus, is_whole=False)
    try:
        outcome_of(replay.start())
        while outcome_of(replay.step()):
            pass
    except CannotFollow as err:
        log: Log = loop.wiring.input_log
        return [
            Difference(
                loop=loop.wiring.name,
                log=log,
                input_log=log,
                position=-1,
                ts=0,
                recorded=None,
                decided=None,
                detail=str(err),
            )
        ]
    return replay.comparison.differences
