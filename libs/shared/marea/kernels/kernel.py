"""What a kernel is: one step over plain state, run as it is live and compiled in research.

State is a flat list of floats (live) or a float64 array (compiled) that the step changes in place:
how many rows it has counted, how many it needs, its outputs, then its parameters, what it carries
from row to row, and its windows. Each kernel names its places with constants. A kernel's domain is
prices in (0, 1e15] and quantities in [0, 1e15]: in it, no step gives NaN or infinity.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = list[float]
Row: TypeAlias = Sequence[float]

COUNT, WARM_UP, FIRST_OUTPUT = range(3)
"""How every state begins."""

OPEN, HIGH, LOW, CLOSE, VOLUME, TS_OPEN_S = range(6)
"""A row of `bar`: prices, quantity, and when it began in seconds since 1970-01-01 UTC."""

BID_PRICE, BID_QTY, ASK_PRICE, ASK_QTY = range(4)
"""A row of `quote`: the best bid and ask; an empty side has price or quantity 0."""

TRADE_QTY, TRADE_SIGN = range(2)
"""A row of `trade`: its quantity, and 1 where the taker bought or -1 where the taker sold."""

FIELDS = {"bar": 6, "quote": 4, "trade": 2, "book": 2}
"""How many fields a row has. A row of `book` has two for each of the kernel's levels, so 2 at
least: the quantities of the bids, then those of the asks, best first, 0 where there is no level."""

PERIOD_MAX = 10_000


def keep(_state: State) -> None:
    """What does a new bar change? Nothing, for a kernel that runs on over the bars."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernel:
    """Which rows does an indicator take, which numbers does it give, and how is it run?"""

    name: str
    row: Literal["bar", "quote", "trade", "book"]
    outputs: tuple[str, ...]
    parameters: Mapping[str, float]
    """Their defaults."""
    fresh: Callable[..., State]
    """Makes the state to begin with, of all parameters by name; `start` is the way to call it."""
    step: Callable[[State, Row], None]
    """Takes one row into the state."""
    reset: Callable[[State], None] = keep
    """Begins a new bar, after the outputs of the closed one were read."""

    def start(self, **parameters: float) -> State:
        """Which state does it begin with, under its defaults and these parameters?

        Raises ValueError for a parameter that it doesn't have or a value that it can't take.
        """
        for name in parameters:
            if name not in self.parameters:
                takes = ", ".join(self.parameters) or "none"
                raise ValueError(f"{self.name} has no parameter {name}; it takes: {takes}")
        return self.fresh(**{**self.parameters, **parameters})

    def value_names(self, name: str) -> tuple[str, ...]:
        """What are its outputs called in a feature vector, where the indicator has this name?"""
        return tuple(
            name if output == self.name else f"{name}_{output.removeprefix(self.name + '_')}"
            for output in self.outputs
        )

    def read(self, state: State) -> State:
        """What are its outputs now? They mean nothing unless `is_warm(state)`."""
        return state[FIRST_OUTPUT : FIRST_OUTPUT + len(self.outputs)]


def is_warm(state: State) -> bool:
    """Has the kernel seen the rows that all its outputs need?"""
    return state[COUNT] >= state[WARM_UP]


def period_of(name: str, rows: float) -> int:
    """How many rows does a period span? Raises ValueError unless whole and in 1…PERIOD_MAX."""
    if not 1 <= rows <= PERIOD_MAX or rows != int(rows):
        raise ValueError(f"{name} is {rows!r}; give a whole number of rows in 1…{PERIOD_MAX}")
    return int(rows)
