import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marea.venues.simulated.flow import EXPONENTIAL, EXPONENTIAL_ONE
from marea.venues.simulated.market import activity_ladder
from marea.venues.simulated.parameters import (
    PROBABILITIES,
    TABLE_SIZE,
    Parameters,
    Shock,
    load_parameters,
    table,
)

COUNT = len(PROBABILITIES)
COMMITTED = load_parameters()


def refused(**changes: object) -> object:
    """The committed parameters with other fields, as they would come from a file."""
    return msgspec.convert({**msgspec.to_builtins(COMMITTED), **changes}, Parameters)


@given(st.lists(st.integers(1, 10**9), min_size=COUNT, max_size=COUNT).map(sorted))
def test_table_rises_from_the_least_to_the_largest_quantile(quantiles: list[int]) -> None:
    values = table(quantiles)
    assert len(values) == TABLE_SIZE
    assert values == sorted(values)
    assert quantiles[0] <= values[0]
    assert values[-1] <= quantiles[-1]


def test_table_has_the_quantiles_that_it_is_made_of() -> None:
    quantiles = [round(1 + 10_000 * probability) for probability in PROBABILITIES]
    for place, value in enumerate(table(quantiles)):
        assert value == pytest.approx(1 + 10_000 * (place + 0.5) / TABLE_SIZE, abs=2)


@pytest.mark.parametrize(
    "quantiles",
    [[1] * (COUNT - 1), [0, *[1] * (COUNT - 1)], [*[2] * (COUNT - 1), 1]],
    ids=["too few", "begin below 1", "fall"],
)
def test_table_refuses_what_is_no_distribution(quantiles: list[int]) -> None:
    with pytest.raises(ValueError, match=r"quantiles: .* give one for each of PROBABILITIES"):
        table(quantiles)


def test_waiting_times_have_mean_one() -> None:
    assert sum(EXPONENTIAL) / TABLE_SIZE / EXPONENTIAL_ONE == pytest.approx(1, abs=1e-3)


def test_ladder_has_the_activity_in_its_middle() -> None:
    ladder = activity_ladder(COMMITTED)
    assert ladder[COMMITTED.activity_steps] == COMMITTED.activity
    assert len(ladder) == 2 * COMMITTED.activity_steps + 1
    assert ladder == sorted(ladder)


def test_unknown_parameter_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `spread`"):
        refused(spread=1)


def test_orders_that_would_set_off_ever_more_are_refused() -> None:
    flows = msgspec.to_builtins(COMMITTED.flows)
    flows["BTCUSDT"]["taker_children"] = 1.0
    with pytest.raises(
        msgspec.ValidationError, match=r"Expected `float` < 1.0.*taker_children|< 1"
    ):
        refused(flows=flows)


def test_flows_and_instruments_must_match() -> None:
    with pytest.raises(ValueError, match=r"flows: \['BTCUSDT', 'ETHUSDT'\] do not match"):
        refused(instruments=[])


def test_shock_of_what_is_not_traded_is_refused() -> None:
    shock = Shock(venue_symbol="XRPUSDT", at_s=1, move_bps=1, duration_s=1)
    with pytest.raises(ValueError, match="venue_symbol: 'XRPUSDT' is not traded here: use one of"):
        refused(shocks=[msgspec.to_builtins(shock)])


def test_snapshot_faster_than_the_wire_is_refused() -> None:
    slow = [5000] * COUNT
    with pytest.raises(ValueError, match="snapshot_latency_ms: 4 is less than the least latency"):
        refused(latency_us=slow, snapshot_latency_ms=4)
