"""A market turned into features, from its first message to its last, on one log."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any

from marea.bus.sqlite import CommitLimits, SqliteBus
from marea.errors import BadInput
from marea.messages.envelope import Log
from marea.runtime.build import platform_facts
from marea.runtime.settings import Settings, list_instruments, settings_hash
from services.standalone.embedded import Embedded, Stores, this_build
from services.standalone.markets import DrawnMarket, Market, TapeMarket
from services.standalone.runs import InputFile, Run, RunFolder
from services.standalone.timing import Stopwatch

Progress = Callable[[float], None]
"""Takes how much of the market was seen, in 0…1."""
PROGRESS_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run is to be made from: tapes, or else a seed and some minutes."""

    tape: tuple[Path, ...]
    seed: int
    minutes: int


def describe(wish: Wish, settings: Settings) -> Run:
    """What is known of a run before it has a folder. Raises `BadInput` for a file that can't be read."""
    return Run(
        id="",
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        build=this_build(),
        settings_hash=settings_hash(settings),
        settings=settings.model_dump(mode="json"),
        tape=[_input_file(path) for path in wish.tape],
        seed=wish.seed,
        minutes=wish.minutes,
        platform=platform_facts(),
    )


def open_market(run: Run, settings: Settings) -> Market:
    """The market that a run sees. Raises `BadInput` where a file is not what it was."""
    if not run.tape:
        return DrawnMarket(run.seed, run.minutes)
    for known in run.tape:
        now = _input_file(Path(known.path))
        if now.sha256 != known.sha256:
            raise BadInput(
                f"{known.path} has changed since run {run.id} began (sha256 {known.sha256[:12]}…, "
                f"now {now.sha256[:12]}…): restore it, or begin a new run"
            )
    files = [Path(known.path) for known in run.tape]
    return TapeMarket(files, list_instruments(settings))


async def play(
    folder: RunFolder, run: Run, market: Market, settings: Settings, show: Progress
) -> Run:
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
    bus = SqliteBus(folder.log_path, limits)
    try:
        embedded = Embedded(settings, market, Stores(bus, bus), stopwatch, this_build())
        await embedded.start()
        taken_before = embedded.ingestion.state.taken_count
        shown_s = begun_s
        while await embedded.advance():
            if time.perf_counter() - shown_s >= PROGRESS_EVERY_S:
                shown_s = time.perf_counter()
                show(market.progress())
        await bus.flush()
        show(1.0)
        seconds = time.perf_counter() - begun_s
        messages = embedded.ingestion.state.taken_count - taken_before
        run.result = _result(run, embedded, bus.chains(), seconds, messages)
        run.status = "done"
    finally:
        bus.close()
    stopwatch.save(folder.log_path)
    return run


def log_hash(chains: Mapping[Log, bytes]) -> str:
    """The hash of all that a run said: 64 hex digits of BLAKE2b over its logs' hashes."""
    digest = blake2b(digest_size=32)
    for log, chain in sorted(chains.items()):
        digest.update(f"{log.channel}\x1f{log.partition}\x1f".encode() + chain)
    return digest.hexdigest()


def found_trouble(result: Mapping[str, Any]) -> bool:
    """Did anything come up that a person should look at?"""
    books = result["books"].values()
    return bool(
        result["dead_letters"]
        or result["divergences"]
        or any(book["status"] != "LIVE" or book["agreed"] != book["compared"] for book in books)
    )


def _result(
    run: Run, embedded: Embedded, chains: Mapping[Log, bytes], seconds: float, messages: int
) -> dict[str, Any]:
    state = embedded.ingestion.state
    features = {name: loop.state for name, loop in embedded.features.items()}
    return {
        "run": run.id,
        "market_events": state.passed_count,
        "features": sum(each.vector_count for each in features.values()),
        "bars": sum(each.bar_count for each in features.values()),
        "dead_letters": state.dead_letter_count,
        "duplicates": state.duplicate_count,
        "conflated": embedded.market.feed.frame_count - state.taken_count,
        "divergences": embedded.ingestion.divergence_count
        + sum(loop.divergence_count for loop in embedded.features.values()),
        "not_warm": sum(each.not_warm_count for each in features.values()),
        "not_live": sum(each.not_live_count for each in features.values()),
        "books": {
            name: {
                "status": stream.book.status,
                "compared": stream.compared_count,
                "agreed": stream.agreed_count,
            }
            for name, stream in state.streams.items()
        },
        "quality": dict(sorted(state.failed_counts.items())),
        "seconds": round(seconds, 3),
        "events_per_s": round(messages / seconds) if seconds else 0,
        "log_hash": log_hash(chains),
    }


def _input_file(path: Path) -> InputFile:
    try:
        with path.open("rb") as source:
            digest = file_digest(source, "sha256").hexdigest()
    except FileNotFoundError:
        raise BadInput(f"{path}: there is no such file; check its path") from None
    except IsADirectoryError:
        raise BadInput(f"{path}: it is a folder; name the files in it") from None
    except OSError as err:
        raise BadInput(f"{path} can't be read ({err.strerror}): check it and try again") from err
    return InputFile(path=str(path.resolve()), bytes=path.stat().st_size, sha256=digest)
