"""Settings of which no run can be made are told before there is a run."""

import pytest

from marea.errors import BadInput
from marea.runtime.settings import Settings, find_config_dir, load_settings
from services.ingestion.shell.markets import DrawnMarket
from services.standalone.admission import check_market, check_settings


def settings(**given: str) -> Settings:
    environment = {f"MAREA__{name.upper()}": value for name, value in given.items()}
    return load_settings(find_config_dir(None, {}), environment)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("signals__trades", '["wieghted"]', "signals.trades has 'wieghted'.*'weighted'"),
        ("signals__strategies", '["nope"]', "signals.strategies has 'nope'"),
        ("indicators__atr_14__kernel", "nope", "indicators.atr_14: there is no kernel 'nope'"),
        (
            "portfolio__balance",
            '"999999999999999999"',
            r"portfolio.balance is '9+': expected at most ±92233720368.54775807",
        ),
        (
            "portfolio__balance",
            '"0.000000001"',
            "portfolio.balance is '0.000000001': expected no digit other than 0 beyond 8 places",
        ),
    ],
)
def test_setting_that_no_service_can_be_made_of_is_refused(
    name: str, value: str, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        check_settings(settings(**{name: value}))


def test_portfolio_in_an_asset_that_buys_nothing_of_the_market_is_refused() -> None:
    told = "portfolio.base_asset is 'EUR'.*quoted in USDT: write one of these"
    with pytest.raises(BadInput, match=told):
        check_market(settings(portfolio__base_asset="EUR"), DrawnMarket(7, 1).plan)


def test_settings_as_they_come_make_a_run() -> None:
    check_settings(settings())
    check_market(settings(), DrawnMarket(7, 1).plan)
