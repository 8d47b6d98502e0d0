"""What holds of any history: caps, breakers, books, and the core itself."""

import random

import msgspec
from hypothesis import given, settings

from marea.bus.reading import Placed
from marea.domain.ledger import Entry, Ledger, balance, post
from marea.domain.position import Position
from marea.invariants.catalogue import NEEDS_TRADING, PLAIN
from marea.invariants.reckoning import lines_of
from marea.invariants.trading import Trading
from marea.invariants.violation import Rule
from marea.messages import codec
from marea.messages.envelope import Record, Writer
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    CommandTaken,
    JournalPosted,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from services.risk.core import RiskState, apply, begin, decide
from services.risk.core.accounts import equity, value
from tests.unit.risk.desk import COIN, TRADING, Desk, of
from tests.unit.risk.drawn import CONFIG, NAMES, STEPS, Day, Step

SECTOR, ASSET, POSITION = 80, 50, 30
"""Percent of equity, as the drawn days' configuration says."""
WRITER = Writer(producer="risk/main", epoch=0, build="test", input_log=TRADING)


def at_worst(desk: Desk, name: str) -> int:
    """What an instrument may be worth: what is held, and all that works, at the collar price."""
    market = desk.state.markets[name]
    approval = desk.state.approvals.get(desk.state.working.get(name, ""))
    held = value(market, desk.wallet(base_of(name)))
    return held + (approval.notional if approval and approval.side == "buy" else 0)


def reserved(desk: Desk) -> int:
    """What works may cost, at the collar price."""
    working = [desk.state.approvals[each] for each in desk.state.working.values()]
    return sum(each.notional for each in working if each.side == "buy")


def base_of(name: str) -> str:
    return name.partition("-")[0]


def positions(desk: Desk) -> list[Position]:
    return [held for by_name in desk.state.positions.values() for held in by_name.values()]


def journal(desk: Desk) -> Ledger:
    """What the journal alone makes of all that was posted; crosses move nothing in all."""
    ledger = Ledger()
    for posted in of(JournalPosted, desk.said):
        post(ledger, [Entry(*line) for line in lines_of(posted)])
    assert set(ledger.balances.get("cross", {}).values()) <= {0}
    return ledger


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_no_approval_passes_any_cap(steps: list[Step]) -> None:
    day = Day()
    for step in steps:
        desk = day.desk
        before, cash = {name: at_worst(desk, name) for name in NAMES}, desk.wallet("USDT")
        working = reserved(desk)
        for decision in of(RiskDecision, day.take(step)):
            if not decision.approved or decision.purpose == "exit":
                continue
            worth, whole = decision.qty * decision.ask_price * 10, equity(desk.state)
            assert worth <= whole * POSITION // 100 * len(decision.shares)
            assert before[decision.instrument] + worth <= whole * ASSET // 100
            assert sum(before.values()) + worth <= whole * SECTOR // 100
            assert working + decision.qty * decision.collar_price * 10 <= cash
            assert worth >= 5 * COIN
            assert 0 < decision.stop_price < decision.bid_price
            assert decision.ask_price < decision.target_price
            assert decision.ask_price <= decision.collar_price
            assert sum(decision.shares) == decision.qty
            assert not {"HALTED", "DIVERGED", "RECONCILIATION_FROZEN"} & {
                code for code, seen in decision.observed.items() if seen > 0
            }


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_nothing_opens_while_a_breaker_a_halt_or_a_doubt_is_open(steps: list[Step]) -> None:
    day = Day()
    open_levels: dict[int, int] = {}
    is_halted = False
    for step in steps:
        for said in day.take(step):
            match said:
                case BreakerTripped():
                    assert said.level not in open_levels
                    open_levels[said.level] = said.ts_until
                case BreakerEnded():
                    until = open_levels.pop(said.level)
                    assert said.cause == "reset" or said.ts_event >= until
                case CommandTaken(accepted=True, action="halt" | "resume" as action):
                    is_halted = action == "halt"
                case RiskDecision(approved=True, purpose="entry"):
                    assert not open_levels
                    assert not is_halted
                    assert said.instrument not in day.desk.state.unknown.values()
                case _:
                    pass


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_books_are_exact_at_every_step(steps: list[Step]) -> None:
    day = Day()
    desk = day.desk
    for step in steps:
        day.take(step)
        for name in NAMES:
            held = [by_name[name] for by_name in desk.state.positions.values() if name in by_name]
            assert sum(each.net_qty for each in held) == desk.wallet(base_of(name))
            assert all(each.net_qty >= 0 and each.cost >= 0 for each in held)
    ledger = journal(desk)
    assert all(balance(ledger, each) == desk.wallet(each) for each in ("USDT", "BTC", "ETH"))
    realized = desk.state.realized_pnl + sum(held.realized_pnl for held in positions(desk))
    paid = sum(held.cost for held in positions(desk))
    assert desk.wallet("USDT") - 10_000 * COIN == realized - paid
    for valued in of(PortfolioValued, desk.said):
        assert valued.equity == valued.cash + valued.exposure


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_position_is_closed_once_and_record_counts_each(steps: list[Step]) -> None:
    day = Day()
    for step in steps:
        day.take(step)
    closed = of(PositionClosed, day.desk.said)
    assert all(each.qty > 0 and each.entry_price > 0 < each.exit_price for each in closed)
    records = day.desk.state.records
    assert sum(each.won + each.lost for each in records.values()) == len(closed)
    assert day.desk.state.realized_pnl == sum(each.realized_pnl for each in closed)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_decide_changes_nothing_and_a_restored_state_says_the_same(steps: list[Step]) -> None:
    day = Day()
    for step in steps:
        day.take(step)
    straight, restored = begin(CONFIG), begin(CONFIG)
    answers = iter(day.desk.said)
    for event in day.desk.told:
        before = msgspec.msgpack.encode(straight)
        first, second = decide(straight, event), decide(restored, event)
        assert msgspec.msgpack.encode(straight) == before
        assert [codec.encode(each) for each in first] == [codec.encode(each) for each in second]
        for state in (straight, restored):
            apply(state, event)
        for _ in first:
            answer = next(answers)
            for state in (straight, restored):
                apply(state, answer)  # type: ignore[arg-type] # what risk itself said
        body = msgspec.msgpack.encode(restored)
        restored = msgspec.msgpack.decode(body, type=RiskState)
        assert msgspec.msgpack.encode(restored) == body
    assert restored == straight == day.desk.state


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_what_is_over_is_forgotten(steps: list[Step]) -> None:
    day = Day()
    for step in steps:
        day.take(step)
    while day.live:
        day.take((8, 0, 0))
    assert day.desk.state.orders == {}
    assert day.desk.state.approvals == {}
    assert day.desk.state.working == {}


MONEY = (1, 2, 16, 18, 19)
"""Invariants, by number, that what risk hears and says can show by itself; with 3 and 5."""


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_no_invariant_of_money_and_control_is_violated(steps: list[Step]) -> None:
    day = Day()
    for step in steps:
        day.take(step)
    trading = Trading()
    rules: list[Rule] = [NEEDS_TRADING[number](trading) for number in MONEY]
    rules += [PLAIN[number]() for number in (3, 5)]
    for position, message in enumerate(day.desk.log):
        record = Record(message=message, writer=WRITER, seq=position)
        at = Placed(TRADING, position, record, message.ts_event)
        for rule in rules:
            if not rule.kinds or isinstance(message, rule.kinds):
                rule.take(at)
        trading.take(at)
    for rule in rules:
        rule.end()
    assert [each for rule in rules for each in rule.violations] == []


def test_days_are_rich_in_what_can_happen() -> None:
    said = []
    for seed in range(60):
        day, chance = Day(), random.Random(seed)
        for _ in range(60):
            day.take((chance.randrange(10), chance.randrange(8), chance.randrange(1001)))
        said += day.desk.said
    kinds = {type(each) for each in said}
    assert {BreakerTripped, CommandTaken, JournalPosted, PositionClosed} <= kinds
    reasons = {each.reason for each in of(RiskDecision, said)}
    assert len(reasons) >= 8, sorted(reasons)
    assert {each.cause for each in of(JournalPosted, said)} == {"opening", "fill", "cross"}
