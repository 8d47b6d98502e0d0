"""Can a run be made of these settings, before it has a folder? What can't be is told at once."""

from marea.errors import BadInput
from marea.runtime.opening import opening_balances
from marea.runtime.settings import Settings
from marea.venues.feed import FeedPlan
from services.features.config import FeaturesConfig
from services.features.main import features_config
from services.signals.main import signals_config
from services.standalone.embedded import SHARD


def check_settings(settings: Settings) -> FeaturesConfig:
    """What features are told, where every service can be made of the settings.

    Raises `BadInput` for an indicator, a strategy or a balance that can't be.
    """
    features = features_config(settings, SHARD)
    signals_config(settings, SHARD)
    opening_balances(settings)
    return features


def check_market(settings: Settings, plan: FeedPlan) -> None:
    """Raises `BadInput` where the portfolio's asset buys nothing of what the market has."""
    asset = settings.portfolio.base_asset
    quotes = sorted({each.quote for each in plan.instruments})
    if asset not in quotes:
        raise BadInput(
            f"portfolio.base_asset is '{asset}', and what this market trades is quoted in "
            f"{', '.join(quotes)}: write one of these"
        )
