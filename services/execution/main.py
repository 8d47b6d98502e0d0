"""How execution is wired: one loop for each portfolio, which reads and writes its trading log."""

from marea.messages.envelope import Log
from marea.runtime.core import Core, replace_config
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings, share_e8
from marea.runtime.wiring import Ports, wired_to_one
from services.execution.config import ExecutionConfig
from services.execution.core import (
    HEARS,
    SERVICE,
    ExecutionState,
    apply,
    begin,
    decide,
    next_deadline,
)

MS = 1_000_000
SECOND = 1_000 * MS


def execution_config(settings: Settings) -> ExecutionConfig:
    """What the settings say of execution."""
    said = settings.execution
    return ExecutionConfig(
        portfolio=settings.portfolio.name,
        passive_ns=said.passive_ms * MS,
        late_ns_max=said.late_ms_max * MS,
        unknown_ns_max=said.unknown_s_max * SECOND,
        reconcile_ns=said.reconcile_s * SECOND,
        collar_e8=share_e8(settings.risk.collar_pct),
    )


def execution_loop(
    config: ExecutionConfig, ports: Ports, build: str, snapshot_every_ns: int
) -> Loop[ExecutionState]:
    """The loop that carries out what risk approves for one portfolio."""
    trading = Log("trading", config.portfolio)
    core = Core(
        service=SERVICE,
        state_type=ExecutionState,
        config_type=ExecutionConfig,
        initial=lambda: begin(config),
        decide=decide,
        apply=apply,
        configure=replace_config,
        next_deadline=next_deadline,
        hears=HEARS,
    )
    name = f"{SERVICE}/{config.portfolio}"
    wiring = wired_to_one(name, trading, trading, config, build, snapshot_every_ns)
    return Loop(core, wiring, ports)
