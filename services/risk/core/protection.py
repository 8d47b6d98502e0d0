"""Where do the stop and the target of an opening lie? So many ATR(14) below and above its price."""

import math

from marea.domain.money import DIVISOR_MAX, Rounding, round_to_increment
from marea.messages.market import Price
from marea.messages.signals import Signal
from services.risk.config import RiskConfig
from services.risk.core.state import Market

ATR = "atr_14"
NO_STOP = 0


def distance(market: Market, signal: Signal, atr_count: float) -> float:
    """So many ATR(14), in the instrument's price units; 0 where the signal has none that means it."""
    units = atr_count * signal.features.get(ATR, 0.0) * 10**market.instrument.price_scale
    return units if 0.0 < units < DIVISOR_MAX else 0.0  # NaN is neither


def stop_price(config: RiskConfig, market: Market, signal: Signal) -> Price:
    """Where the stop triggers; `NO_STOP`: none can be set.

    It is rounded up, so that no more is lost than was meant, and lies below the best bid, or it
    would trigger at once.
    """
    below = math.floor(distance(market, signal, config.stop_atr))
    increment = market.instrument.price_increment
    stop = round_to_increment(market.mid_price - below, increment, Rounding.UP)
    return max(0, min(stop, market.bid_price - increment)) if below else NO_STOP


def target_price(config: RiskConfig, market: Market, signal: Signal) -> Price:
    """Where profit is taken: rounded up, and above the best ask; no sooner than was meant."""
    above = math.ceil(distance(market, signal, config.target_atr))
    increment = market.instrument.price_increment
    target = round_to_increment(market.mid_price + above, increment, Rounding.UP)
    return max(target, market.ask_price + increment)
