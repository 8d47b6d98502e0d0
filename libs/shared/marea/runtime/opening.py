"""What does a portfolio begin with, and how is that told?"""

from collections.abc import Callable

from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import BadAmountError, parse_amount
from marea.errors import BadInput
from marea.messages.envelope import Log, Nanos
from marea.messages.ids import derived_id
from marea.messages.portfolio import PortfolioOpened
from marea.runtime.settings import Settings


def opening_balances(settings: Settings) -> dict[str, int]:
    """What the portfolio begins with, by asset, at `ASSET_SCALE`.

    Raises `BadInput` for more than a ledger can hold, or a part of its smallest unit.
    """
    given = settings.portfolio
    try:
        return {given.base_asset: parse_amount(given.balance, ASSET_SCALE)}
    except BadAmountError as err:
        _, _, expected = err.args
        raise BadInput(f"portfolio.balance is '{given.balance}': expected {expected}") from err


def opening(settings: Settings, venue: str) -> Callable[[Nanos], PortfolioOpened]:
    """The message that opens the portfolio at a venue, at a time. Raises as `opening_balances`."""
    given, balances = settings.portfolio, opening_balances(settings)
    name = derived_id("operator", Log("trading", given.name), "PortfolioOpened", given.name)

    def opened(now: Nanos) -> PortfolioOpened:
        return PortfolioOpened(
            id=name,
            ts_event=now,
            portfolio=given.name,
            owner=given.owner,
            mode=given.mode,
            venue=venue,
            account=given.name,
            base_asset=given.base_asset,
            time_zone=given.time_zone,
            asset_scale=ASSET_SCALE,
            balances=balances,
        )

    return opened
