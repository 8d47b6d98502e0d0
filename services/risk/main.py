"""How risk is wired: one loop for a portfolio's trading log, and one for the marks of an instrument."""

from marea.messages.envelope import Log
from marea.runtime.core import Core
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings, share_e8
from marea.runtime.wiring import Ports, wired_to_one
from services.risk.config import Breaker, RiskConfig
from services.risk.core import (
    HEARS,
    SERVICE,
    RiskState,
    apply,
    begin,
    configure,
    decide,
    marks,
    next_deadline,
)
from services.risk.core.marks import MarksState

SECOND_NS = 1_000_000_000


def risk_config(settings: Settings) -> RiskConfig:
    """What the settings say of risk; a percentage becomes a share in units of 10^-8."""
    said = settings.risk
    return RiskConfig(
        portfolio=settings.portfolio.name,
        trades=settings.signals.trades,
        confidence_min=settings.signals.confidence_min,
        position_e8_max=share_e8(said.profiles_pct_max[said.profile]),
        asset_e8_max=share_e8(said.asset_pct_max),
        sector_e8_max=share_e8(said.sector_pct_max),
        sectors=said.sectors,
        positions_max=said.positions_max,
        kelly_share=said.kelly_fraction,
        kelly_trades_min=said.kelly_trades_min,
        collar_e8=share_e8(said.collar_pct),
        orders_per_s_max=said.orders_per_s_max,
        orders_per_min_max=said.orders_per_min_max,
        stale_ns_max=said.stale_s_max * SECOND_NS,
        stop_atr=said.stop_atr,
        target_atr=said.target_atr,
        breakers=tuple(
            Breaker(
                drawdown_e8_max=share_e8(each.drawdown_pct_max), pause_ns=each.pause_s * SECOND_NS
            )
            for each in said.breakers
        ),
    )


def risk_loop(
    config: RiskConfig, ports: Ports, build: str, snapshot_every_ns: int
) -> Loop[RiskState]:
    """The loop that decides for one portfolio."""
    trading = Log("trading", config.portfolio)
    core = Core(
        service=SERVICE,
        state_type=RiskState,
        config_type=RiskConfig,
        initial=lambda: begin(config),
        decide=decide,
        apply=apply,
        configure=configure,
        next_deadline=next_deadline,
        hears=HEARS,
    )
    name = f"{SERVICE}/{config.portfolio}"
    wiring = wired_to_one(name, trading, trading, config, build, snapshot_every_ns)
    return Loop(core, wiring, ports)


def marks_loop(
    portfolio: str, instrument: str, ports: Ports, build: str, snapshot_every_ns: int
) -> Loop[MarksState]:
    """The loop that marks one instrument for one portfolio."""
    trading = Log("trading", portfolio)
    core = Core(
        service=SERVICE,
        state_type=MarksState,
        initial=lambda: MarksState(instrument=instrument),
        decide=marks.decide,
        apply=marks.apply,
        hears=marks.HEARS,
    )
    name = f"{SERVICE}/marks/{instrument}"
    market = Log("market", instrument)
    wiring = wired_to_one(name, market, trading, {}, build, snapshot_every_ns)
    return Loop(core, wiring, ports)
