"""What is held counts against a cap by what it is worth in the portfolio's own asset."""

import pytest

from marea.messages.market import InstrumentChanged
from services.risk.core.accounts import equity
from tests.unit.risk.desk import COIN, Desk, clock, config, denied, instrument, opened

HALF = config(position_e8_max=50_000_000, sector_e8_max=10**8)
BY_EURO, BY_ITS_PERPETUAL = "BTC-EUR.SIM", "BTC-USDT-PERP.SIM"


def other(name: str) -> InstrumentChanged:
    """Another instrument of the same base asset."""
    if name == BY_EURO:
        return instrument(name)
    return instrument(name, quote="USDT", kind="perpetual")


def of_other(name: str, price: int) -> Desk:
    """A desk whose first instrument is the other one, at a price."""
    desk = Desk(HALF)
    desk.tell(clock(0), other(name), instrument(), opened())
    desk.mark(name, bid=price)
    desk.mark()
    return desk


@pytest.mark.parametrize("name", [BY_EURO, BY_ITS_PERPETUAL])
def test_asset_that_is_held_counts_at_the_price_it_is_bought_at(name: str) -> None:
    desk = of_other(name, 100)
    entry = desk.enter()
    assert 1_999 * 10**7 < entry.qty * entry.ask_price <= 2_000 * 10**7  # 20 % of 10,000
    desk.state.positions.clear()  # as if another strategy held it
    assert denied(desk.signal("buy")).reason in ("ASSET_CAP", "BELOW_MINIMUM")


@pytest.mark.parametrize("name", [BY_EURO, BY_ITS_PERPETUAL])
def test_equity_values_what_is_held_at_the_instrument_it_was_bought_of(name: str) -> None:
    desk = of_other(name, 100)
    desk.enter()
    assert 9_990 * COIN < equity(desk.state) < 10_000 * COIN
