"""Which loops wrote these logs, and what was each told? Their starts say it.

Each life of a loop begins with a `Started` that holds its configuration. Lives that follow each other
with the same one are one stretch; where it changes, the next stretch begins.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from marea.bus.memory import MemorySnapshots
from marea.bus.port import Bus
from marea.errors import BadInput
from marea.messages.channels import load_channels
from marea.messages.envelope import Log, Record
from marea.messages.system import Started
from marea.runtime.counting import Counted
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from services.execution import core as execution
from services.execution.config import ExecutionConfig
from services.execution.main import execution_loop
from services.features import core as features
from services.features.config import FeaturesConfig
from services.features.main import features_loop
from services.paper import core as paper
from services.paper.config import PaperConfig
from services.paper.main import paper_loop
from services.paper.shell.merge import Merge
from services.risk import core as risk
from services.risk.config import RiskConfig
from services.risk.main import marks_loop, risk_loop
from services.signals import core as signals
from services.signals.config import SignalsConfig
from services.signals.main import signals_loop
from services.standalone.history import forward

AnyLoop: TypeAlias = Loop[Any]
Config = TypeVar("Config")

DERIVED = ("features", "paper", "trading")
"""Channels on which loops say what follows from a log. Ingestion hears a venue, which no log holds."""
NO_SNAPSHOT_NS = 1 << 62


class Stretch(Struct, kw_only=True):
    """What a loop said under one configuration."""

    producer: str
    service: str
    log: Log
    """The one that it writes to."""
    input_log: Log
    build: str
    config: str
    first: int = -1
    """The position of the first input that it said something of; -1: of none."""
    last: int = -1
    """And of the last one."""


async def stretches_of(bus: Bus) -> Sequence[Stretch]:
    """Who said what stands on the derived logs, each loop's stretches in their order."""
    found: list[Stretch] = []
    for log in sorted(await bus.ends()):
        if log.channel not in DERIVED:
            continue
        present: dict[str, tuple[int, Stretch]] = {}
        async for placed in forward(bus, log):
            record, producer = placed.record, placed.record.writer.producer
            if isinstance(record.message, Started):
                _, before = present.get(producer, (-1, None))
                stretch = _stretch(log, record, record.message)
                if before is None or not _is_same(before, stretch):
                    found.append(stretch)
                else:
                    stretch = before
                present[producer] = placed.position, stretch
            elif producer in present and record.input_offset >= 0:
                _go_on(record, *present[producer])
    return found


def _stretch(log: Log, record: Record, started: Started) -> Stretch:
    writer = record.writer
    return Stretch(
        producer=writer.producer,
        service=started.service,
        log=log,
        input_log=writer.input_log or log,
        build=started.build,
        config=started.config,
    )


def _is_same(before: Stretch, now: Stretch) -> bool:
    return (before.config, before.build, before.input_log) == (now.config, now.build, now.input_log)


def _go_on(record: Record, epoch: int, stretch: Stretch) -> None:
    if record.writer.epoch != epoch:
        return  # of a life that was over
    if stretch.first < 0:
        stretch.first = record.input_offset
    stretch.last = max(stretch.last, record.input_offset)


def loop_of(stretch: Stretch, bus: Bus, markets: Sequence[str]) -> AnyLoop:
    """The loop that a stretch is of, as it was told to be; it is not started.

    `markets` are the instruments whose markets the paper venue hears. Raises `BadInput` for a
    configuration that this build has not, or a loop that it doesn't know.
    """
    source = stretch.input_log
    is_counted = source.channel in load_channels().doubled
    ports = Ports(
        source=Counted(source, bus) if is_counted else bus, bus=bus, snapshots=MemorySnapshots()
    )
    wired = ports, stretch.build, NO_SNAPSHOT_NS
    match stretch.service, source.channel:
        case features.SERVICE, "market":
            return features_loop(_told(stretch, FeaturesConfig), source.partition, *wired)
        case signals.SERVICE, "features":
            return signals_loop(_told(stretch, SignalsConfig), stretch.log.partition, *wired)
        case risk.SERVICE, "market":
            return marks_loop(stretch.log.partition, source.partition, *wired)
        case risk.SERVICE, "trading":
            return risk_loop(_told(stretch, RiskConfig), *wired)
        case execution.SERVICE, "trading":
            return execution_loop(_told(stretch, ExecutionConfig), *wired)
        case paper.SERVICE, "paper":
            config = _told(stretch, PaperConfig)
            merge = Merge(bus, ports.snapshots, config.account, markets, waits_for_all=True)
            return paper_loop(config, merge, *wired)
        case _:
            raise BadInput(
                f"{stretch.log}: {stretch.producer} of {stretch.service} began on {source}, and this "
                f"build has no such loop: use the build that wrote it, {stretch.build}"
            )


def _told(stretch: Stretch, kind: type[Config]) -> Config:
    try:
        return msgspec.json.decode(stretch.config, type=kind)
    except msgspec.DecodeError as err:
        raise BadInput(
            f"{stretch.log}: {stretch.producer} began with a configuration that this build has not "
            f"({err}): use the build that wrote it, {stretch.build}"
        ) from err
