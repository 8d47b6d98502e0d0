"""How features is wired: one loop for each instrument of a shard."""

import msgspec

from marea.errors import BadInput
from marea.messages.envelope import Log
from marea.runtime.core import Core
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings
from marea.runtime.wiring import Ports, wired_to_one
from services.features.config import FeaturesConfig, Indicator
from services.features.core import SERVICE, FeaturesState, apply, begin, configure, decide


def features_config(settings: Settings, shard: str) -> FeaturesConfig:
    """What the settings say of features. Raises `BadInput` for an indicator that can't be made."""
    config = FeaturesConfig(
        shard=shard,
        intervals_s=settings.features.intervals_s,
        vector_interval_s=settings.features.vector_interval_s,
        vector_period_ns=settings.features.vector_period_ms * 1_000_000,
        indicators=tuple(
            Indicator(name=name, kernel=given.kernel, parameters=given.parameters)
            for name, given in settings.indicators.items()
        ),
    )
    try:
        begin(config)
    except ValueError as err:
        raise BadInput(str(err)) from err
    # A number that is written without a point is the same number.
    return msgspec.convert(msgspec.to_builtins(config), FeaturesConfig)


def features_loop(
    config: FeaturesConfig, instrument: str, ports: Ports, build: str, snapshot_every_ns: int
) -> Loop[FeaturesState]:
    """The loop that makes the features of one instrument."""
    core = Core(
        service=SERVICE,
        state_type=FeaturesState,
        config_type=FeaturesConfig,
        initial=lambda: begin(config),
        decide=decide,
        apply=apply,
        configure=configure,
    )
    market, features = Log("market", instrument), Log("features", config.shard)
    name = f"{SERVICE}/{instrument}"
    wiring = wired_to_one(name, market, features, config, build, snapshot_every_ns)
    return Loop(core, wiring, ports)
