"""What would have come of a recorded market with other settings? Simulated, beside a control.

Both runs hear the recorded market from its begin, feed what they derive back, and trade through the
paper venue; only their settings differ. Nothing of them is kept.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec.structs import asdict

from marea.bus.memory import MemorySnapshots
from marea.bus.port import Bus
from marea.errors import BadInput
from marea.messages import codec
from marea.messages.envelope import Log, Nanos, Record
from marea.runtime.loop import Loop
from marea.runtime.recorded import difference
from marea.runtime.replay import Comparison, Difference
from marea.runtime.settings import Settings, SnapshotSettings
from marea.runtime.telemetry import NoTelemetry
from services.standalone import demo
from services.standalone.embedded import Embedded, this_build
from services.standalone.recorded import RecordedMarket
from services.standalone.replaying import OPTION, Replayed, Subject, changed_settings, summed_up
from services.standalone.stages import Stores
from services.standalone.tally import Tally, TradingResult

WINDOWS_PER_SHOW = 50
NEVER = SnapshotSettings(every_s=1_000_000_000)
NOT_HEARD = ("log", "snapshots", "demo", "quality", "venues")
"""Sections that change nothing: the market is heard as ingestion passed it on, and nothing is kept."""


class WhatIf(Replayed, kw_only=True):
    """Two runs over one recorded market, what `marea replay --mode what-if --json` prints.

    What is said of differences holds between the two: `recorded` is the control's, `decided` the
    variant's.
    """

    simulated: bool = True
    control_as_recorded: bool | None
    """Whether the control decided what is on record; None: the run has no end to compare with."""
    control: TradingResult
    """With the settings of the run."""
    variant: TradingResult
    """With the changed ones."""
    change: dict[str, str]
    """The variant's figures less the control's."""


class _Played(NamedTuple):
    bus: Bus
    loops: Sequence[Loop[Any]]
    trading: TradingResult


def what_if(subject: Subject, texts: Sequence[str], show: demo.Progress) -> WhatIf:
    """Run a recorded market twice: with the subject's settings, and with some of them changed.

    Raises `BadInput` for a value that can't change anything, or where the record can't be read.
    """
    for text in texts:
        section = text.partition(".")[0]
        if section in NOT_HEARD:
            raise BadInput(
                f"{OPTION} {text} changes nothing here: the market is heard as it is recorded, and "
                f"{section} is used before or beside it; leave it out"
            )
    changed = changed_settings(subject, texts)
    return asyncio.run(_both(subject, changed, texts, show))


async def _both(
    subject: Subject, changed: Settings, texts: Sequence[str], show: demo.Progress
) -> WhatIf:
    async with subject.history.opened() as bus:
        build = await subject.recorded_by(bus)
        control = await _play(bus, subject.settings, lambda done, _: show(done / 2, "control"))
        variant = await _play(bus, changed, lambda done, _: show(0.5 + done / 2, "variant"))
    unlike = await _unlike(control.bus, variant.bus)
    names = [loop.wiring.name for loop in variant.loops]
    found = summed_up("what-if", subject.history.name, build, texts, names, unlike)
    as_recorded = None
    if subject.decisions_hash is not None:
        as_recorded = subject.decisions_hash == control.trading.decisions_hash
    return WhatIf(
        **asdict(found),
        control_as_recorded=as_recorded,
        control=control.trading,
        variant=variant.trading,
        change=_change(control.trading, variant.trading),
    )


async def _play(record: Bus, settings: Settings, show: demo.Progress) -> _Played:
    market = RecordedMarket(record, await record.ends())
    stores = Stores(market.bus, MemorySnapshots())
    settings = settings.model_copy(update={"snapshots": NEVER})
    embedded = Embedded(settings, market, stores, NoTelemetry(), this_build())
    tally = Tally(Log("trading", settings.portfolio.name))
    await embedded.start()
    windows = 0
    while await embedded.advance():
        windows += 1
        await tally.follow(market.bus)
        if windows % WINDOWS_PER_SHOW == 0:
            show(market.progress(), tally.equity)
            await asyncio.sleep(0)  # here Ctrl-C is heard
    return _Played(market.bus, embedded.loops, tally.result())


def _change(control: TradingResult, variant: TradingResult) -> dict[str, str]:
    before, after = asdict(control), asdict(variant)
    told = {}
    for name, value in before.items():
        if isinstance(value, int | float) or name in ("equity_start", "equity_end", "fees"):
            told[name] = f"{Decimal(str(after[name])) - Decimal(str(value)):+f}"
    return told


# Where two runs part


async def _unlike(control: Bus, variant: Bus) -> Comparison:
    comparison = Comparison()
    parted: list[Difference] = []
    for log in sorted({*await control.ends(), *await variant.ends()}):
        if log.channel != "market":
            before, after = await _derived(control, log), await _derived(variant, log)
            parted += _parted(log, before, after, comparison)
    for each in sorted(parted, key=_when):
        comparison.differ(each)
    return comparison


async def _derived(bus: Bus, log: Log) -> dict[str, Record]:
    end = (await bus.ends()).get(log, 0)
    return {
        record.message.id: record
        for record in await bus.read(log, 0, end)
        if record.message.canonical and not record.message.outside
    }


def _parted(
    log: Log, before: Mapping[str, Record], after: Mapping[str, Record], comparison: Comparison
) -> Iterable[Difference]:
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            side = "the variant" if was is None else "the control"
            yield _difference(log, was, now, f"only {side} decided it")
        elif codec.encode(was.message) != codec.encode(now.message):
            yield _difference(log, was, now, difference(was.message, now.message))
        else:
            comparison.agree(was.message)


def _difference(log: Log, was: Record | None, now: Record | None, detail: str) -> Difference:
    record = was or now
    assert record is not None, "one of the two is there"
    return Difference(
        loop=record.writer.producer,
        log=log,
        input_log=record.writer.input_log or log,
        position=record.input_offset,
        ts=record.message.ts_event,
        recorded=was.message if was else None,
        decided=now.message if now else None,
        detail=detail,
    )


def _when(each: Difference) -> Nanos:
    return each.ts
