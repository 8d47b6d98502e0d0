"""One run: a scene is played, its logs are judged, and what came out is told."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random

from msgspec import Struct

from deploy.local.kafka import KAFKA
from deploy.local.servers import Servers
from marea.bus.sqlite import SqliteBus
from tests.chaos import judging
from tests.chaos.faults import FAULTS
from tests.chaos.judging import FILE, Finding
from tests.chaos.lag import Lag, held_up, lags
from tests.chaos.outages import Outage, outages
from tests.chaos.stage import Scene, Stage
from tests.integration.recorder.comparing import unlike_logs


class Outcome(Struct, kw_only=True):
    """What came of a run."""

    strikes: Mapping[str, int]
    """How often each fault struck."""
    records: Mapping[str, int]
    """On the logs of each channel."""
    findings: list[Finding]
    exits: list[tuple[str, int]]
    """Of services that ended by themselves: 4 where they could not go on, 70 for a bug."""
    outages: list[Outage]
    unrecovered: list[str]
    seconds: float
    folder: Path
    """Where its logs are."""
    kafka_away_s: list[float] = []
    """From each death of its only broker until that answered again, the shortest first."""
    lags: list[Lag] = []
    """Of the recorder's sinks, where it ran."""

    def lasted_s(self, *, of_takeovers: bool = False) -> list[float]:
        """How long the outages were, the shortest first."""
        return self._sorted(lambda each: each.lasted_s, of_takeovers)

    def answered_s(self, *, of_takeovers: bool = False) -> list[float]:
        """How long they were while Kafka answered, the shortest first."""
        return self._sorted(lambda each: each.answered_s, of_takeovers)

    def undisturbed_s(self, *, of_takeovers: bool = False) -> list[float]:
        """How long they went on after the last fault that struck them, the shortest first."""
        return self._sorted(lambda each: each.undisturbed_s, of_takeovers)

    def _sorted(self, of: Callable[[Outage], float | None], of_takeovers: bool) -> list[float]:
        found = [of(each) for each in self.outages if each.is_takeover >= of_takeovers]
        return sorted(each for each in found if each is not None)


def plan(stage: Stage, every_s: Mapping[str, float]) -> None:
    """Have each of these faults strike about every so many seconds, from the begin of the scene on."""
    for name, mean_s in every_s.items():
        draw = Random(f"{stage.scene.seed}/{name}")
        at_s = mean_s * draw.uniform(0.3, 1.0)
        while at_s < stage.scene.faulty_s:
            stage.at(at_s, partial(FAULTS[name], stage, draw))
            at_s += mean_s * draw.uniform(0.5, 1.5)


def run(scene: Scene, every_s: Mapping[str, float], servers: Servers, folder: Path) -> Outcome:
    """Play a scene with these faults, and judge it. The servers run on, for whoever looks at them."""
    with Stage(scene, servers, folder) as stage:
        plan(stage, every_s)
        stage.play()
        stage.end()
        address = servers.address(scene.brokers[0])
        lost = stage.witness.lost()
        records = asyncio.run(judging.copy_logs(address, folder / FILE))
        beats = asyncio.run(judging.beats_of(address))
        unlike, behind = _stores_judged(stage)
    bus = SqliteBus(folder / FILE, read_only=True)
    try:
        findings = asyncio.run(judging.judge(bus))
    finally:
        bus.close()
    findings += unlike
    findings += [Finding(code="KAFKA lost", what=what) for what in lost]
    findings += [
        Finding(code="BUG", what=f"{name} ended with {code}")
        for name, code in stage.exits
        if code not in (0, 4)
    ]
    found = outages(beats, stage.strikes)
    by_channel: Counter[str] = Counter()
    for log, end in records.items():
        by_channel[log.channel] += end
    return Outcome(
        strikes=Counter(strike.fault for strike in stage.strikes),
        records=by_channel,
        findings=findings,
        exits=stage.exits,
        outages=found,
        unrecovered=[f"{o.loop} after {o.strike}" for o in found if o.lasted_s is None],
        seconds=stage.played_s,
        folder=folder,
        kafka_away_s=sorted(each.lasted_s for each in stage.strikes if each.target == KAFKA.name),
        lags=behind,
    )


def _stores_judged(stage: Stage) -> tuple[list[Finding], list[Lag]]:
    # What is wrong with the recorder's stores, and how far behind its sinks were.
    if stage.stores is None:
        return [], []
    samples, absences = stage.stores.watch.samples, stage.stores.absences
    told = {
        "STORE unlike": asyncio.run(unlike_logs(stage.environment())),
        "SINK held up": held_up(samples, absences),
    }
    findings = [Finding(code=code, what=what) for code, found in told.items() for what in found]
    return findings, lags(samples, absences)
