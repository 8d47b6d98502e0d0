"""Every core takes every type of message that may stand on the log it reads."""

from typing import get_args

from marea.messages.channels import load_channels
from marea.messages.market import Observation
from marea.messages.system import Started
from marea.messages.types import TYPES
from services.execution.core import HEARS, ExecutionInput, ExecutionOutput, Unheard
from services.features.core import FeaturesInput
from services.ingestion.core import IngestionInput
from services.paper.core import PaperInput
from services.paper.shell.merge import GIVEN
from services.risk.core import HEARS as RISK_HEARS
from services.risk.core import RiskInput, RiskOutput
from services.risk.core.state import Unheard as UnheardByRisk
from services.signals.core import SignalsInput


def test_features_take_every_type_of_the_market_channel() -> None:
    market = load_channels().by_name["market"]
    assert {kind.__name__ for kind in get_args(FeaturesInput)} == {*market.outside, *market.derived}


def test_signals_take_every_type_of_the_features_channel() -> None:
    features = load_channels().by_name["features"]
    said = {*features.outside, *features.derived}
    assert {kind.__name__ for kind in get_args(SignalsInput)} == said


def test_execution_takes_every_type_of_the_trading_channel() -> None:
    trading = load_channels().by_name["trading"]
    taken = {kind.__name__ for kind in get_args(ExecutionInput)}
    assert taken == {*trading.outside, *trading.derived}


def test_execution_hears_all_that_its_shell_acts_on() -> None:
    assert set(get_args(ExecutionOutput)) <= HEARS
    assert set(get_args(ExecutionInput)) - HEARS == set(get_args(Unheard))


def test_ingestion_takes_whatever_a_venue_says() -> None:
    said = {name for name, kind in TYPES.items() if issubclass(kind, Observation)}
    assert said <= {kind.__name__ for kind in get_args(IngestionInput)}


def test_paper_takes_what_its_merge_gives_of_the_market_and_of_its_own_log() -> None:
    by_name = load_channels().by_name
    market, paper = by_name["market"], by_name["paper"]
    given = {kind.__name__ for kind in GIVEN}
    assert {kind.__name__ for kind in get_args(PaperInput)} == given
    assert given <= {*market.outside, *market.derived, *paper.outside}
    assert {*paper.outside} - given == {"Started"}
    assert {*market.outside} - given == {
        "Quote",
        "VenueBar",
        "MarkPrice",
        "ClockOffset",
        "Degraded",
        "Started",
    }


def test_risk_takes_every_type_of_the_trading_channel_but_its_own() -> None:
    trading = load_channels().by_name["trading"]
    taken = {kind.__name__ for kind in (*get_args(RiskInput), *get_args(RiskOutput))}
    assert taken == {*trading.outside, *trading.derived}
    assert set(get_args(RiskInput)) - RISK_HEARS == set(get_args(UnheardByRisk)) - {Started}
