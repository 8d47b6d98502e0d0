"""Is ours what the venue has: balances and working orders, exactly?

The two are compared only where the venue's figures rest on the very reports that were taken. A
difference changes nothing here: it is told with its evidence, and a missing order is not taken for
one that ended.
"""

from collections.abc import Iterator

from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import Rounding, rescale
from marea.messages.envelope import Nanos
from marea.messages.orders import AccountReported, ReconciliationDone, ReportAccount
from services.execution.core import reasons
from services.execution.core.life import UNSETTLED, is_over
from services.execution.core.protection import uncovered, uncovered_qty
from services.execution.core.state import ExecutionState


def at_start(state: ExecutionState) -> Iterator[ReportAccount]:
    """A new life compares at once."""
    if state.sends:
        yield _request(state)


def at_clock(state: ExecutionState, now: Nanos) -> Iterator[ReportAccount | ReconciliationDone]:
    """Asks when a comparison is due, and says so when none came about for too long."""
    told = state.reconciliation
    if not state.sends:
        return
    if told.ts_unanswered and now >= told.ts_unanswered + state.config.unknown_ns_max:
        yield _done(state, (_difference(reasons.NO_ANSWER, state.account, "asked", ""),))
    elif now >= told.ts_due:
        yield _request(state)


def deadlines(state: ExecutionState) -> list[Nanos]:
    """When the next question is due."""
    return [state.reconciliation.ts_due] if state.sends else []


def is_comparable(state: ExecutionState, reported: AccountReported) -> bool:
    """Does what the venue says rest on the reports that were taken, and no others?"""
    is_ours = reported.account == state.account
    return is_ours and reported.report_offset == state.report_number + 1


def on_account(state: ExecutionState, reported: AccountReported) -> Iterator[ReconciliationDone]:
    """What a comparison finds."""
    if is_comparable(state, reported):
        found = [
            *_of_balances(state, reported),
            *_of_orders(state, reported),
            *_of_protection(state),
            *_of_silence(state),
            *state.reconciliation.misfits,
        ]
        yield _done(state, tuple(found))


def _of_balances(state: ExecutionState, reported: AccountReported) -> Iterator[str]:
    for asset in sorted({*state.balances, *reported.balances}):
        ours = state.balances.get(asset, 0)
        units = reported.balances.get(asset, 0)
        theirs = rescale(units, reported.asset_scale, ASSET_SCALE, Rounding.DOWN)
        if ours != theirs:
            yield _difference(reasons.BALANCE, asset, str(ours), str(theirs))


def _of_orders(state: ExecutionState, reported: AccountReported) -> Iterator[str]:
    for name, order in state.orders.items():
        works = order.is_reported and not is_over(order)
        if works and name not in reported.open_orders:
            yield _difference(reasons.ORDER, name, order.status, "")
        elif name in reported.open_orders and not works:
            yield _difference(reasons.ORDER, name, order.status, "working")
    for name in reported.open_orders:
        if name not in state.orders:
            yield _difference(reasons.ORDER, name, "", "working")


def _of_protection(state: ExecutionState) -> Iterator[str]:
    for instrument in state.positions:
        if uncovered(state, instrument, state.now):
            qty = uncovered_qty(state, instrument)
            yield _difference(reasons.UNPROTECTED, instrument, str(qty), "0")


def _of_silence(state: ExecutionState) -> Iterator[str]:
    for name, order in state.orders.items():
        is_due = order.intent is not None and order.status in UNSETTLED
        if is_due and state.now >= order.ts_doubt + state.config.unknown_ns_max:
            yield _difference(reasons.UNSETTLED, name, order.status, "")


def _difference(code: str, thing: str, ours: str, theirs: str) -> str:
    return "|".join((code, thing, ours, theirs))


def _request(state: ExecutionState) -> ReportAccount:
    return ReportAccount(portfolio=state.config.portfolio, account=state.account)


def _done(state: ExecutionState, differences: tuple[str, ...]) -> ReconciliationDone:
    return ReconciliationDone(
        portfolio=state.config.portfolio,
        account=state.account,
        differences=differences,
        rounds=state.reconciliation.rounds + 1 if differences else 0,
    )
