"""A market traded from its first message to its last, on one log."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b, file_digest
from pathlib import Path

import msgspec
from msgspec.structs import asdict
from pydantic import ValidationError

from marea.bus.sqlite import CommitLimits, SqliteBus
from marea.errors import BadInput
from marea.messages.envelope import Log
from marea.runtime.build import platform_facts
from marea.runtime.settings import Settings, list_instruments, settings_hash
from marea.venues.tape import Tape
from services.ingestion.shell.markets import DrawnMarket, Market, TapeMarket
from services.standalone.commands import Order
from services.standalone.embedded import Embedded, this_build
from services.standalone.runs import BookResult, InputFile, Result, Run, RunFolder
from services.standalone.stages import Ingesting, Stores
from services.standalone.tally import Tally, TradingResult
from services.standalone.timing import Stopwatch

Progress = Callable[[float, str], None]
"""Takes how much of the market was seen, in 0…1, and the equity by then."""
PROGRESS_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run is to be made from: tapes, or else a seed and some minutes; and who orders what."""

    tape: tuple[Path, ...]
    seed: int
    minutes: int
    crash_pct: int = 0
    commands: tuple[Order, ...] = ()


def open_market(wish: Wish, settings: Settings) -> Market:
    """The market that is to be seen. Raises `BadInput` for a tape that can't be read."""
    if wish.tape:
        return TapeMarket(wish.tape, list_instruments(settings))
    return DrawnMarket(wish.seed, wish.minutes, wish.crash_pct)


def describe(wish: Wish, settings: Settings) -> Run:
    """What is known of a run before it has a folder. Raises `BadInput` for a file that can't be read."""
    return Run(
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        build=this_build(),
        settings_hash=settings_hash(settings),
        settings=settings.model_dump(mode="json"),
        tape=[_input_file(path) for path in wish.tape],
        seed=wish.seed,
        minutes=wish.minutes,
        crash_pct=wish.crash_pct,
        commands=list(wish.commands),
        platform=platform_facts(),
    )


def wish_of(run: Run) -> Wish:
    """What a run was to be made from. Raises `BadInput` where a file is not what it was."""
    for known in run.tape:
        now = _input_file(Path(known.path))
        if now.sha256 != known.sha256:
            raise BadInput(
                f"{known.path} has changed since run {run.id} began (sha256 {known.sha256[:12]}…, "
                f"now {now.sha256[:12]}…): restore it, or begin a new run"
            )
    return Wish(
        tape=tuple(Path(known.path) for known in run.tape),
        seed=run.seed,
        minutes=run.minutes,
        crash_pct=run.crash_pct,
        commands=tuple(run.commands),
    )


def settings_of(run: Run) -> Settings:
    """The settings that a run was begun with.

    Raises `BadInput` where this build has no such, or they are not what the run was begun with.
    """
    try:
        settings = Settings.model_validate_json(msgspec.json.encode(run.settings))
    except ValidationError as err:
        named = ", ".join(".".join(map(str, each["loc"])) for each in err.errors())
        raise BadInput(
            f"run {run.id} has settings that this build has not, or lacks some ({named}): go on "
            f"with it by the build that began it, {run.build}"
        ) from err
    if settings_hash(settings) != run.settings_hash:
        raise BadInput(
            f"the settings of run {run.id} have changed since it began (their hash is not "
            f"{run.settings_hash[:12]}…): restore its run.json, or begin a new run"
        )
    return settings


async def play(
    folder: RunFolder, run: Run, market: Market, settings: Settings, show: Progress
) -> Result:
    """Take the market through every service to its end, and say what came of it.

    A run that was cut off goes on where its log ends.
    """
    begun_s = time.perf_counter()
    limits = CommitLimits(
        records_max=settings.log.commit_events_max,
        wait_ms_max=settings.log.commit_ms_max,
        synchronous=settings.log.synchronous,
    )
    stopwatch = Stopwatch()
    with closing(SqliteBus(folder.log_path, limits)) as bus:
        stores, build = Stores(bus, bus), this_build()
        ingesting = Ingesting(settings, market, stores, stopwatch, build)
        embedded = Embedded(settings, ingesting, stores, stopwatch, build, run.commands)
        await embedded.start()
        taken_before = ingesting.loop.state.taken_count
        tally = Tally(Log("trading", settings.portfolio.name))
        shown_s = begun_s
        while await embedded.advance():
            await tally.follow(bus)
            if time.perf_counter() - shown_s >= PROGRESS_EVERY_S:
                shown_s = time.perf_counter()
                show(market.progress(), tally.equity)
                await asyncio.sleep(0)  # here, between two windows, Ctrl-C is heard
        await tally.follow(bus)  # of a run that was cut off at its end there are no more windows
        await bus.flush()
        seconds = time.perf_counter() - begun_s
        messages = ingesting.loop.state.taken_count - taken_before
        figures = Figures(tally.result(), log_hash(bus.chains()), seconds, messages)
        result = _result(run, ingesting, embedded, figures)
    stopwatch.save(folder.log_path)
    return result


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a run at its end beside its loops."""

    trading: TradingResult
    log_hash: str
    seconds: float
    messages: int
    """That this life took."""


def log_hash(chains: Mapping[Log, bytes]) -> str:
    """The hash of all that a run said: 64 hex digits of BLAKE2b over its logs' hashes."""
    digest = blake2b(digest_size=32)
    for log, chain in sorted(chains.items()):
        digest.update(f"{log.channel}\x1f{log.partition}\x1f".encode() + chain)
    return digest.hexdigest()


def _result(run: Run, ingesting: Ingesting, embedded: Embedded, figures: Figures) -> Result:
    state, market = ingesting.loop.state, ingesting.market
    loops = embedded.features
    seconds = figures.seconds
    return Result(
        **asdict(figures.trading),
        run=run.id,
        market_events=state.passed_count,
        features=sum(loop.state.vector_count for loop in loops),
        bars=sum(loop.state.bar_count for loop in loops),
        dead_letters=state.dead_letter_count,
        duplicates=state.duplicate_count,
        conflated=market.feed.frame_count - state.taken_count,
        steps_back=market.steps_back,
        divergences=embedded.divergence_count,
        not_warm=sum(loop.state.not_warm_count for loop in loops),
        not_live=sum(loop.state.not_live_count for loop in loops),
        books={
            name: BookResult(
                status=stream.book.status,
                compared=stream.compared_count,
                agreed=stream.agreed_count,
            )
            for name, stream in state.streams.items()
        },
        quality=dict(sorted(state.failed_counts.items())),
        seconds=round(seconds, 3),
        events_per_s=round(figures.messages / seconds) if seconds else 0,
        log_hash=figures.log_hash,
    )


def _input_file(path: Path) -> InputFile:
    Tape([path])  # refuses what is no file that can be opened
    try:
        name = str(path.resolve())
        name.encode()
        with path.open("rb") as source:
            digest = file_digest(source, "sha256").hexdigest()
    except UnicodeEncodeError as err:
        raise BadInput(f"{path!r}: its name is no UTF-8; rename it") from err
    except OSError as err:
        raise BadInput(f"{path} can't be read ({err.strerror}): check the disk") from err
    return InputFile(path=name, bytes=path.stat().st_size, sha256=digest)
