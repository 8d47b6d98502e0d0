"""What execution's core and shell are told once, at their start."""

from msgspec import Struct

from marea.messages.envelope import Nanos


class ExecutionConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose orders, how long each may rest, be late or stay unknown."""

    portfolio: str
    """The partition of trading that it reads and writes."""
    passive_ns: Nanos
    """An entry rests so long at the best price before it crosses the spread."""
    late_ns_max: Nanos
    """An order that could not be sent by then after it was intended is not sent."""
    unknown_ns_max: Nanos
    """What nobody has answered for by then is told as a difference."""
    reconcile_ns: Nanos
    """Between two comparisons with the venue."""
    collar_e8: int
    """How far from the best bid a position that lost its stop may be sold, in units of 10^-8."""
