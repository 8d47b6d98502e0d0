"""Does each core decide again what the logs of a fleet hold?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.messages.channels import load_channels
from marea.messages.envelope import Log, Record
from marea.runtime.counting import Counted
from marea.runtime.loop import Loop
from marea.runtime.processes import load_process_settings
from marea.runtime.settings import find_config_dir, load_settings
from marea.runtime.shard import instruments_of
from marea.runtime.telemetry import NoTelemetry
from marea.runtime.wiring import Ports, Source
from services.execution.main import execution_config, execution_loop
from services.features.main import features_config, features_loop
from services.risk.main import marks_loop, risk_config, risk_loop
from services.signals.main import signals_config, signals_loop
from tests.simulation.replaying import replayed
from tests.simulation.schedule import outcome_of

EVERY_NS = 10**18
"""A replay keeps no snapshots."""


def differences(logs: Mapping[Log, Sequence[Record]], environment: Mapping[str, str]) -> list[str]:
    """What the cores between the market and its orders would say otherwise than it stands there."""
    bus = MemoryBus()
    for log, records in logs.items():
        outcome_of(bus.append(log, records))
    return [
        f"{each.loop} at {each.input_log} {each.position} decides otherwise: {each.detail}"
        for loop in _loops(bus, environment)
        for each in replayed(loop, _source(loop.wiring.input_log, bus), bus)
    ]


def _source(log: Log, bus: MemoryBus) -> Source:
    # Where there is a fast copy, a position counts what is taken.
    return Counted(log, bus) if log.channel in load_channels().doubled else bus


def _loops(bus: MemoryBus, environment: Mapping[str, str]) -> Iterator[Loop[Any]]:
    folder = find_config_dir(None, environment)
    settings = load_settings(folder, environment)
    own = load_process_settings(folder, environment)
    shard, build = own.shard.name, "again"
    ports = Ports(source=bus, bus=bus, snapshots=MemorySnapshots(), telemetry=NoTelemetry())
    features, risk = features_config(settings, shard), risk_config(settings)
    for each in instruments_of(own):
        yield features_loop(features, each, ports, build, EVERY_NS)
        yield marks_loop(risk.portfolio, each, ports, build, EVERY_NS)
    yield signals_loop(
        signals_config(settings, shard), settings.portfolio.name, ports, build, EVERY_NS
    )
    yield risk_loop(risk, ports, build, EVERY_NS)
    yield execution_loop(execution_config(settings), ports, build, EVERY_NS)
