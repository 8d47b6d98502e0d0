"""What must follow for another history when this one is known: scaled, renamed, split, shifted."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from marea.domain.ledger import FEES
from marea.domain.position import Position
from marea.messages.orders import OrderFilled
from marea.messages.portfolio import (
    JournalPosted,
    Mark,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from marea.messages.system import Clock
from services.risk.config import RiskConfig
from services.risk.core import RiskState
from services.risk.core.reasons import (
    ASSET_CAP,
    BALANCE,
    BELOW_MINIMUM,
    KELLY_NOT_POSITIVE,
    PROFILE_CAP,
    SECTOR_CAP,
)
from tests.unit.risk.desk import HOUR, Desk, config, instrument, of
from tests.unit.risk.drawn import CONFIG, NAMES, STEPS, Day, Step
from tests.unit.risk.mirror import Mirror, money_scaled, scaled, texts

GRID = 200
"""Cents: no worth, mid or commission needs rounding, and doubling is exact."""
ONE = config(**{**msgspec.structs.asdict(CONFIG), "trades": ("a",)})
"""One strategy: nothing is shared out, so nothing is rounded to another unit."""
MONEY_CODES = (KELLY_NOT_POSITIVE, PROFILE_CAP, ASSET_CAP, SECTOR_CAP, BALANCE, BELOW_MINIMUM)
UNIT = 1e-8
GAINS = ("realized_pnl", "unrealized_pnl", "fees")
AVERAGES = ("entry_price", "exit_price")
"""Rounded to the nearest, to be shown."""
NOTHING = Position()


def played(steps: list[Step], given: RiskConfig = CONFIG, grid: int = GRID) -> Desk:
    day = Day(given, grid)
    for step in steps:
        day.take(step)
    return day.desk


# Twice the prices and the money


def doubled(message: Any) -> Any:
    """Prices and money of the quote asset twice as large; quantities, shares and times the same."""
    twice = money_scaled(scaled(message, "price_scale", 2), "USDT", 2)
    if isinstance(twice, Signal):
        atr = {name: value * 2 for name, value in twice.features.items()}
        return replace(twice, features=atr)
    return twice


def assert_same_but_for_units(expected: Any, found: Any, units: int) -> None:
    """All is equal, but gains may be so many units apart, and what is only shown may be one."""
    if isinstance(expected, RiskDecision):
        for name in ("observed", "limits"):
            shown = dict(getattr(expected, name))
            shown |= {code: 2 * shown[code] for code in MONEY_CODES if code in shown}
            assert getattr(found, name) == pytest.approx(shown, rel=1e-12, abs=1.5 * UNIT)
        expected = replace(expected, observed=found.observed, limits=found.limits)
    if isinstance(expected, JournalPosted):
        amounts = zip(expected.amounts, found.amounts, strict=True)
        assert all(abs(one - other) <= 1 for one, other in amounts)
        expected = replace(expected, amounts=found.amounts)
    apart = dict.fromkeys(GAINS, units) | dict.fromkeys(AVERAGES, 1)
    assert alike(expected, found, apart) == found


def alike(expected: Any, found: Any, apart: dict[str, int]) -> Any:
    """The expected one with the figures of the other where those may be so many units apart."""
    if not isinstance(expected, PositionClosed | PortfolioValued):
        return expected
    named = {name: getattr(found, name) for name in apart if hasattr(expected, name)}
    assert all(abs(getattr(expected, name) - named[name]) <= apart[name] for name in named)
    return replace(expected, **named)


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_twice_the_prices_and_money_leave_quantities_equal_and_double_notionals(
    steps: list[Step],
) -> None:
    first = played(steps)
    mirror = Mirror(doubled, CONFIG)
    pairs = mirror.play(first.log)
    fills = 0
    for one, other in pairs:
        fills += isinstance(one, JournalPosted)
        # Each part of a fill, and the cost that leaves with it, is shared in whole units.
        assert_same_but_for_units(mirror.expected(one), other, units=2 * fills)
    for asset, factor in (("USDT", 2), ("BTC", 1), ("ETH", 1)):
        assert mirror.desk.wallet(asset) == factor * first.wallet(asset)


# Another notation


@pytest.mark.parametrize(
    ("scale", "given"), [("price_scale", CONFIG), ("qty_scale", ONE)], ids=["price", "qty"]
)
@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_one_more_place_in_what_is_told_is_one_more_in_what_is_said_and_nothing_else(
    scale: str, given: RiskConfig, steps: list[Step]
) -> None:
    def finer(message: Any) -> Any:
        more = scaled(message, scale, 10)
        return replace(more, **{scale: getattr(more, scale) + 1}) if hasattr(more, scale) else more

    mirror = Mirror(finer, given)
    for one, other in mirror.play(played(steps, given).log):
        expected = mirror.expected(one)
        assert alike(expected, other, dict.fromkeys(AVERAGES, 5)) == other


# Another name, another time, another neighbour

RENAMINGS = st.sampled_from(
    [
        {"BTC": "ETH", "ETH": "BTC"},
        {"BTC": "YFI", "ETH": "ADA"},  # the other way round in any order of names
        {"BTC": "A", "ETH": "AA", "USDT": "AAA"},
    ]
)


def in_one_order(message: Any) -> Any:
    """The same transaction with its entries in an order that names have no part in."""
    if isinstance(message, JournalPosted):
        entries = sorted(zip(message.accounts, message.assets, message.amounts, strict=True))
        accounts, assets, amounts = zip(*entries, strict=True)
        return replace(message, accounts=accounts, assets=assets, amounts=amounts)
    return message


@settings(max_examples=60, deadline=None)
@given(STEPS, RENAMINGS)
def test_other_names_of_instruments_and_assets_are_in_the_result_and_nothing_else(
    steps: list[Step], names: dict[str, str]
) -> None:
    def new(text: str) -> str:
        return "-".join(names.get(part, part) for part in text.split("-"))

    def renamed_text(text: str) -> str:
        pair, dot, venue = text.partition(".SIM")
        return f"{new(pair)}{dot}{venue}"

    def renamed(message: Any) -> Any:
        return texts(message, renamed_text)

    sectors = {new(base): sector for base, sector in CONFIG.sectors.items()}
    mirror = Mirror(renamed, replace(CONFIG, sectors=sectors))
    for one, other in mirror.play(played(steps, grid=1).log):
        assert in_one_order(mirror.expected(one)) == in_one_order(other)


@settings(max_examples=40, deadline=None)
@given(STEPS, st.integers(1, 400))
def test_same_history_at_another_time_is_decided_the_same(steps: list[Step], hours: int) -> None:
    def later(message: Any) -> Any:
        times = [each for each in message.__struct_fields__ if each.startswith("ts_")]
        moved = {
            name: getattr(message, name) + hours * HOUR
            for name in times
            if getattr(message, name) > 0
        }
        return replace(message, **moved)

    mirror = Mirror(later, CONFIG)
    for one, other in mirror.play(played(steps, grid=1).log):
        assert mirror.expected(one) == other


@settings(max_examples=40, deadline=None)
@given(STEPS, st.lists(st.integers(1_000, 9_000_000), min_size=1, max_size=5))
def test_instrument_that_nobody_speaks_of_changes_nothing(
    steps: list[Step], prices: list[int]
) -> None:
    first = played(steps, grid=1)
    other = Desk(CONFIG)
    other.tell(instrument("DOGE-USDT.SIM"))
    clocks = 0
    for event in first.told:
        if isinstance(event, Clock):
            other.now = event.ts_event - first.told[0].ts_event
            mark = Mark(
                id=f"doge-{clocks}",
                instrument="DOGE-USDT.SIM",
                price_scale=2,
                bid_price=prices[clocks % len(prices)],
                ask_price=prices[clocks % len(prices)] + 1,
                book_status="LIVE",
                ts_quote=event.ts_event,
            )
            other.tell(mark)
            clocks += 1
        other.tell(event)
    assert other.said == first.said


APART = config(sector_e8_max=10**8, position_e8_max=40_000_000, asset_e8_max=45_000_000)
"""Two openings of 40 % each: no cap that instruments share holds either back."""


@given(
    st.permutations(NAMES),
    st.lists(st.sampled_from(["buy", "sell", "hold"]), min_size=2, max_size=2),
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2),
    st.floats(0.0, 100_000.0),
)
def test_which_of_two_instruments_speaks_first_is_nothing_to_either_while_no_shared_cap_binds(
    order: Sequence[str], actions: list[Any], confidences: list[float], atr: float
) -> None:
    said: list[dict[str, Any]] = []
    for names in (NAMES, order):
        desk = Desk.ready(APART, NAMES)
        found = {}
        for name in names:
            place = NAMES.index(name)
            decisions = desk.signal(
                actions[place],
                name,
                id=f"signal-{name}",
                bar=f"bar-{name}",
                confidence=confidences[place],
                features={"atr_14": atr},
            )
            shown = [replace(each, observed={}, limits={}) for each in of(RiskDecision, decisions)]
            found[name] = shown
        said.append(found)
    assert said[0] == said[1]


# A fill in two parts


def booked(saved: bytes, events: Sequence[OrderFilled]) -> Desk:
    """A desk whose state was saved, after these fills."""
    desk = Desk(CONFIG)
    desk.state = msgspec.msgpack.decode(saved, type=RiskState)
    desk.tell(*events)
    return desk


def parts_of(fill: OrderFilled, first: int, rate_e8: int) -> tuple[OrderFilled, ...]:
    """The fill with a commission of this rate, and the two that it could have been."""

    def part(qty: int, leaves: int, number: int) -> OrderFilled:
        received = qty * 1000 if fill.side == "buy" else qty * fill.last_price * 10
        return replace(
            fill,
            id=f"{fill.id}-{number}",
            number=number,
            trade_id=str(number),
            last_qty=qty,
            leaves_qty=leaves,
            commission=-(-received * rate_e8 // 10**8),
        )

    qty, number = fill.last_qty, fill.number
    rest = qty - first
    return (
        part(qty, fill.leaves_qty, number),
        part(first, fill.leaves_qty + rest, number),
        part(rest, fill.leaves_qty, number + 1),
    )


def fees_of(desk: Desk, asset: str) -> int:
    return desk.state.ledger.balances.get(FEES, {}).get(asset, 0)


def net_qty(state: RiskState, strategy: str, name: str) -> int:
    return state.positions.get(strategy, {}).get(name, NOTHING).net_qty


@settings(max_examples=80, deadline=None)
@given(STEPS, st.integers(1, 99), st.sampled_from([0, 75_000, 99_999, 100_000]))
def test_split_fill_leaves_position_and_cash_equal_and_fees_within_one_unit(
    steps: list[Step], first_pct: int, rate_e8: int
) -> None:
    day = Day()
    for step in steps:
        told = len(day.desk.told)
        before = msgspec.msgpack.encode(day.desk.state)
        day.take(step)
        fill = next(iter(day.desk.told[told:]), None)
        if isinstance(fill, OrderFilled) and fill.last_qty > 1:
            first = min(max(1, fill.last_qty * first_pct // 100), fill.last_qty - 1)
            at_once, *in_two = parts_of(fill, first, rate_e8)
            assert_alike(booked(before, [at_once]), booked(before, in_two), at_once)


def assert_alike(whole: Desk, split: Desk, fill: OrderFilled) -> None:
    base = fill.instrument.split("-")[0]
    for asset in (base, "USDT"):
        more = fees_of(split, asset) - fees_of(whole, asset)
        assert 0 <= more <= (asset == fill.commission_asset)
        assert split.wallet(asset) == whole.wallet(asset) - more
    one, other = whole.state, split.state
    for strategy in ("a", "b"):
        apart = net_qty(one, strategy, fill.instrument) - net_qty(other, strategy, fill.instrument)
        assert abs(apart) <= 1_000 + 1, "more than one unit of the venue's, and one of the fee"
    held = [sum(net_qty(each, name, fill.instrument) for name in "ab") for each in (one, other)]
    assert held == [whole.wallet(base), split.wallet(base)]
    assert (one.working, list(one.approvals)) == (other.working, list(other.approvals))
    assert list(one.orders) == list(other.orders)
    left = [
        sum(sum(each.wanted.values()) for each in state.approvals.values())
        for state in (one, other)
    ]
    assert left[0] == left[1]
