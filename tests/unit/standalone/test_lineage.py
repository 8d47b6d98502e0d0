"""From an event back to the market, by hand-made histories."""

import asyncio
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from marea.bus.memory import MemoryBus
from marea.bus.port import Bus
from marea.errors import BadInput
from marea.messages.orders import OrderCompleted, OrderSent
from marea.messages.portfolio import JournalPosted, PositionClosed
from marea.testing.examples import example
from marea.testing.market_examples import BAR, CLOCK, TRADE, VECTOR
from marea.testing.trading_examples import (
    DECISION,
    ENTRY,
    FILL,
    INTENT,
    MARK,
    SIGNAL,
    STOP,
    TARGET,
)
from services.standalone.aftermath import aftermath
from services.standalone.history import Placed
from services.standalone.lineage import ancestry, find
from tests.unit.standalone import day


@dataclass
class Story:
    subject: Placed
    before: list[Placed]
    after: list[Placed]


def story(bus: Bus, name: str) -> Story:
    async def walk() -> Story:
        subject = await find(bus, name, "r")
        before = await ancestry(bus, subject)
        return Story(subject, before, await aftermath(bus, subject, before))

    return asyncio.run(walk())


def ids(places: list[Placed]) -> set[str]:
    return {placed.record.message.id for placed in places}


def test_fill_leads_back_to_the_trade_that_filled_it_and_to_the_market_that_was_decided_on() -> (
    None
):
    told = story(day.whole_day(), FILL.id)
    assert ids(told.before) == {
        day.FILLED_BY.id,
        day.REPORT.id,
        INTENT.id,
        DECISION.id,
        SIGNAL.id,
        MARK.id,
        VECTOR.id,
        BAR.id,
        CLOCK.id,
        MARK.parents[0],
    }


@pytest.mark.parametrize("name", [ENTRY, ENTRY[:7], STOP, TARGET, INTENT.id, INTENT.id[:9]])
def test_order_is_found_by_its_ids_by_those_of_its_protective_orders_and_by_a_begin(
    name: str,
) -> None:
    assert story(day.whole_day(), name).subject.record.message == INTENT


def test_order_is_told_to_the_end_of_its_position() -> None:
    told = story(day.whole_day(), ENTRY)
    assert [type(placed.record.message).__name__ for placed in told.after] == [
        "OrderIntended",
        "OrderSent",
        "OrderAccepted",
        "OrderFilled",
        "OrderCompleted",
        "JournalPosted",
        "PositionClosed",
    ]


@pytest.mark.parametrize("kind", [OrderSent, OrderCompleted, JournalPosted, PositionClosed])
def test_every_event_of_an_order_has_the_same_decision_behind_it(kind: type[OrderSent]) -> None:
    told = story(day.whole_day(), example(kind).id)
    assert {DECISION.id, SIGNAL.id, VECTOR.id} <= ids(told.before)
    assert example(PositionClosed).id in ids(told.after)


def test_denial_leads_back_to_the_market_and_nothing_came_of_it() -> None:
    told = story(day.whole_day(), day.DENIAL.id)
    assert ids(told.before) == {SIGNAL.id, VECTOR.id, BAR.id, CLOCK.id}
    assert told.after == []


def test_event_of_the_market_is_a_root() -> None:
    told = story(day.whole_day(), TRADE.id)
    assert (told.before, told.after) == ([], [])


def test_what_the_logs_do_not_hold_is_left_out() -> None:
    told = story(day.on_logs(trading=(SIGNAL, DECISION, INTENT)), ENTRY)
    assert ids(told.before) == {DECISION.id, SIGNAL.id}


def test_position_of_another_strategy_is_none_of_the_orders() -> None:
    other = replace(example(PositionClosed), id="other", strategy="flow", parents=())
    told = story(day.on_logs(trading=(DECISION, INTENT, FILL, other)), ENTRY)
    assert "other" not in ids(told.after)


def test_name_that_is_none_says_which_are_like_it_and_which_were_the_last() -> None:
    slip = f"{ENTRY[:9]}zz{ENTRY[11:]}"
    with pytest.raises(BadInput, match=f"no order and no event named '{slip}'; near: {ENTRY}"):
        story(day.whole_day(), slip)
    with pytest.raises(
        BadInput, match=f"the last order: {ENTRY}; the last denial: {day.DENIAL.id}"
    ):
        story(day.whole_day(), "zzz")
    with pytest.raises(
        BadInput, match=r"named 'zzz'\. Give the client id of an order \(`marea log r"
    ):
        story(MemoryBus(), "zzz")


def test_begin_of_several_names_is_refused_with_them() -> None:
    told = f"several events of run r have a name that begins with 'said-by-': {day.BUYER.id}, "
    with pytest.raises(BadInput, match=f"{told}{day.SELLER.id}; give more of it"):
        story(day.whole_day(), "said-by-")
    with pytest.raises(BadInput, match=r": \S+, \S+, \S+, \S+, \S+, …; give more of it"):
        story(day.whole_day(), "BTC-USDT")


def test_whole_name_is_found_also_where_others_begin_with_it() -> None:
    longer = replace(day.BUYER, id=f"{SIGNAL.id}0")
    told = story(day.on_logs(trading=(longer, SIGNAL)), SIGNAL.id)
    assert told.subject.record.message == SIGNAL
