"""Does a recorded run decide the same again, and what would it decide with other settings?"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from marea.bus.memory import MemorySnapshots
from marea.bus.port import Bus
from marea.errors import BadInput
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.wire import to_wire
from marea.runtime.loop import Loop
from marea.runtime.replay import CannotFollow, Comparison, Difference, Replay, Tally
from marea.runtime.settings import Settings
from marea.runtime.sources import Layers, add_options
from marea.runtime.telemetry import NoTelemetry
from marea.runtime.validation import validated
from services.standalone import demo
from services.standalone.embedded import Embedded, this_build
from services.standalone.history import opened
from services.standalone.moments import time_text
from services.standalone.runs import Run, RunFolder
from services.standalone.stages import Ingesting, Stores, remind

OPTION = "--set"
Mode: TypeAlias = Literal["verify", "compare", "what-if"]
Told: TypeAlias = tuple[str, tuple[Log, ...]]
"""What a loop is told once, its configuration, and which logs it has."""


class Shown(Struct, frozen=True, kw_only=True):
    """A difference as it is told: amounts as texts, the time to the millisecond."""

    time: str
    type: str
    id: str
    loop: str
    log: str
    input: str
    """Log and position of what both followed from: `market/BTC-USDT.SIM#123`."""
    instrument: str
    """Empty where the message names none."""
    recorded: dict[str, Any] | None
    """None: there is none on record."""
    decided: dict[str, Any] | None
    """None: nothing is decided now."""
    detail: str
    """The first field that differs, with both values."""


class Replayed(Struct, kw_only=True):
    """What came of a replay: what `marea replay --json` prints."""

    run: str
    mode: Mode
    set: tuple[str, ...]
    """The settings that were changed: `risk.collar_pct=1.0`."""
    build: str
    """That decided now."""
    recorded_by: str
    """The build that began the run."""
    loops: tuple[str, ...]
    """Whose outputs were held against others."""
    compared: int
    identical: int
    different: int
    other_outcomes: int
    """Of those: something else would be done; in the others only numbers that were looked at differ."""
    beyond: int
    """Outputs after the end of a record that was cut off; nobody can tell what they are like."""
    by_type: dict[str, Tally]
    first_difference: Shown | None
    differences: list[Shown]
    """Those with another outcome first; of each type the first 100 of both."""


def changed_settings(run: Run, texts: Sequence[str]) -> Settings:
    """The run's settings with some values replaced, each given as `section.key=value`.

    Raises `BadInput` for a key that there isn't, or a value that it doesn't take.
    """
    place = f"the settings of run {run.id}"
    layers = Layers(demo.settings_of(run).model_dump(), {(): place})
    add_options(layers, OPTION, texts)
    return validated(Settings, layers)


class Composition:
    """The loops of a recorded run, as its settings make them, and as others would."""

    def __init__(self, run: Run, bus: Bus) -> None:
        """Raises `BadInput` where the run's settings, or what it was made from, can't be used."""
        self.recorded = demo.settings_of(run)
        self._run = run
        self._market = demo.open_market(demo.wish_of(run), self.recorded)
        self._stores = Stores(bus, MemorySnapshots())

    def loops(self, settings: Settings) -> Sequence[Loop[Any]]:
        """Those of the run under these settings, none of them started."""
        telemetry, build = NoTelemetry(), this_build()
        ingesting = Ingesting(settings, self._market, self._stores, telemetry, build)
        return Embedded(settings, ingesting, self._stores, telemetry, build).loops

    async def remind(self) -> None:
        """Let the market answer as it did when ingestion asked."""
        await remind(self._market, self._stores.bus)

    def concerned(self, texts: Sequence[str]) -> Sequence[Loop[Any]]:
        """The loops whose settings are others with these values; by another build, all of them.

        Raises `BadInput` for a value that no core decides by.
        """
        loops = self.loops(changed_settings(self._run, texts))
        now, before = _told(loops), _told(self.loops(self.recorded))
        for text in texts:
            if now == self._told_without(texts, text):
                raise BadInput(
                    f"{OPTION} {text} changes nothing that a core decides by: it has that value, "
                    "or only the shell uses it; leave it out"
                )
        if _logs(now) != _logs(before):
            raise BadInput(
                f"{OPTION} {' '.join(texts)} gives the run other logs, and nothing to compare them "
                "with; try --mode what-if"
            )
        if self._run.build != this_build():
            return loops
        return [loop for loop in loops if now[loop.wiring.name] != before[loop.wiring.name]]

    def _told_without(self, texts: Sequence[str], text: str) -> dict[str, Told]:
        try:
            settings = changed_settings(self._run, [each for each in texts if each != text])
            return _told(self.loops(settings))
        except BadInput:
            return {}  # the others rest on it


def _told(loops: Iterable[Loop[Any]]) -> dict[str, Told]:
    return {
        each.wiring.name: (each.wiring.config, (each.wiring.input_log, *each.wiring.outputs))
        for each in loops
    }


def _logs(told: Mapping[str, Told]) -> dict[str, tuple[Log, ...]]:
    return {name: logs for name, (_, logs) in told.items()}


def verify(folder: RunFolder, run: Run, show: demo.Progress) -> Replayed:
    """Hold what every loop decides against the record, with the settings of the run.

    Raises `BadInput` or `Unavailable` where the record, or what it was made from, can't be read.
    """
    with opened(folder) as bus:
        return asyncio.run(_verified(bus, run, show))


async def _verified(bus: Bus, run: Run, show: demo.Progress) -> Replayed:
    composition = Composition(run, bus)
    loops = composition.loops(composition.recorded)
    await composition.remind()
    return summed_up("verify", run, (), loops, await _held(bus, run, loops, show))


def compare(folder: RunFolder, run: Run, texts: Sequence[str], show: demo.Progress) -> Replayed:
    """Hold what the loops would decide with other settings against the record.

    Raises `BadInput` where that can't be told, and as `verify`.
    """
    with opened(folder) as bus:
        return asyncio.run(_compared(bus, run, texts, show))


async def _compared(bus: Bus, run: Run, texts: Sequence[str], show: demo.Progress) -> Replayed:
    composition = Composition(run, bus)
    loops = composition.concerned(texts)
    await composition.remind()
    try:
        return summed_up("compare", run, texts, loops, await _held(bus, run, loops, show))
    except CannotFollow as err:
        raise BadInput(f"{err}: so there is nothing to compare; try --mode what-if") from err


async def _held(bus: Bus, run: Run, loops: Sequence[Loop[Any]], show: demo.Progress) -> Comparison:
    found: list[Comparison] = []
    for place, loop in enumerate(loops):
        replay = Replay(loop, bus, is_whole=run.status == "done")
        await replay.start()
        while await replay.step():
            show((place + replay.progress) / len(loops), loop.wiring.name)
            await asyncio.sleep(0)  # here Ctrl-C is heard
        found.append(replay.comparison)
    return _merged(found)


def _merged(comparisons: Iterable[Comparison]) -> Comparison:
    merged = Comparison()
    for each in comparisons:
        merged.beyond_count += each.beyond_count
        merged.other_outcome_count += each.other_outcome_count
        merged.differences += each.differences
        for kind, tally in each.by_type.items():
            total = merged.by_type.setdefault(kind, Tally())
            total.identical += tally.identical
            total.different += tally.different
    merged.differences.sort(key=lambda each: each.ts)
    return merged


def summed_up(
    mode: Mode, run: Run, texts: Sequence[str], loops: Sequence[Loop[Any]], comparison: Comparison
) -> Replayed:
    """What a comparison of these loops found, as it is told."""
    ranked = sorted(comparison.differences, key=lambda each: not each.is_other_outcome)
    differences = [_shown(each) for each in ranked]
    tallies = comparison.by_type.values()
    identical = sum(each.identical for each in tallies)
    different = sum(each.different for each in tallies)
    return Replayed(
        run=run.id,
        mode=mode,
        set=tuple(texts),
        build=this_build(),
        recorded_by=run.build,
        loops=tuple(loop.wiring.name for loop in loops),
        compared=identical + different,
        identical=identical,
        different=different,
        other_outcomes=comparison.other_outcome_count,
        beyond=comparison.beyond_count,
        by_type=dict(sorted(comparison.by_type.items())),
        first_difference=differences[0] if differences else None,
        differences=differences,
    )


def _shown(difference: Difference) -> Shown:
    message, source = difference.message, difference.input_log
    return Shown(
        time=time_text(difference.ts),
        type=type(message).__name__,
        id=message.id,
        loop=difference.loop,
        log=f"{difference.log.channel}/{difference.log.partition}",
        input=f"{source.channel}/{source.partition}#{difference.position}",
        instrument=getattr(message, "instrument", ""),
        recorded=_values(difference.recorded),
        decided=_values(difference.decided),
        detail=difference.detail,
    )


def _values(message: Message | None) -> dict[str, Any] | None:
    if message is None:
        return None
    record = Record(message=message, writer=Writer(producer="", epoch=-1, build=""), seq=-1)
    return {name: value for name, value in to_wire(record).items() if name != "envelope"}
