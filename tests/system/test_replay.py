"""A recorded run decided again: the same, with other settings, and beside a control."""

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from marea.bus.memory import MemorySnapshots
from marea.bus.sqlite import SqliteBus
from marea.messages import codec
from marea.messages.envelope import Log, Message
from marea.messages.features import FeatureVector
from marea.runtime.replay import Replay
from marea.runtime.settings import Settings, find_config_dir, load_settings
from marea.runtime.telemetry import NoTelemetry
from services.ingestion.shell.markets import DrawnMarket
from services.standalone.embedded import Embedded
from services.standalone.recorded import RecordedMarket
from services.standalone.stages import Ingesting, Stores, remind
from tests.system.conftest import Marea
from tests.system.test_embedded import Killed, MortalBus, live
from tests.system.test_runs import reopen
from tools import command
from tools.command import Ended

FEATURES = Log("features", "embedded")

LOOPS = [
    "ingestion/SIM",
    "features/BTC-USDT.SIM",
    "features/ETH-USDT.SIM",
    "paper/main",
    "risk/main",
    "risk/marks/BTC-USDT.SIM",
    "risk/marks/ETH-USDT.SIM",
    "signals/embedded",
    "execution/main",
]
FEW_INDICATORS = ("mid", "ema_20", "ema_50", "atr_14", "adx_14")
"""What one strategy takes: the others would only cost time here."""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of runs with one run of a simulated minute."""
    runs = tmp_path_factory.mktemp("done")
    assert command.run(["demo", "--minutes", "1"], runs).code == 0
    return runs


def replay(runs: Path, *arguments: str) -> Ended:
    return command.run(["replay", "last", *arguments], runs)


def found(runs: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    ended = replay(runs, *arguments, "--json")
    assert (ended.code, ended.err, ended.out.count("\n")) == (code, "", 1)
    told: dict[str, Any] = json.loads(ended.out)
    assert told["compared"] == told["identical"] + told["different"]
    assert told["compared"] == sum(
        each["identical"] + each["different"] for each in told["by_type"].values()
    )
    return told


# Verify


def test_run_decides_the_same_again(done: Path) -> None:
    told = found(done)
    assert told.keys() >= {"run", "mode", "compared", "identical", "different", "by_type"}
    assert (told["mode"], told["different"], told["beyond"]) == ("verify", 0, 0)
    assert (told["first_difference"], told["differences"]) == (None, [])
    assert told["loops"] == LOOPS
    result = json.loads(next(done.glob("*/run.json")).read_text())["result"]
    assert told["by_type"]["FeatureVector"]["identical"] == result["features"] > 100
    assert told["by_type"]["Bar"]["identical"] == result["bars"]
    assert told["by_type"]["Quote"]["identical"] > 1_000
    shown = replay(done)
    assert (shown.code, shown.err) == (0, "")
    assert f"all {told['compared']:,} decisions are the same again" in shown.out


def test_recorded_tape_decides_the_same_again(short_tape: Path, marea: Marea, runs: Path) -> None:
    assert marea("demo", "--tape", short_tape).code == 0
    told = found(runs)
    assert (told["different"], told["compared"] > 10_000) == (0, True)


def test_replay_changes_nothing(done: Path) -> None:
    [log] = done.glob("*/log.sqlite")
    before = log.read_bytes()
    replay(done)
    replay(done, "--mode", "what-if", "--set", "features.vector_period_ms=200")
    assert log.read_bytes() == before


def test_decision_that_differs_is_named_and_ends_with_1(done: Path, tmp_path: Path) -> None:
    planted = rewritten(done, tmp_path, later)
    told = found(tmp_path, code=1)
    assert told["different"] == 1
    first = told["first_difference"]
    assert told["differences"] == [first]
    assert (first["id"], first["type"], first["log"]) == (
        planted.id,
        "FeatureVector",
        "features/embedded",
    )
    assert first["detail"].startswith("values.mid: recorded 1.5, decided 6")
    assert first["recorded"]["values"]["mid"] == 1.5
    shown = replay(tmp_path)
    assert shown.code == 1
    assert f"1 of {told['compared']:,} decisions differ" in shown.out
    assert "values.mid: 1.5 on record, 6" in shown.out
    assert f"marea explain last {planted.id}" in shown.out


def later(message: FeatureVector) -> FeatureVector:
    return structs.replace(message, values={**message.values, "mid": 1.5})


def rewritten(runs: Path, into: Path, change: Callable[[FeatureVector], FeatureVector]) -> Message:
    """Copy a run, with its 50th vector changed; which is given."""
    [folder] = (path.parent for path in runs.glob("*/run.json"))
    copy = into / folder.name
    copy.mkdir()
    (copy / "run.json").write_bytes((folder / "run.json").read_bytes())

    async def rewrite(old: SqliteBus, new: SqliteBus) -> Message:
        planted: list[Message] = []
        seen = 0
        for log, end in (await old.ends()).items():
            for record in await old.read(log, 0, end):
                message = record.message
                if isinstance(message, FeatureVector):
                    seen += 1
                    if seen == 50:
                        message = change(message)
                        planted.append(message)
                await new.append(log, [structs.replace(record, message=message)])
        return planted[0]

    with (
        closing(SqliteBus(folder / "log.sqlite", read_only=True)) as old,
        closing(SqliteBus(copy / "log.sqlite")) as new,
    ):
        return asyncio.run(rewrite(old, new))


def test_run_that_was_cut_off_is_compared_as_far_as_it_goes(done: Path, tmp_path: Path) -> None:
    rewritten(done, tmp_path, lambda vector: vector)
    reopen(tmp_path, status="interrupted")
    assert found(tmp_path)["different"] == 0
    [log] = tmp_path.glob("*/log.sqlite")
    [folder] = tmp_path.iterdir()
    log.unlink()
    assert "go on with it by `marea demo --resume" in replay(tmp_path).err
    assert folder.is_dir()


@pytest.mark.parametrize("dies_at", [3, 40, 90])
def test_run_of_two_lives_decides_the_same_again(dies_at: int, settings: Settings) -> None:
    stores = Stores(MortalBus(), MemorySnapshots())
    assert isinstance(stores.bus, MortalBus)
    stores.bus.dies_at = dies_at
    with pytest.raises(Killed):
        asyncio.run(live(settings, stores))
    asyncio.run(live(settings, stores))
    assert asyncio.run(differences(settings, stores)) == {"Clock": 0, "FeatureVector": 0}


@pytest.fixture(scope="module")
def settings() -> Settings:
    """An indicator that is warm at once: vectors in every window."""
    shipped = load_settings(find_config_dir(None, {}), {})
    few = {name: shipped.indicators[name] for name in FEW_INDICATORS}
    one = shipped.signals.model_copy(update={"strategies": ("baseline",)})
    return shipped.model_copy(update={"indicators": few, "signals": one})


async def differences(settings: Settings, stores: Stores) -> dict[str, int]:
    market = DrawnMarket(7, 1)
    await remind(market, stores.bus)
    ingesting = Ingesting(settings, market, stores, NoTelemetry(), "build")
    embedded = Embedded(settings, ingesting, stores, NoTelemetry(), "build")
    counts = {"Clock": 0, "FeatureVector": 0}
    for loop in embedded.loops:
        replay = Replay(loop, stores.bus, is_whole=False)
        await replay.start()
        while await replay.step():
            pass
        for kind, tally in replay.comparison.by_type.items():
            counts[kind] = counts.get(kind, 0) + tally.different
    return {
        kind: count for kind, count in counts.items() if count or kind in ("Clock", "FeatureVector")
    }


# Compare


def test_other_settings_give_other_decisions_each_alone(done: Path) -> None:
    told = found(done, "--mode", "compare", "--set", "features.vector_period_ms=200")
    assert told["loops"] == ["features/BTC-USDT.SIM", "features/ETH-USDT.SIM"]
    assert told["set"] == ["features.vector_period_ms=200"]
    assert told["by_type"]["Bar"]["different"] == 0
    vectors = told["by_type"]["FeatureVector"]
    assert vectors["different"] == told["different"] > 50
    assert len(told["differences"]) <= told["different"]
    first = told["first_difference"]
    assert first == told["differences"][0]
    assert [each["time"] for each in told["differences"]] == sorted(
        each["time"] for each in told["differences"]
    )
    assert (first["decided"], first["instrument"]) == (None, "BTC-USDT.SIM")
    assert first["recorded"]["bar_id"] == ""
    shown = replay(done, "--mode", "compare", "--set", "features.vector_period_ms=200")
    assert shown.code == 0
    assert f"{first['time']}  FeatureVector  BTC-USDT.SIM  {first['id']}" in shown.out
    assert f"and {told['different'] - 5:,} more" in shown.out


def test_other_value_shows_the_fields_that_would_be_others(done: Path) -> None:
    shown = replay(done, "--mode", "compare", "--set", "indicators.sma_20.period=19")
    assert shown.code == 0
    assert "    values.sma_20: " in shown.out
    assert "    set_version: " in shown.out


def test_compare_without_a_change_holds_the_code_of_today_against_the_record(done: Path) -> None:
    [file] = done.glob("*/run.json")
    run = json.loads(file.read_text())
    assert found(done, "--mode", "compare")["loops"] == []
    try:
        file.write_text(json.dumps(run | {"build": "0.0.0+other"}))
        told = found(done, "--mode", "compare")
        shown = replay(done)
    finally:
        file.write_text(json.dumps(run))
    assert (told["loops"], told["different"], told["recorded_by"]) == (LOOPS, 0, "0.0.0+other")
    assert "Recorded by build 0.0.0+other; this is 0.1.0+" in shown.out


REFUSED = [
    ("compare", "features.vector_period=5", "is no setting; did you mean features.vector_period_"),
    ("compare", "risk", "--set is 'risk': write section.key=value"),
    ("compare", "risk.collar_pct=much", "--set: risk.collar_pct is 'much': write a number"),
    ("compare", "features.vector_period_ms=0", "write a number of at least 1"),
    ("compare", "features.intervals_s=[60, 1]", "the settings of run"),
    ("compare", "indicators.sma_20.kernel=smo", "indicators.sma_20: there is no kernel 'smo'"),
    ("compare", "log.commit_ms_max=9", "--set log.commit_ms_max=9 changes nothing that a core"),
    ("compare", "features.vector_period_ms=100", "changes nothing that a core decides by: it has"),
    ("compare", "features.intervals_s=[1]", "KeyError: 60: so there is nothing to compare; try"),
    ("what-if", "demo.seed=9", "demo.seed=9 changes nothing here: the market is heard as it is"),
    ("what-if", "risk.colar_pct=1", "--set risk.colar_pct is no setting; did you mean risk.collar"),
]


@pytest.mark.parametrize(("mode", "change", "told"), REFUSED)
def test_change_that_can_not_be_told_is_refused(
    mode: str, change: str, told: str, done: Path
) -> None:
    ended = replay(done, "--mode", mode, "--set", change, "--json")
    assert (ended.code, json.loads(ended.out)["exit"]) == (3, 3)
    assert told in ended.err


def test_each_of_several_changes_must_count(done: Path) -> None:
    both = ["--set", "features.vector_period_ms=200", "--set", "snapshots.every_s=5"]
    ended = replay(done, "--mode", "compare", *both)
    assert ended.code == 3
    assert "--set snapshots.every_s=5 changes nothing that a core decides by" in ended.err
    pair = ["--set", "features.intervals_s=[1, 5, 60]", "--set", "features.vector_interval_s=5"]
    assert found(done, "--mode", "compare", *pair)["different"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "risk.collar_pct=1.0"], "--set is for --mode compare and --mode what-if"),
        (["--mode", "what-if"], "--mode what-if needs a --set"),
        (["--mode", "guess"], "'--mode'"),
    ],
)
def test_mistake_in_the_command_ends_with_2(arguments: list[str], told: str, done: Path) -> None:
    ended = replay(done, *arguments)
    assert ended.code == 2
    assert told in ended.err


# What if


def test_what_if_shows_two_simulated_runs_side_by_side(done: Path) -> None:
    changes = ["--mode", "what-if", "--set", "features.vector_period_ms=200"]
    told = found(done, *changes)
    assert (told["simulated"], told["control_as_recorded"]) == (True, True)
    assert told["control"].keys() == told["variant"].keys() >= {"orders", "fees", "equity_end"}
    assert told["change"]["orders"] == "+0"
    assert told["by_type"]["Bar"]["different"] == 0
    assert told["by_type"]["FeatureVector"]["different"] > 50
    assert told["first_difference"]["detail"] == "only the control decided it"
    shown = replay(done, *changes).out
    assert shown.startswith("SIMULATED over the recorded market, with features.vector_period_ms")
    assert "control" in shown
    assert shown.endswith(
        "Both runs are simulated: no order was sent, and no profit is promised.\n"
    )


def test_recorded_market_gives_every_loop_what_ingestion_gave_it(done: Path) -> None:
    [log] = done.glob("*/log.sqlite")
    shipped = load_settings(find_config_dir(None, {}), {})

    async def again(record: SqliteBus) -> tuple[list[bytes], list[bytes]]:
        market = RecordedMarket(record, await record.ends())
        stores = Stores(market.bus, MemorySnapshots())
        embedded = Embedded(shipped, market, stores, NoTelemetry(), "build")
        await embedded.start()
        times = []
        while await embedded.advance():
            times.append(market.now)
        assert market.progress() == 1.0
        assert times == sorted(times)
        assert 590 < len(times) <= 600  # a minute of windows
        for name in market.instruments:
            at = Log("market", name)
            end = (await record.ends())[at]
            assert (await market.bus.ends())[at] == end
            assert await market.bus.read(at, 0, 5) == await record.read(at, 0, 5)
            assert await market.bus.read(at, end - 3, 99) == await record.read(at, end - 3, 99)
        return await said(record), await said(market.bus)

    with closing(SqliteBus(log, read_only=True)) as record:
        before, after = asyncio.run(again(record))
    assert len(before) > 300
    assert after == before


async def said(bus: Any) -> list[bytes]:
    end = (await bus.ends())[FEATURES]
    return [
        codec.encode(record.message)
        for record in await bus.read(FEATURES, 0, end)
        if record.message.canonical
    ]
