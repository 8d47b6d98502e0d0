"""Every core takes every type of message that may stand on the log it reads."""

from typing import get_args

from marea.messages.channels import load_channels
from marea.messages.market import Observation
from marea.messages.types import TYPES
from services.features.core import FeaturesInput
from services.ingestion.core import IngestionInput
from services.paper.core import PaperInput
from services.paper.shell.merge import GIVEN
from services.signals.core import SignalsInput


def test_features_take_every_type_of_the_market_channel() -> None:
    market = load_channels().by_name["market"]
    assert {kind.__name__ for kind in get_args(FeaturesInput)} == {*market.outside, *market.derived}


def test_signals_take_every_type_of_the_features_channel() -> None:
    features = load_channels().by_name["features"]
    said = {*features.outside, *features.derived}
    assert {kind.__name__ for kind in get_args(SignalsInput)} == said


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
        "Started",
    }
