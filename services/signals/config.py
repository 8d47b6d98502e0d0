"""What the signals' core is told once, at its start."""

from msgspec import Struct


class SignalsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who speaks, which of them are acted on, and how long a signal holds."""

    shard: str
    """The partition of the features channel."""
    interval_s: int
    """Length of the bars that the vectors rest on."""
    strategies: tuple[str, ...]
    trades: tuple[str, ...]
    """Whose signals are acted on, of strategies, combiner and ensembles; they speak last."""
    expiry_ns: int
    """How long a signal holds."""
    closed_trades_min: int
    """Of every strategy, before their records weigh; equal weights until then."""
