"""The checker reckons money apart from the ledger, and both come to the same."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from marea.domain import ledger
from marea.invariants.reckoning import moved, units_of
from marea.messages.orders import OrderFilled
from marea.testing.examples import example

AMOUNTS = st.integers(1, 10**5)


@given(
    price=AMOUNTS,
    qty=AMOUNTS,
    places=st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 8)),
    side=st.sampled_from(("buy", "sell")),
    commission=st.integers(-1_000, 10**6),
    asset=st.sampled_from(("BTC", "USDT", "BNB")),
)
def test_what_a_match_moves_is_what_the_ledger_books(
    price: int, qty: int, places: tuple[int, int, int], side: str, commission: int, asset: str
) -> None:
    fill = structs.replace(
        example(OrderFilled),
        side=side,
        last_price=price,
        last_qty=qty,
        price_scale=places[0],
        qty_scale=places[1],
        asset_scale=places[2],
        commission=commission,
        commission_asset=asset,
    )
    assert moved(fill, "BTC", "USDT") == ledger.moved(ledger.fill_of(fill, "BTC", "USDT"))


def test_what_has_more_places_than_are_reckoned_with_is_rounded_down() -> None:
    assert [units_of(19, 9), units_of(-19, 9), units_of(7, 0)] == [1, -2, 700_000_000]
