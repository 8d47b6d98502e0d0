"""What the paper venue's core is told once, at its start."""

from msgspec import Struct


class PaperConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One virtual account: its name, its chance, how far away it is, what it pays."""

    account: str
    """The partition of the paper channel."""
    seed: int
    latency_ns: int
    """Of a request and of a report, each way."""
    latency_spread_ns: int
    """At most so much more or less."""
    maker_e8: int
    """Commission of a fill that rested, of what is received, in units of 10^-8."""
    taker_e8: int
    """Commission of a fill that took, of what is received, in units of 10^-8."""
