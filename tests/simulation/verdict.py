"""How did one seed's run end, in a form that can be sent between processes and kept?"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256

import msgspec
from msgspec import Struct

from tests.simulation.judging import Finding
from tests.simulation.shrink import play
from tests.simulation.workers import workers
from tests.simulation.world import World

CHUNK = 8


class Verdict(Struct, frozen=True, kw_only=True):
    """The end of one run."""

    seed: int
    events: int
    """Records on all its logs."""
    findings: list[Finding]
    met: dict[str, int]
    """How often each fault met each service and message type: `kind service type`."""
    log_hash: str = ""


def verdict_of(seed: int, with_hash: bool = False) -> Verdict:
    """Play a seed and judge it."""
    world, findings = play(seed)
    return Verdict(
        seed=seed,
        events=world.cluster.record_count,
        findings=list(findings),
        met={" ".join(key): count for key, count in sorted(world.faults.met.items())},
        log_hash=log_hash(world) if with_hash else "",
    )


def verdicts(seeds: Sequence[int], processes: int, with_hash: bool = False) -> Iterator[Verdict]:
    """Play seeds on so many cores; they come in their order."""
    judge = partial(verdict_of, with_hash=with_hash)
    if processes == 1:
        yield from map(judge, seeds)
        return
    with workers(processes) as pool:
        yield from pool.map(judge, seeds, chunksize=CHUNK)


def log_hash(world: World) -> str:
    """SHA-256 of every record of every log, with all that it carries."""
    digest = sha256()
    for log in sorted(world.cluster.logs):
        for record in world.cluster.records_of(log):
            kind = type(record.message).__name__
            digest.update(msgspec.msgpack.encode((log, kind, record)))
    return digest.hexdigest()


def count_met(found: Iterable[Verdict]) -> Counter[str]:
    """How often each fault met each service and message type, in all of them."""
    met: Counter[str] = Counter()
    for each in found:
        met.update(each.met)
    return met
