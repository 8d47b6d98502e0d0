"""Which loops wrote these logs, and what was each told? Their starts say it.

Each life of a loop begins with a `Started` that holds its configuration.
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


class Lived(Struct, kw_only=True):
    """A loop on record."""

    producer: str
    service: str
    log: Log
    """The one that it writes to."""
    input_log: Log
    builds: list[str]
    """Of its lives, each once, by their last; so are the configurations."""
    configs: list[str]


async def lived_on(bus: Bus) -> Sequence[Lived]:
    """Who wrote to the derived logs."""
    found: list[Lived] = []
    for log in sorted(await bus.ends()):
        if log.channel not in DERIVED:
            continue
        here: dict[str, Lived] = {}
        async for placed in forward(bus, log):
            record = placed.record
            if isinstance(record.message, Started):
                _begin(here, log, record, record.message)
        found += here.values()
    return found


def _begin(here: dict[str, Lived], log: Log, record: Record, started: Started) -> None:
    writer = record.writer
    known = here.setdefault(
        writer.producer,
        Lived(
            producer=writer.producer,
            service=started.service,
            log=log,
            input_log=writer.input_log or log,
            builds=[],
            configs=[],
        ),
    )
    for told, kept in ((started.build, known.builds), (started.config, known.configs)):
        if told in kept:
            kept.remove(told)
        kept.append(told)


def loop_of(lived: Lived, bus: Bus, markets: Sequence[str]) -> AnyLoop:
    """The loop as its last life was told to be; it is not started.

    `markets` are the instruments whose markets the paper venue hears. Raises `BadInput` for a
    configuration that this build has not, or a loop that it doesn't know.
    """
    source = lived.input_log
    is_counted = source.channel in load_channels().doubled
    ports = Ports(
        source=Counted(source, bus) if is_counted else bus, bus=bus, snapshots=MemorySnapshots()
    )
    wired = ports, lived.builds[-1], NO_SNAPSHOT_NS
    match lived.service, source.channel:
        case features.SERVICE, "market":
            return features_loop(_told(lived, FeaturesConfig), source.partition, *wired)
        case signals.SERVICE, "features":
            return signals_loop(_told(lived, SignalsConfig), lived.log.partition, *wired)
        case risk.SERVICE, "market":
            return marks_loop(lived.log.partition, source.partition, *wired)
        case risk.SERVICE, "trading":
            return risk_loop(_told(lived, RiskConfig), *wired)
        case execution.SERVICE, "trading":
            return execution_loop(_told(lived, ExecutionConfig), *wired)
        case paper.SERVICE, "paper":
            config = _told(lived, PaperConfig)
            merge = Merge(bus, ports.snapshots, config.account, markets, waits_for_all=True)
            return paper_loop(config, merge, *wired)
        case _:
            raise BadInput(
                f"{lived.log}: {lived.producer} of {lived.service} began on {source}, and this "
                f"build has no such loop: use the build that wrote it, {lived.builds[-1]}"
            )


def _told(lived: Lived, kind: type[Config]) -> Config:
    try:
        return [msgspec.json.decode(config, type=kind) for config in lived.configs][-1]
    except msgspec.DecodeError as err:
        raise BadInput(
            f"{lived.log}: {lived.producer} began with a configuration that this build has not "
            f"({err}): use a build that wrote it, {', '.join(lived.builds)}"
        ) from err
