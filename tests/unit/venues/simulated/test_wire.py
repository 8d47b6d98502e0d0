from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marea.venues.simulated.parameters import load_parameters
from marea.venues.simulated.wire import Wire, amount_writer

BTC = Wire(load_parameters().instruments[0])


@given(st.integers(1, 8), st.integers(0, 10**15))
def test_amount_is_written_exactly_with_eight_places(scale: int, units: int) -> None:
    text = amount_writer(scale)(units)
    assert Decimal(text) == Decimal(units).scaleb(-scale)
    assert len(text.partition(".")[2]) == 8


@pytest.mark.parametrize(
    ("payload", "stream", "data"),
    [
        (
            BTC.quote(7, (6183763, 378826), (6183764, 1)),
            "btcusdt@bookTicker",
            (
                '{"u":7,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000",'
                '"a":"61837.64000000","A":"0.00001000"}'
            ),
        ),
        (
            BTC.trade(1723161255342_900_000, 3, (6183763, 2000), taker_buys=False),
            "btcusdt@trade",
            (
                '{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3,"p":"61837.63000000",'
                '"q":"0.02000000","T":1723161255342,"m":true,"M":true}'
            ),
        ),
        (
            BTC.diff(1723161255342_900_000, (8, 9), [(6183763, 0)], []),
            "btcusdt@depth@100ms",
            (
                '{"e":"depthUpdate","E":1723161255342,"s":"BTCUSDT","U":8,"u":9,'
                '"b":[["61837.63000000","0.00000000"]],"a":[]}'
            ),
        ),
        (
            BTC.snapshot(9, [(100, 1), (99, 2)], [(101, 3)]),
            "btcusdt@restDepthSnapshot",
            (
                '{"lastUpdateId":9,"bids":[["1.00000000","0.00001000"],["0.99000000","0.00002000"]],'
                '"asks":[["1.01000000","0.00003000"]]}'
            ),
        ),
    ],
)
def test_payload_is_the_venues_to_the_byte(payload: bytes, stream: str, data: str) -> None:
    assert payload.decode() == f'{{"stream":"{stream}","data":{data}}}'
    assert msgspec.json.decode(payload)["stream"] == stream
