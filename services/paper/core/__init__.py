"""The paper venue: what would a venue have done with these orders, against the market as it was?

Its time is that of the market it hears: the latest stamp of the matching engine whose book and
trades these are, never back (`time_after`). A request gets here after its latency and meets the
book as it was before the first market event at or after its arrival.
"""

from collections.abc import Sequence
from typing import assert_never

from marea.messages.market import BookDelta, BookSnapshot, InstrumentChanged, Trade
from marea.messages.paper import AccountOpened, CancelOrder, ExecutionReport, PlaceOrder
from marea.messages.system import Clock, GapFound
from services.paper.core import changes, matching
from services.paper.core.state import SERVICE, PaperInput, PaperOutput, PaperState

__all__ = ["SERVICE", "PaperInput", "PaperOutput", "PaperState", "apply", "decide"]


def decide(state: PaperState, event: PaperInput) -> Sequence[PaperOutput]:
    """What the account is told at this event: nothing, unless an order is near."""
    match event:
        case Trade() | BookDelta() | BookSnapshot() | Clock():
            return () if matching.is_idle(state, event) else matching.reports_at(state, event)
        case GapFound():
            return (event,)
        case InstrumentChanged() | AccountOpened() | PlaceOrder() | CancelOrder():
            return ()
        case _:
            assert_never(event)


def apply(state: PaperState, event: PaperInput | PaperOutput) -> None:
    """Take the market, a request or what was reported into the state."""
    match event:
        case Trade() | BookDelta() | BookSnapshot() | Clock():
            changes.take_moving(state, event)
        case PlaceOrder() | CancelOrder():
            changes.take_request(state, event)
        case ExecutionReport():
            changes.take_report(state, event)
        case InstrumentChanged():
            changes.take_instrument(state, event)
        case AccountOpened():
            changes.take_account(state, event)
        case GapFound():
            pass
        case _:
            assert_never(event)
