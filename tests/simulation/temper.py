"""What is a seed's Marea told to be like: how tight its limits, how many speak, how much it holds?

Each trait brings worlds to where some promise is tested that a world of common settings never
comes near. As with faults, a seed has none of them, or one, or several.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from functools import cache
from random import Random
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from marea.messages.envelope import Message
from marea.messages.portfolio import Mode, RiskDecision
from marea.runtime.settings import IndicatorSettings, Settings, find_config_dir, load_settings

ENVIRONMENT = {
    "MAREA__FEATURES__INTERVALS_S": "[1]",
    "MAREA__FEATURES__VECTOR_PERIOD_MS": "1000000",
    "MAREA__SIGNALS__STRATEGIES": '["sma"]',
    "MAREA__SIGNALS__TRADES": '["sma"]',
    "MAREA__SIGNALS__CONFIDENCE_MIN": "0.0",
    "MAREA__SIGNALS__EXPIRY_BARS": "5",
}


def _indicators(given: Mapping[str, Mapping[str, str | int]]) -> dict[str, IndicatorSettings]:
    return {name: IndicatorSettings.model_validate(each) for name, each in given.items()}


INDICATORS = _indicators(
    {
        "mid": {"kernel": "mid"},
        "sma_20": {"kernel": "sma", "period": 3},
        "atr_14": {"kernel": "atr", "period": 2},
        "adx_14": {"kernel": "adx", "period": 2},
    }
)
"""Short ones, that are warm after a few bars, under the names that the strategies know."""

MORE_INDICATORS = _indicators(
    {"ema_20": {"kernel": "ema", "period": 2}, "ema_50": {"kernel": "ema", "period": 4}}
)
"""What the second strategy of a crowd looks at."""

SLOWER = _indicators({"sma_20": {"kernel": "sma", "period": 4}})
"""In the place of the one of that name: all kernels begin anew."""

CAUTION: Mapping[str, str] = MappingProxyType(
    {
        "MAREA__RISK__ASSET_PCT_MAX": "5.0",
        "MAREA__RISK__BREAKERS": (
            '[{"drawdown_pct_max": 0.1, "pause_s": 10}, {"drawdown_pct_max": 0.2, "pause_s": 15}, '
            '{"drawdown_pct_max": 0.5, "pause_s": 20}]'
        ),
        "MAREA__SIGNALS__EXPIRY_BARS": "3",
        "MAREA__PAPER__LATENCY_MS": "30",
    }
)

TRAITS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "nervous": {  # small losses trip the breakers, and soon they end
            "MAREA__RISK__BREAKERS": (
                '[{"drawdown_pct_max": 0.05, "pause_s": 8}, '
                '{"drawdown_pct_max": 0.15, "pause_s": 15}, '
                '{"drawdown_pct_max": 0.4, "pause_s": 25}]'
            ),
        },
        "hurried": {  # it would send more orders than it may
            "MAREA__RISK__ORDERS_PER_S_MAX": "2",
            "MAREA__RISK__ORDERS_PER_MIN_MAX": "6",
        },
        "bold": {  # one opening could take all the cash
            "MAREA__RISK__PROFILES_PCT_MAX__MODERATE": "80.0",
            "MAREA__RISK__ASSET_PCT_MAX": "95.0",
            "MAREA__RISK__SECTOR_PCT_MAX": "100.0",
        },
        "crowded": {  # two strategies share what is bought
            "MAREA__SIGNALS__STRATEGIES": '["sma", "baseline"]',
            "MAREA__SIGNALS__TRADES": '["sma", "baseline"]',
        },
        "poor": {},  # its orders are worth little more than the least that a venue takes
        "advisory": {},  # it only advises
    }
)
PLAIN_SHARE = 0.4
"""Of the seeds, those without a trait."""
SHARES = {name: 0.05 if name == "advisory" else 0.3 for name in TRAITS}


def draw_traits(seed: int) -> frozenset[str]:
    """The traits of a seed's world."""
    draw = Random(f"{seed}/temper")  # a world, not a secret
    if draw.random() < PLAIN_SHARE:
        return frozenset()
    return frozenset(name for name in TRAITS if draw.random() < SHARES[name])


@cache
def settings_of(traits: Set[str], is_cautious: bool) -> Settings:
    """The settings of a world; an upgrade makes them cautious."""
    told = dict(ENVIRONMENT)
    for name in sorted(traits):
        told.update(TRAITS[name])
    if is_cautious:
        told.update(CAUTION)
    settings = load_settings(find_config_dir(None, {}), told)
    indicators = INDICATORS | (MORE_INDICATORS if "crowded" in traits else {})
    indicators |= SLOWER if is_cautious else {}
    return settings.model_copy(update={"indicators": indicators})


def balance_of(traits: Set[str]) -> int:
    """What a portfolio begins with, in whole units of its base asset."""
    if "poor" in traits:
        return 300
    return 1_000 if "bold" in traits else 10_000  # more than that would find no buyer at the end


def mode_of(traits: Set[str]) -> Mode:
    """Whether the portfolio trades."""
    return "advisory" if "advisory" in traits else "paper"


def otherwise(
    decide: Callable[[Any, Any], Sequence[Message]],
) -> Callable[[Any, Any], list[Message]]:
    """The code of another build: its risk decides as ever, and says so in other words."""

    def decide_otherwise(state: Any, event: Any) -> list[Message]:  # as a core does
        return [
            replace(each, observed={**each.observed, "BUILD": 2.0})
            if isinstance(each, RiskDecision)
            else each
            for each in decide(state, event)
        ]

    return decide_otherwise
