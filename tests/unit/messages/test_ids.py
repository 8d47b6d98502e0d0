"""Ids: what each is made of, and what tells two apart."""

from marea.messages.envelope import Log
from marea.messages.ids import content_number, derived_id, market_id

LOG = Log("trading", "p1")


def test_market_id_names_instrument_kind_number_and_a_revision_where_there_is_one() -> None:
    assert market_id("BTC-USDT.BINANCE", "trade", 7) == "BTC-USDT.BINANCE:trade:7"
    assert market_id("BTC-USDT.BINANCE", "trade", 7, 2) == "BTC-USDT.BINANCE:trade:7:2"


def test_number_made_for_a_message_without_one_rests_on_source_arrival_and_content() -> None:
    numbers = {
        content_number("BINANCE", 5, b"a"),
        content_number("KRAKEN", 5, b"a"),
        content_number("BINANCE", 6, b"a"),
        content_number("BINANCE", 5, b"b"),
    }
    assert len(numbers) == 4
    assert content_number("BINANCE", 5, b"a") in numbers


def test_number_made_for_a_message_without_one_fits_a_positive_long() -> None:
    made = [content_number("BINANCE", ts, b"") for ts in range(200)]
    assert max(made) < 1 << 63
    assert min(made) >= 0
    assert max(made) >= 1 << 62  # all of the 63 bits are used


def test_every_part_of_a_derived_id_tells_it_from_others() -> None:
    ids = {
        derived_id("risk", LOG, "Denied", "parent", "limit"),
        derived_id("signals", LOG, "Denied", "parent", "limit"),
        derived_id("risk", Log("quality", "p1"), "Denied", "parent", "limit"),
        derived_id("risk", Log("trading", "p2"), "Denied", "parent", "limit"),
        derived_id("risk", LOG, "Approved", "parent", "limit"),
        derived_id("risk", LOG, "Denied", "other", "limit"),
        derived_id("risk", LOG, "Denied", "parent", "other"),
    }
    assert len(ids) == 7
    assert {len(one) for one in ids} == {40}
