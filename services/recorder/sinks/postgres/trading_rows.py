"""Which rows does a message of the trading log make, its orders apart?

Each function gives the columns after the lineage, in the order of `columns`.
"""

from marea.domain.money import format_amount
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Command,
    CommandTaken,
    JournalPosted,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from services.recorder.sinks.postgres.tables import Row
from services.recorder.sinks.postgres.texts import boolean, json
from services.recorder.sinks.texts import interval, utc

CONFIDENCE_GATE = "CONFIDENCE_TOO_LOW"
"""It looks at the confidence of the signal."""


def portfolios(opened: PortfolioOpened) -> list[Row]:
    """What was said of it as it began."""
    return [
        (
            utc(opened.ts_event),
            opened.portfolio,
            opened.owner,
            opened.mode,
            opened.venue,
            opened.account,
            opened.base_asset,
            opened.time_zone,
        )
    ]


def signals(signal: Signal) -> list[Row]:
    """What one strategy or ensemble said."""
    members = {
        name: {"score": score, "weight": signal.weights.get(name)}
        for name, score in signal.votes.items()
    }
    return [
        (
            utc(signal.ts_event),
            signal.instrument,
            signal.strategy,
            interval(signal.interval_s),
            signal.action,
            repr(100 * abs(signal.score)),
            repr(signal.score),
            repr(signal.confidence),
            format_amount(signal.price, signal.price_scale),
            utc(signal.ts_expiry),
            json(signal.reasons),
            json(signal.features),
            json(members),
        )
    ]


def risk_decisions(decision: RiskDecision) -> list[Row]:
    """One verdict, with what each gate saw."""
    price_scale, qty_scale = decision.price_scale, decision.qty_scale
    shares = {
        name: format_amount(qty, qty_scale)
        for name, qty in zip(decision.strategy.split("+"), decision.shares, strict=False)
    }
    confidence = decision.observed.get(CONFIDENCE_GATE)
    return [
        (
            utc(decision.ts_event),
            decision.portfolio,
            decision.instrument,
            decision.strategy,
            decision.purpose,
            decision.leg,
            decision.parents[0] if decision.leg == "signal" and decision.parents else None,
            boolean(decision.approved),
            decision.reason,
            decision.side,
            format_amount(decision.qty, qty_scale),
            json(shares),
            None if confidence is None else repr(confidence),
            format_amount(decision.bid_price, price_scale),
            format_amount(decision.ask_price, price_scale),
            format_amount(decision.collar_price, price_scale),
            format_amount(decision.stop_price, price_scale),
            format_amount(decision.target_price, price_scale),
            utc(decision.ts_expiry),
            json(decision.observed),
            json(decision.limits),
        )
    ]


def closed_positions(closed: PositionClosed) -> list[Row]:
    """What came of a position."""
    return [
        (
            utc(closed.ts_event),
            closed.portfolio,
            closed.strategy,
            closed.instrument,
            closed.side,
            format_amount(closed.qty, closed.qty_scale),
            format_amount(closed.entry_price, closed.price_scale),
            format_amount(closed.exit_price, closed.price_scale),
            utc(closed.ts_opened),
            closed.exit_reason,
            closed.asset,
            format_amount(closed.realized_pnl, closed.asset_scale),
            format_amount(closed.fees, closed.asset_scale),
        )
    ]


def journal_entries(posted: JournalPosted) -> list[Row]:
    """One row for each entry of a transaction."""
    entries = zip(posted.accounts, posted.assets, posted.amounts, strict=True)
    return [
        (
            utc(posted.ts_event),
            str(entry),
            posted.portfolio,
            posted.strategy,
            posted.cause,
            account,
            asset,
            format_amount(amount, posted.asset_scale),
        )
        for entry, (account, asset, amount) in enumerate(entries)
    ]


def tripped_breakers(tripped: BreakerTripped) -> list[Row]:
    """A level that holds openings back from here on."""
    return [
        (
            utc(tripped.ts_event),
            tripped.portfolio,
            str(tripped.level),
            boolean(True),
            "drawdown",
            repr(tripped.drawdown_pct),
            repr(tripped.drawdown_pct_max),
            tripped.asset,
            format_amount(tripped.reference, tripped.asset_scale),
            format_amount(tripped.equity, tripped.asset_scale),
            utc(tripped.ts_until),
        )
    ]


def ended_breakers(ended: BreakerEnded) -> list[Row]:
    """A level that holds nothing back any more."""
    key = (utc(ended.ts_event), ended.portfolio, str(ended.level), boolean(False), ended.cause)
    reference = format_amount(ended.reference, ended.asset_scale)
    return [(*key, None, None, ended.asset, reference, None, None)]


def risk_metrics(valued: PortfolioValued) -> list[Row]:
    """What a portfolio is worth."""
    scale = valued.asset_scale
    return [
        (
            utc(valued.ts_event),
            valued.portfolio,
            valued.asset,
            format_amount(valued.equity, scale),
            format_amount(valued.cash, scale),
            format_amount(valued.exposure, scale),
            format_amount(valued.realized_pnl, scale),
            format_amount(valued.unrealized_pnl, scale),
            format_amount(valued.fees, scale),
            repr(valued.drawdown_pct),
        )
    ]


def commands(command: Command) -> list[Row]:
    """What a person ordered."""
    told = (command.portfolio, command.actor, command.role, command.action, command.reason)
    return [(utc(command.ts_event), "Command", *told, command.key, None, None)]


def taken_commands(taken: CommandTaken) -> list[Row]:
    """What became of a command."""
    told = (taken.portfolio, taken.actor, None, taken.action, taken.reason)
    command_id = taken.parents[0] if taken.parents else None
    accepted = boolean(taken.accepted)
    return [(utc(taken.ts_event), "CommandTaken", *told, None, accepted, command_id)]
