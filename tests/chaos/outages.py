"""How long was a loop without an owner after what was done to it?

An owner tells every second on the loop's log of `ownership`, with its epoch, which inputs it is done
with. An outage ends with the first heartbeat of a later epoch that is done with as much as was told
before: then another life, of the same process or of its standby, does the work again. All times are
Kafka's stamps of what stands there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from deploy.local.kafka import KAFKA
from tests.chaos.stage import Strike


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One heartbeat of a loop's owner."""

    at_ms: int
    instance: str
    """The process it is in: `a`."""
    epoch: int
    done: int
    """Inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One loop without an owner."""

    loop: str
    strike: Strike
    lasted_s: float | None
    """None: it never ended."""
    kafka_away_s: float = 0.0
    """Of that, while Kafka's only broker did not answer: nobody recovers then."""
    undisturbed_s: float | None = None
    """Of that, since its service or Kafka was last struck: who is struck again begins again."""
    is_takeover: bool = False
    """Whether it was another process that went on."""

    @property
    def answered_s(self) -> float | None:
        """Of that, while Kafka answered."""
        return None if self.lasted_s is None else self.lasted_s - self.kafka_away_s


def outages(beats: Mapping[str, Sequence[Beat]], strikes: Sequence[Strike]) -> list[Outage]:
    """Of each loop in turn, the first strike of each outage counts."""
    found = []
    for loop, told in beats.items():
        over_ms = 0
        for strike in sorted(strikes, key=lambda each: each.at_ms):
            if strike.at_ms < over_ms or not _hits(strike, loop, told):
                continue
            outage, over_ms = _outage(loop, told, strike)
            if outage is not None:
                found.append(_measured(outage, strikes))
    return found


def _measured(outage: Outage, strikes: Sequence[Strike]) -> Outage:
    if outage.lasted_s is None:
        return outage
    begin_ms = outage.strike.at_ms
    end_ms = begin_ms + round(outage.lasted_s * 1000)
    last_ms = begin_ms
    for strike in strikes:
        is_kafka = strike.target == KAFKA.name  # of several one is never all of it
        if is_kafka or strike.target.rpartition("-")[0] == service_of(outage.loop):
            over_ms = strike.until_ms if is_kafka else strike.at_ms
            if last_ms < over_ms and strike.at_ms < end_ms:
                last_ms = min(over_ms, end_ms)
    return replace(
        outage,
        undisturbed_s=(end_ms - last_ms) / 1000,
        kafka_away_s=_kafka_away_ms(begin_ms, end_ms, strikes) / 1000,
    )


def _kafka_away_ms(begin_ms: int, end_ms: int, strikes: Sequence[Strike]) -> int:
    away_ms, counted_ms = 0, begin_ms
    for strike in sorted(strikes, key=lambda each: each.at_ms):
        until_ms = min(strike.until_ms, end_ms)
        if strike.target == KAFKA.name and until_ms > counted_ms:
            away_ms += max(0, until_ms - max(strike.at_ms, counted_ms))
            counted_ms = until_ms
    return away_ms


def _hits(strike: Strike, loop: str, told: Sequence[Beat]) -> bool:
    owner = next((beat for beat in reversed(told) if beat.at_ms <= strike.at_ms), None)
    return owner is not None and f"{service_of(loop)}-{owner.instance}" == strike.target


def _outage(loop: str, told: Sequence[Beat], strike: Strike) -> tuple[Outage | None, int]:
    before = [beat for beat in told if beat.at_ms <= strike.at_ms]
    epoch, done = before[-1].epoch, max(beat.done for beat in before)
    for beat in told:
        if beat.at_ms <= strike.at_ms:
            continue
        if beat.epoch == epoch and beat.at_ms >= strike.until_ms > strike.at_ms:
            return None, beat.at_ms  # a pause that nobody used
        if beat.epoch > epoch and beat.done >= done:
            outage = Outage(
                loop=loop,
                strike=strike,
                lasted_s=(beat.at_ms - strike.at_ms) / 1000,
                is_takeover=beat.instance != before[-1].instance,
            )
            return outage, beat.at_ms
    return Outage(loop=loop, strike=strike, lasted_s=None), 1 << 62


def service_of(loop: str) -> str:
    """Whose process runs the loop of this name."""
    service = loop.partition("/")[0]
    return "risk" if service == "marks" else service
