"""What a run adds up to, also where one of its lives could not say all that it did."""

import asyncio

from msgspec.structs import replace

from marea.messages.envelope import Message
from marea.messages.orders import OrderLookedUp, OrderSent
from marea.testing.examples import example
from marea.testing.trading_examples import TRADING
from services.standalone.tally import Tally, TradingResult
from tests.unit.standalone.day import on_logs

SENT = example(OrderSent)
FOUND = replace(example(OrderLookedUp), client_order_id="sent-and-not-said", found=True)


def tallied(*messages: Message) -> TradingResult:
    tally = Tally(TRADING)
    asyncio.run(tally.follow(on_logs(trading=messages)))
    return tally.result()


def test_order_counts_once_however_often_it_was_sent() -> None:
    again = replace(SENT, id="second", attempt=2)
    assert tallied(SENT, again).orders == 1
    assert tallied(replace(SENT, attempt=2)).orders == 1


def test_order_that_was_sent_by_a_life_that_could_not_say_so_counts() -> None:
    assert tallied(SENT, FOUND).orders == 2
    assert tallied(SENT, replace(FOUND, found=False)).orders == 1
