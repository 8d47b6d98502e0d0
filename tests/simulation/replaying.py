"""Would a life that never ended have said the same? Each core takes its whole record once more.

Whatever a start forgets, repeats or leaves out shows as a difference: the record alone, taken from
its first input on, must give everything again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from marea.bus.memory import MemoryBus
from marea.messages.channels import load_channels
from marea.messages.envelope import Log, Record
from marea.runtime.counting import Counted, Cursor
from marea.runtime.replay import CannotFollow, Difference, Replay
from marea.runtime.wiring import Source
from tests.simulation.process import AnyLoop
from tests.simulation.schedule import outcome_of
from tests.simulation.world import World


def differences_of(world: World) -> Iterator[tuple[str, str]]:
    """What each core would say otherwise than it stands on record: who, and what."""
    if world.release.is_other_code:
        return  # what differs is told as a divergence
    bus = MemoryBus()
    for log in world.cluster.logs:
        outcome_of(bus.append(log, world.cluster.records_of(log)))
    for name, process in world.processes.items():
        loop = process.loop
        if name == "ingestion" or name.endswith("/b") or loop is None:
            continue
        log = loop.wiring.input_log
        source = Counted(log, bus) if is_doubled(world, log) else bus
        for each in replayed(loop, source, bus):
            yield each.loop, f"{each.loop} at {each.input_log} {each.position}: {each.detail}"


def is_doubled(world: World, log: Log) -> bool:
    """Whether a log has a fast copy, so that a position on it counts what is taken."""
    return world.is_doubled and log.channel in load_channels().doubled


def taken_of(world: World, log: Log) -> Sequence[Record]:
    """What readers take of a log, without copies and void records."""
    cursor = Cursor()
    records = world.cluster.records_of(log)
    return [taken for record in records if (taken := cursor.take(record)) is not None]


def replayed(loop: AnyLoop, source: Source, bus: MemoryBus) -> list[Difference]:
    """What this loop says otherwise than it stands on these logs, of which all is taken."""
    loop.ports = replace(loop.ports, source=source)
    replay = Replay(loop, bus, is_whole=False, follows_lives=True)
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
