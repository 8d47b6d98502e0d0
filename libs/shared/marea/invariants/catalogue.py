"""Which invariants are there, and which of them can the logs of a run not show?"""

from collections.abc import Mapping
from types import MappingProxyType

from marea.invariants import accounts, bars, books, decisions, orders, reading, record, venue
from marea.invariants.reading import ReadingRule
from marea.invariants.record import Known, KnownRule
from marea.invariants.trading import Trading, TradingRule
from marea.invariants.violation import Invariant, Rule

PLAIN: Mapping[int, type[Rule]] = MappingProxyType(
    {
        3: accounts.DoubleEntry,
        5: accounts.FillOnce,
        29: record.TimeGoesOn,
        30: bars.BarsAreSane,
        31: books.BookIsNotCrossed,
        35: record.Reproduced,
    }
)
"""Those that need nothing but the records, by their number."""

NEEDS_READING: Mapping[int, type[ReadingRule]] = MappingProxyType(
    {
        23: reading.Contiguous,
        33: reading.OneLife,
    }
)
"""Those that judge what readers drop, too, by their number."""

NEEDS_IDS: Mapping[int, type[KnownRule]] = MappingProxyType(
    {
        24: record.OnePayload,  # it learns the ids that the other two ask for
        25: record.Caused,
        28: record.NoForesight,
    }
)
"""Those that need every id of the run, by their number and in the order of their turn."""

NEEDS_TRADING: Mapping[int, type[TradingRule]] = MappingProxyType(
    {
        1: accounts.PositionIsFills,
        2: accounts.CashIsFills,
        4: orders.FilledAtMostOrdered,
        6: orders.OneLiveOrder,
        7: orders.IntendedBeforeSent,
        8: decisions.Approved,
        9: decisions.EndsOnce,
        10: orders.LifeIsAllowed,
        11: orders.UnknownFreezes,
        12: decisions.WithinCash,
        13: orders.OnIncrements,
        14: accounts.ReduceOnlyReduces,
        15: venue.SameAsVenue,
        16: decisions.BreakerHolds,
        17: orders.HaltEnds,
        18: decisions.LevelEndsByEvent,
        19: decisions.CommandOnce,
        20: decisions.OneBuild,
        21: decisions.WithinRates,
        22: decisions.AdvisoryIsSilent,
    }
)
"""Those that need the picture of the trading side, by their number."""

SHOWN: Mapping[int, type[Rule]] = MappingProxyType(
    {**PLAIN, **NEEDS_READING, **NEEDS_IDS, **NEEDS_TRADING}
)
"""All that the logs of a run can show, by their number."""

NOT_SHOWN: Mapping[int, str] = MappingProxyType(
    {
        26: "what a sink holds stands in the sink: its own test compares it with the log",
        27: "Redis is no log of a run: a test of the distributed composition compares the two",
        32: "what was dropped or waits is a counter of a reader, and on no log but as `GapFound`",
        34: "a snapshot is no record: the kill tests compare a restored run with an undisturbed one",
        36: "the original bytes stand at their source only: the tests of ingestion compare them",
        37: "a secret is known by its value, which no log names: a test plants one and searches",
        38: "answers and audit rows of the HTTP API stand in its store",
        39: "lag and pending lists are a broker's",
        40: "tasks, files and memory are the process's: the soak test watches them",
    }
)
"""Why the logs of a run cannot show them, by their number."""


def every_invariant(known: Known, trading: Trading) -> list[Invariant]:
    """Every invariant that judges what readers take, new, in the order of their turns."""
    return [
        *(make() for make in PLAIN.values()),
        *(make(known) for make in NEEDS_IDS.values()),
        *(make(trading) for make in NEEDS_TRADING.values()),
    ]
