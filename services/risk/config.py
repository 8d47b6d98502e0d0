"""What risk's core is told once, at its start. Shares are in units of 10^-8."""

from msgspec import Struct

from marea.messages.envelope import Nanos


class Breaker(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One level of the drawdown breaker."""

    drawdown_e8_max: int
    pause_ns: Nanos


class RiskConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be held, at which price, how often, and until when."""

    portfolio: str
    trades: tuple[str, ...]
    """Strategies whose signals are acted on, in the order in which they speak."""
    confidence_min: float
    position_e8_max: int
    """Of equity, for one opening: the profile's."""
    asset_e8_max: int
    """Of equity, in one asset."""
    sector_e8_max: int
    """Of equity, in one sector."""
    sectors: dict[str, str]
    """By asset; one that is not named is a sector of its own."""
    positions_max: int
    kelly_share: float
    kelly_trades_min: int
    collar_e8: int
    """From the mid."""
    orders_per_s_max: int
    orders_per_min_max: int
    stale_ns_max: Nanos
    stop_atr: float
    target_atr: float
    breakers: tuple[Breaker, ...]
