"""What holds in any order of fills, cancels, rejections, silences, commands and crashes."""

import asyncio
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from marea.domain.ledger import notional_of
from marea.messages.orders import (
    ApprovalRefused,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderRejected,
)
from services.execution.core import begin, decide
from tests.unit.execution.small_venue import SmallVenue
from tests.unit.execution.trading import CONFIG, command, decision, ended, of, tripped
from tests.unit.execution.trading import play as tell
from tests.unit.execution.world import World

BEATS = st.tuples(st.just("beat"), st.sampled_from([100, 700, 2000]))
"""The shell acts, time passes, reports arrive: what mostly happens."""
FILLS = st.tuples(st.just("fill"), st.tuples(st.integers(0, 3), st.integers(1, 900)))
ACTIONS = st.one_of(
    BEATS,
    BEATS,
    FILLS,
    FILLS,
    st.tuples(st.just("entry"), st.integers(20, 900)),
    st.tuples(st.just("exit"), st.integers(20, 900)),
    st.tuples(st.just("wait"), st.sampled_from([100, 2000, 6000])),
    st.tuples(st.just("act"), st.booleans()),
    st.tuples(st.just("hear"), st.none()),
    st.tuples(st.just("end"), st.integers(0, 3)),
    st.tuples(
        st.just("fate"), st.sampled_from(["taken", "taken_in_silence", "lost", "lost_in_silence"])
    ),
    st.tuples(st.just("away"), st.booleans()),
    st.tuples(st.just("slow"), st.sampled_from([0, 50, 2500])),
    st.tuples(st.just("rests"), st.booleans()),
    st.tuples(st.just("crash"), st.none()),
    st.tuples(st.just("command"), st.sampled_from(["halt", "resume"])),
    st.tuples(st.just("breaker"), st.booleans()),
)
SCHEDULES = st.lists(ACTIONS, min_size=15, max_size=40)


async def play(actions: list[tuple[str, Any]]) -> World:
    """The world after these actions, and after all has been settled."""
    world = World()
    for action, detail in [("entry", 800), *actions]:
        await step(world, action, detail)
        assert_one_live_order_of_each_decision(world)
    await world.settle()
    return world


async def step(world: World, action: str, detail: Any) -> None:
    match action:
        case "act":
            await world.act(and_forget=detail)
            if detail:
                world.crash()
        case "hear":
            await world.hear()
        case "beat":
            await world.act()
            world.wait(detail)
            await world.hear()
        case "entry" | "exit" | "wait" | "crash" | "command" | "breaker":
            turn(world, action, detail)
        case _:
            turn_venue(world.venue, world, action, detail)


def turn(world: World, action: str, detail: Any) -> None:
    match action:
        case "entry":
            world.approve(decision("", "entry", detail))
        case "exit":
            world.approve(decision("", "exit", detail))
        case "wait":
            world.wait(detail)
        case "crash":
            world.crash()
        case "command":
            world.tell(command(detail))
        case "breaker":
            world.tell(tripped() if detail else ended())


def turn_venue(venue: SmallVenue, world: World, action: str, detail: Any) -> None:
    works = [name for name, placed in venue.orders.items() if placed.is_open]
    match action:
        case "fill" if works:
            venue.fill(works[detail[0] % len(works)], detail[1])
        case "end" if works:
            venue.end(works[detail % len(works)])
        case "fate":
            venue.fate = detail
        case "away":
            venue.is_away = detail
        case "slow":
            world.latency_ms = detail
        case "rests":
            venue.refuses_to_rest = not detail


def live_orders(world: World) -> Counter[str]:
    """How many orders of entries and exits work at the venue, by decision."""
    intents = {each.client_order_id: each for each in of(OrderIntended, world.log)}
    return Counter(
        intents[name].decision_id
        for name, placed in world.venue.orders.items()
        if placed.is_open and name in intents
    )


def assert_one_live_order_of_each_decision(world: World) -> None:
    live = live_orders(world)
    assert not live or max(live.values()) == 1


def fills_of(world: World) -> list[OrderFilled]:
    return [each for _, each in world.venue.queue if isinstance(each, OrderFilled)]


@settings(max_examples=300, deadline=None)
@given(SCHEDULES)
def test_no_schedule_doubles_an_order_or_opens_after_a_halt_or_loses_a_decision(
    actions: list[tuple[str, Any]],
) -> None:
    world = asyncio.run(play(actions))
    endings = Counter(each.decision_id for each in of(ApprovalRefused, world.log))
    for done in of(OrderCompleted, world.log):
        if done.leg in ("entry", "exit"):
            endings[done.decision_id] += 1
            assert done.filled_qty <= done.qty
    assert endings == {each.id: 1 for each in world.decisions}
    assert world.state.approvals == {}
    assert live_orders(world) == {}, "an order outlived its decision"
    assert world.openings_forbidden == []
    reported = [report for _, report in world.venue.queue]
    assert [each for each in of(OrderRejected, reported) if each.reason == "DUPLICATE_ID"] == []
    assert world.state.reconciliation.misfits == []


@settings(max_examples=150, deadline=None)
@given(SCHEDULES | st.lists(BEATS | FILLS, min_size=10, max_size=20))
def test_balances_are_what_the_fills_make_and_never_more_is_filled_than_asked(
    actions: list[tuple[str, Any]],
) -> None:
    world = asyncio.run(play(actions))
    intents = {each.client_order_id: each for each in of(OrderIntended, world.log)}
    decided = {each.id: each for each in world.decisions}
    usdt, btc = 10_000 * 10**8, 0
    filled: Counter[str] = Counter()
    for fill in fills_of(world):
        sign = 1 if fill.side == "buy" else -1
        usdt -= sign * notional_of(fill)
        btc += sign * fill.last_qty * 10**3
        if fill.commission_asset == "BTC":
            btc -= fill.commission
        else:
            usdt -= fill.commission
        if fill.client_order_id in intents:
            filled[intents[fill.client_order_id].decision_id] += fill.last_qty
    assert world.state.balances.get("BTC", 0) == btc
    assert world.state.balances["USDT"] == usdt
    assert all(filled[name] <= decided[name].qty for name in filled)


@settings(max_examples=50, deadline=None)
@given(SCHEDULES)
def test_decide_changes_nothing(actions: list[tuple[str, Any]]) -> None:
    world = asyncio.run(play(actions))
    state = begin(CONFIG)
    for event in world.heard:
        before = msgspec.msgpack.encode(state)
        assert decide(state, event) == decide(state, event)
        assert msgspec.msgpack.encode(state) == before
        tell(state, [event])
    assert state == world.state
