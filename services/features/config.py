"""What the features' core is told once, at its start."""

from msgspec import Struct


class Indicator(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kernel with its parameters, and what its values are called."""

    name: str
    kernel: str
    parameters: dict[str, float]


class FeaturesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bars are made, of what the vector is made, and when."""

    shard: str
    """The partition of the features channel."""
    intervals_s: tuple[int, ...]
    """Lengths of the bars, rising."""
    vector_interval_s: int
    """Length of the bars that the vector rests on."""
    vector_period_ns: int
    """Between two bars, at most one vector in this time."""
    indicators: tuple[Indicator, ...]
