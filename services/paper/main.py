"""How the paper venue is wired: one loop for each account, over the markets it trades in."""

from dataclasses import replace

from marea.runtime.core import Core, replace_config
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings, share_e8
from marea.runtime.wiring import Ports, wired_to_one
from services.paper.config import PaperConfig
from services.paper.core import SERVICE, PaperState, apply, decide
from services.paper.shell.merge import Merge


def paper_config(settings: Settings) -> PaperConfig:
    """What the settings say of the paper venue; the account has the portfolio's name."""
    given = settings.paper
    return PaperConfig(
        account=settings.portfolio.name,
        seed=given.seed,
        latency_ns=given.latency_ms * 1_000_000,
        latency_spread_ns=given.latency_spread_ms * 1_000_000,
        maker_e8=share_e8(given.maker_pct),
        taker_e8=share_e8(given.taker_pct),
    )


def paper_loop(
    config: PaperConfig, merge: Merge, ports: Ports, build: str, snapshot_every_ns: int
) -> Loop[PaperState]:
    """The loop that keeps one account.

    It reads the merge, at positions of the merge's own, and brings requests to and writes reports
    on the account's log.
    """
    core = Core(
        service=SERVICE,
        state_type=PaperState,
        config_type=PaperConfig,
        initial=lambda: PaperState(config=config),
        decide=decide,
        apply=apply,
        configure=replace_config,
    )
    name, log = f"{SERVICE}/{config.account}", merge.account_log
    wiring = wired_to_one(name, log, log, config, build, snapshot_every_ns)
    return Loop(core, wiring, replace(ports, source=merge, snapshots=merge))
