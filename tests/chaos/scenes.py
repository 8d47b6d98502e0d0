"""What is played: which faults, how often, on which servers; all of it follows from a seed."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.chaos.faults import STORES
from tests.chaos.stage import Scene

BUSY = 11.0
"""The market's activity at which about 1,000 messages a second come of it."""
RECORDED = 2.0
"""The same where the recorder and its stores share two cores with the rest."""
STORES_AWAY = tuple(f"{name} away" for name in STORES)
DISKS_FULL = tuple(f"{name}'s disk full" for name in STORES)
CLUSTER = ("kafka-1", "kafka-2", "kafka-3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """A scene with its faults."""

    scene: Scene
    every_s: Mapping[str, float]
    """The mean time between two strikes of a fault."""


def whole(seed: int, minutes: float) -> dict[str, Play]:
    """What `make chaos` plays: the first for so long, the others for a fifth of it."""
    faulty_s = 60 * minutes
    return {
        "one host": Play(
            scene=Scene(seed=seed, faulty_s=faulty_s, activity=BUSY),
            every_s={
                "kill a service": 5,
                "pause an owner": 60,
                "flush Redis": 120,
                "kill Redis": 150,
                "empty Redis": 150,
                "kill Kafka": 120,
                "upgrade": 200,
            },
        ),
        "three brokers": Play(
            scene=Scene(seed=seed, faulty_s=faulty_s / 5, activity=BUSY, brokers=CLUSTER),
            every_s={"kill Kafka": faulty_s / 20, "kill a service": 15},
        ),
        "two hosts": Play(
            scene=Scene(seed=seed, faulty_s=faulty_s / 5, activity=BUSY, has_second_host=True),
            every_s={"cut the host": faulty_s / 15, "kill a service": 20},
        ),
        "stores": Play(
            scene=Scene(
                seed=seed,
                faulty_s=faulty_s / 5,
                activity=RECORDED,
                store_away_s=faulty_s / 10,
            ),
            every_s={
                **dict.fromkeys((*STORES_AWAY, *DISKS_FULL), faulty_s / 5),
                "kill a service": 20,
            },
        ),
    }


def selection(seed: int) -> dict[str, Play]:
    """What every run of the tests plays: each fault about once, at the market's own pace."""
    return {
        "one host": Play(
            scene=Scene(seed=seed, faulty_s=45, calm_s=10, activity=2.0),
            every_s={
                "kill a service": 6,
                "pause an owner": 30,
                "flush Redis": 30,
                "kill Redis": 40,
                "empty Redis": 40,
                "kill Kafka": 40,
                "upgrade": 40,
            },
        ),
        "three brokers": Play(
            scene=Scene(seed=seed, faulty_s=20, calm_s=10, brokers=CLUSTER),
            every_s={"kill Kafka": 20},
        ),
        "two hosts": Play(
            scene=Scene(seed=seed, faulty_s=20, calm_s=10, has_second_host=True),
            every_s={"cut the host": 20},
        ),
        "stores": Play(
            scene=Scene(seed=seed, faulty_s=10, calm_s=3, store_away_s=4),
            every_s=dict.fromkeys((*STORES_AWAY, "PostgreSQL's disk full"), 10),
        ),
    }
