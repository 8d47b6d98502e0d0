"""Does what is recorded decide the same again, and what would it decide with other settings?"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from msgspec import Struct

from marea.bus.port import Bus
from marea.errors import BadInput
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.wire import to_wire
from marea.runtime.loop import Loop
from marea.runtime.replay import (
    CannotFollow,
    Comparison,
    Difference,
    Replay,
    Tally,
)
from marea.runtime.settings import Settings
from marea.runtime.sources import Layers, add_options
from marea.runtime.validation import validated
from services.standalone import demo
from services.standalone.embedded import this_build
from services.standalone.history import History
from services.standalone.moments import time_text

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


class Part(NamedTuple):
    """A loop, and whether it follows the configurations of its lives on record, or has one."""

    loop: Loop[Any]
    follows_lives: bool = False


class Composition(Protocol):
    """The loops of what is replayed; none of them is started."""

    @property
    def recorded(self) -> Sequence[Part]:
        """The loops as they were told to be then."""
        ...

    def loops(self, settings: Settings) -> Sequence[Loop[Any]]:
        """The same ones under these settings. Raises `BadInput` where they can't be made of them."""
        ...


class Subject(Protocol):
    """What is replayed: a run, or the record of a portfolio."""

    @property
    def history(self) -> History:
        """Where its logs are read from."""
        ...

    @property
    def settings(self) -> Settings:
        """Those that some values are replaced in."""
        ...

    @property
    def place(self) -> str:
        """Where those settings stand."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether it came to its end, so that nothing is missing behind it."""
        ...

    @property
    def decisions_hash(self) -> str | None:
        """Of its decisions, where one that is played again must give the same."""
        ...

    async def recorded_by(self, bus: Bus) -> str:
        """The builds that wrote it."""
        ...

    async def compose(self, bus: Bus) -> Composition:
        """Its loops over its logs. Raises `BadInput` where they can't be made again."""
        ...


def changed_settings(subject: Subject, texts: Sequence[str]) -> Settings:
    """The settings with some values replaced, each given as `section.key=value`.

    Raises `BadInput` for a key that there isn't, or a value that it doesn't take.
    """
    layers = Layers(subject.settings.model_dump(), {(): subject.place})
    add_options(layers, OPTION, texts)
    return validated(Settings, layers)


def verify(subject: Subject, show: demo.Progress) -> Replayed:
    """Hold what every loop decides against the record, with the configuration that it had.

    Raises `BadInput` or `Unavailable` where the record, or what it was made from, can't be read.
    """
    return asyncio.run(_verified(subject, show))


async def _verified(subject: Subject, show: demo.Progress) -> Replayed:
    async with subject.history.opened() as bus:
        build = await subject.recorded_by(bus)
        parts = (await subject.compose(bus)).recorded
        found = await _held(bus, parts, subject.is_whole, show)
    names = [part.loop.wiring.name for part in parts]
    return summed_up("verify", subject.history.name, build, (), names, found)


def compare(subject: Subject, texts: Sequence[str], show: demo.Progress) -> Replayed:
    """Hold what the loops would decide with other settings against the record.

    Raises `BadInput` where that can't be told, and as `verify`.
    """
    return asyncio.run(_compared(subject, texts, show))


async def _compared(subject: Subject, texts: Sequence[str], show: demo.Progress) -> Replayed:
    async with subject.history.opened() as bus:
        build = await subject.recorded_by(bus)
        composition = await subject.compose(bus)
        loops = _concerned(subject, composition, texts, build == this_build())
        try:
            found = await _held(bus, [Part(loop) for loop in loops], subject.is_whole, show)
        except CannotFollow as err:
            raise BadInput(f"{err}: so there is nothing to compare; try --mode what-if") from err
    names = [loop.wiring.name for loop in loops]
    return summed_up("compare", subject.history.name, build, texts, names, found)


def _concerned(
    subject: Subject, composition: Composition, texts: Sequence[str], is_same_build: bool
) -> Sequence[Loop[Any]]:
    # The loops that are told something else than on record; by another build, all of them.
    loops = composition.loops(changed_settings(subject, texts))
    now, before = _told(loops), _told(part.loop for part in composition.recorded)
    for text in texts:
        if now == _told_without(subject, composition, texts, text):
            raise BadInput(
                f"{OPTION} {text} changes nothing that a core decides by: it has that value, "
                "or only the shell uses it; leave it out"
            )
    if _logs(now) != _logs(before):
        raise BadInput(
            f"{OPTION} {' '.join(texts)} gives the run other logs, and nothing to compare them "
            "with; try --mode what-if"
        )
    return [
        loop
        for loop in loops
        if not is_same_build or now[loop.wiring.name] != before[loop.wiring.name]
    ]


def _told_without(
    subject: Subject, composition: Composition, texts: Sequence[str], text: str
) -> dict[str, Told]:
    try:
        settings = changed_settings(subject, [each for each in texts if each != text])
        return _told(composition.loops(settings))
    except BadInput:
        return {}  # the others rest on it


def _told(loops: Iterable[Loop[Any]]) -> dict[str, Told]:
    return {
        each.wiring.name: (each.wiring.config, (each.wiring.input_log, *each.wiring.outputs))
        for each in loops
    }


def _logs(told: Mapping[str, Told]) -> dict[str, tuple[Log, ...]]:
    return {name: logs for name, (_, logs) in told.items()}


async def _held(bus: Bus, parts: Sequence[Part], is_whole: bool, show: demo.Progress) -> Comparison:
    found: list[Comparison] = []
    for place, (loop, follows_lives) in enumerate(parts):
        replay = Replay(loop, bus, is_whole=is_whole, follows_lives=follows_lives)
        await replay.start()
        while await replay.step():
            show((place + replay.progress) / len(parts), loop.wiring.name)
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
    mode: Mode,
    run: str,
    build: str,
    texts: Sequence[str],
    loops: Iterable[str],
    comparison: Comparison,
) -> Replayed:
    """What a comparison of the loops of these names found, as it is told."""
    ranked = sorted(comparison.differences, key=lambda each: not each.is_other_outcome)
    differences = [_shown(each) for each in ranked]
    tallies = comparison.by_type.values()
    identical = sum(each.identical for each in tallies)
    different = sum(each.different for each in tallies)
    return Replayed(
        run=run,
        mode=mode,
        set=tuple(texts),
        build=this_build(),
        recorded_by=build,
        loops=tuple(dict.fromkeys(loops)),
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
