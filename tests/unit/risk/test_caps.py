"""What is held counts against a cap by what it is worth in the portfolio's own asset."""

import pytest
from msgspec.structs import replace

from marea.messages.ids import market_id
from marea.messages.market import InstrumentChanged
from marea.messages.portfolio import RiskDecision
from services.risk.core.accounts import equity
from tests.unit.execution.trading import T0, instrument, mark, of
from tests.unit.risk.play import Desk, approved

HALF = {"risk__profiles_pct_max__moderate": "50", "risk__sector_pct_max": "100"}
BY_EURO, BY_ITS_PERPETUAL = "BTC-EUR.SIM", "BTC-USDT-PERP.SIM"


def other(name: str) -> InstrumentChanged:
    """Another instrument of the same base asset."""
    known = replace(instrument(), id=market_id(name, "instrument", 0), ts_event=T0, instrument=name)
    if name == BY_EURO:
        return replace(known, quote="EUR")
    return replace(known, kind="perpetual")


def of_other(name: str, price: int) -> Desk:
    """A desk whose first instrument is the other one, at a price."""
    desk = Desk(HALF)
    desk.state.markets.clear()
    desk.tell(other(name), replace(mark(price, price + 1), instrument=name), instrument(), mark())
    return desk


@pytest.mark.parametrize("name", [BY_EURO, BY_ITS_PERPETUAL])
def test_asset_that_is_held_counts_at_the_price_it_is_bought_at(name: str) -> None:
    desk = of_other(name, 100)
    entry = approved(desk.signals(weighted=1.0))
    assert 1_999 * 10**7 < entry.qty * entry.ask_price <= 2_000 * 10**7  # 20 % of 10,000
    desk.bought(entry)
    desk.state.positions.clear()  # as if another strategy held it
    (denied,) = of(RiskDecision, desk.signals(weighted=1.0))
    assert denied.reason in ("ASSET_CAP", "BELOW_MINIMUM")


@pytest.mark.parametrize("name", [BY_EURO, BY_ITS_PERPETUAL])
def test_equity_values_what_is_held_at_the_instrument_it_was_bought_of(name: str) -> None:
    desk = of_other(name, 100)
    desk.bought(approved(desk.signals(weighted=1.0)))
    assert 9_990 * 10**8 < equity(desk.state) < 10_000 * 10**8
