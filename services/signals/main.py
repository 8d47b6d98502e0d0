"""How signals is wired: one loop over the features of a shard."""

from collections.abc import Sequence

from marea.errors import BadInput
from marea.kernels.registry import KERNELS
from marea.messages.envelope import Log
from marea.runtime.core import Core
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings
from marea.runtime.sources import nearest
from marea.runtime.wiring import Ports, wired_to_one
from services.signals.config import SignalsConfig
from services.signals.core import SERVICE, SignalsState, apply, begin, configure, decide
from services.signals.core.ensembles import ENSEMBLES
from services.signals.core.speech import TRADED_ON
from services.signals.strategies import STRATEGIES

SECOND_NS = 1_000_000_000
EXPIRY_S_MAX = 1_000_000_000
"""So many seconds are still a number of ns in 64 bits."""


def signals_config(settings: Settings, shard: str) -> SignalsConfig:
    """What the settings say of signals.

    Raises `BadInput` for a strategy that there isn't, one that takes a feature which no indicator
    gives, a name that is written twice, and signals that hold too long to be told in ns.
    """
    given = settings.signals
    _refuse_unknown("strategies", given.strategies, list(STRATEGIES))
    _refuse_unknown("trades", given.trades, [*given.strategies, *ENSEMBLES])
    _refuse_missing_features(settings)
    interval_s = settings.features.vector_interval_s
    expiry_s = given.expiry_bars * interval_s
    if expiry_s > EXPIRY_S_MAX:
        raise BadInput(
            f"signals.expiry_bars is {given.expiry_bars}, with bars of {interval_s} s that is "
            f"{expiry_s} s: write at most {EXPIRY_S_MAX // interval_s}"
        )
    return SignalsConfig(
        shard=shard,
        interval_s=interval_s,
        strategies=given.strategies,
        trades=given.trades,
        expiry_ns=expiry_s * SECOND_NS,
        closed_trades_min=given.closed_trades_min,
    )


def signals_loop(
    config: SignalsConfig, portfolio: str, ports: Ports, build: str, snapshot_every_ns: int
) -> Loop[SignalsState]:
    """The loop that tells a portfolio what everybody thinks of the instruments of a shard."""
    core = Core(
        service=SERVICE,
        state_type=SignalsState,
        config_type=SignalsConfig,
        initial=lambda: begin(config),
        decide=decide,
        apply=apply,
        configure=configure,
    )
    features, trading = Log("features", config.shard), Log("trading", portfolio)
    name = f"{SERVICE}/{config.shard}"
    wiring = wired_to_one(name, features, trading, config, build, snapshot_every_ns)
    return Loop(core, wiring, ports)


def _refuse_unknown(key: str, names: Sequence[str], known: list[str]) -> None:
    for place, name in enumerate(names):
        if name not in known:
            raise BadInput(
                f"signals.{key} has '{name}', and nobody of that name speaks; "
                f"did you mean '{nearest(name, known)}'?"
            )
        if name in names[:place]:
            raise BadInput(f"signals.{key} has '{name}' twice: write it once")


def _refuse_missing_features(settings: Settings) -> None:
    made = [
        value
        for name, indicator in settings.indicators.items()
        if indicator.kernel in KERNELS  # another one is refused by features
        for value in KERNELS[indicator.kernel].value_names(name)
    ]
    takers = {
        f"strategy '{name}'": STRATEGIES[name].features for name in settings.signals.strategies
    }
    for taker, features in {**takers, "whoever acts on a signal": TRADED_ON}.items():
        for feature in features:
            if feature not in made:
                raise BadInput(
                    f"{taker} takes '{feature}', which no indicator gives; the nearest is "
                    f"'{nearest(feature, made)}': add an indicator, or change signals.strategies"
                )
