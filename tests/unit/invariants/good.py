"""The history in which everything holds: one position from its signal to its target."""

import json

from msgspec import structs

from marea.messages.envelope import Message
from marea.messages.features import Bar, FeatureVector
from marea.messages.market import BookDelta, BookSnapshot, BookStatusChanged, Quote, Trade
from marea.messages.market import InstrumentChanged as Instrument
from marea.messages.orders import (
    AccountReported,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderReport,
    OrderSent,
    ReconciliationDone,
)
from marea.messages.paper import AccountOpened, ExecutionReport, PlaceOrder
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Command,
    CommandTaken,
    JournalPosted,
    Mark,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from marea.messages.system import Clock, Started
from marea.testing.examples import example
from marea.testing.market_examples import MS, T0
from marea.testing.trading_examples import ENTRY, STOP, TARGET
from tests.unit.invariants.story import FEATURES, MARKET, PAPER, TRADING, Story

INGESTION = (MARKET, "ingestion/btc")
BARS = (FEATURES, "features/embedded")
SIGNALS = (TRADING, "signals/embedded")
MARKS = (TRADING, "marks/btc")
RISK = (TRADING, "risk/main")
EXECUTION = (TRADING, "execution/main")
VENUE = (PAPER, "paper/main")
HOUR_MS = 3_600_000
CONFIGS = {
    "risk": {"orders_per_s_max": 2, "orders_per_min_max": 3},
    "execution": {"late_ns_max": 3_000 * MS},
}
SIGN_MS = 1_300
SPENT = 49_954_328_100
EARNED = 49_992_648_490 - 49_992_649
CASH = 1_000_000_000_000


def started(service: str, config: str = "{}") -> Started:
    """The begin of a service's life."""
    return Started(
        id=f"started {service}",
        ts_event=T0,
        service=service,
        build="test",
        config=config,
        resumes_at=0,
    )


def clock(stream: str, ms: int) -> Clock:
    """The time of a stream."""
    return Clock(id=f"{stream}:clock:{ms}", ts_event=T0 + ms * MS, stream=stream)


def good_story() -> Story:
    """The history, whole."""
    story = Story()
    _market(story)
    _opening(story)
    _entry(story)
    _target(story)
    _control(story)
    return story


def _market(story: Story) -> None:
    story.say(INGESTION, "market begins", 0, started("ingestion"))
    story.say(INGESTION, "instrument", 0, example(Instrument))
    story.say(INGESTION, "first clock", 0, clock("BTC", 0))
    syncing = structs.replace(
        example(BookStatusChanged), id="syncing", status="SYNCING", reason="start", update_id=-1
    )
    syncing = structs.replace(syncing, parents=(example(Instrument).id,))
    story.say(INGESTION, "syncing", 0, syncing, "instrument")
    story.say(INGESTION, "snapshot", 12, example(BookSnapshot))
    story.say(INGESTION, "delta", 114, example(BookDelta))
    story.say(INGESTION, "live", 114, example(BookStatusChanged), "delta")
    story.say(INGESTION, "quote", 121, example(Quote))
    story.say(INGESTION, "trade", 137, example(Trade))
    story.say(INGESTION, "bar's clock", 1_250, example(Clock))
    story.say(BARS, "features begin", 0, started("features"))
    trade = example(Trade)
    bar = structs.replace(
        example(Bar),
        **dict.fromkeys(("open", "high", "low", "close"), trade.price),
        volume=trade.qty,
        trade_count=1,
        first_trade_id=trade.first_trade_id,
        last_trade_id=trade.last_trade_id,
    )
    story.say(BARS, "bar", 1_250, bar, "bar's clock")
    story.say(BARS, "vector", 1_250, example(FeatureVector), "bar's clock")


def _opening(story: Story) -> None:
    for place in (SIGNALS, MARKS, RISK, EXECUTION):
        service = place[1].partition("/")[0]
        config = json.dumps(CONFIGS.get(service, {}))
        story.say(place, f"{service} begins", 0, started(service, config))
    story.say(VENUE, "venue begins", 0, started("paper"))
    story.say(VENUE, "account", 0, example(AccountOpened))
    story.say(RISK, "opened", 0, example(PortfolioOpened))
    opening = _journal(
        "opened", "opening", [("wallet", "USDT", CASH), ("opening", "USDT", -CASH)], story
    )
    story.say(RISK, "opening", 0, opening, "opened")
    story.say(RISK, "instrument told", 0, example(Instrument))
    mark = structs.replace(example(Mark), parents=(example(Clock).id, example(Quote).id))
    story.say(MARKS, "mark", 1_250, mark, "bar's clock")


def _entry(story: Story) -> None:
    story.say(RISK, "clock", SIGN_MS, clock("main", SIGN_MS))
    story.say(SIGNALS, "signal", SIGN_MS, example(Signal), "vector")
    decision = structs.replace(example(RiskDecision), shares=(example(RiskDecision).qty,))
    story.say(RISK, "decision", SIGN_MS, decision, "signal")
    story.say(EXECUTION, "intent", SIGN_MS, example(OrderIntended), "decision")
    story.say(EXECUTION, "sent", SIGN_MS, example(OrderSent))
    story.say(VENUE, "request", SIGN_MS, example(PlaceOrder))
    _report(story, 0, 1_400, "accepted", ENTRY)
    _fill(story, 1, 2_000, ENTRY, 300, 300)
    _report(story, 2, 2_000, "accepted", STOP, qty=299)
    _report(story, 3, 2_000, "accepted", TARGET, qty=299)
    _fill(story, 4, 3_000, ENTRY, 510, 810)
    _report(story, 5, 3_000, "amended", STOP, qty=809)
    _report(story, 6, 3_000, "amended", TARGET, qty=809)
    completed = structs.replace(
        example(OrderCompleted), parents=("fill 4", example(RiskDecision).id)
    )
    story.say(EXECUTION, "completed", 3_200, completed, "fill 4")
    valued = structs.replace(
        example(PortfolioValued), parents=("fill 4",), cash=CASH - SPENT, id="valued"
    )
    story.say(RISK, "valued", 3_200, valued, "fill 4")


def _target(story: Story) -> None:
    _fill(story, 7, 95_000, TARGET, 809, 809)
    _report(story, 8, 95_000, "canceled", STOP, qty=809)
    closed = structs.replace(example(PositionClosed), parents=("fill 7",))
    story.say(RISK, "closed", 95_200, closed, "fill 7")
    story.say(RISK, "clock 95", 95_300, clock("main", 95_300))
    told = structs.replace(
        example(AccountReported),
        report_offset=9,
        balances={"BTC": 190, "USDT": CASH - SPENT + EARNED},
        open_orders=(),
    )
    story.say(EXECUTION, "account told", 95_300, told)
    compared = structs.replace(
        example(ReconciliationDone), parents=(told.id,), differences=(), rounds=0
    )
    story.say(EXECUTION, "compared", 95_300, compared, "account told")


def _control(story: Story) -> None:
    story.say(RISK, "clock 100", 100_000, clock("main", 100_000))
    tripped = structs.replace(
        example(BreakerTripped), id="tripped", parents=("main:clock:100000", "valued")
    )
    story.say(RISK, "tripped", 100_000, tripped, "clock 100")
    story.say(RISK, "clock 2 h", 2 * HOUR_MS, clock("main", 2 * HOUR_MS))
    ended = structs.replace(
        example(BreakerEnded), id="ended", parents=(f"main:clock:{2 * HOUR_MS}",)
    )
    story.say(RISK, "ended", 2 * HOUR_MS, ended, "clock 2 h")
    for action in ("halt", "resume"):
        command = structs.replace(example(Command), id=action, action=action, key=action)
        taken = structs.replace(
            example(CommandTaken), id=f"{action} taken", action=action, parents=(action,)
        )
        story.say(RISK, action, 2 * HOUR_MS, command)
        story.say(RISK, f"{action} taken", 2 * HOUR_MS, taken, action)
    story.say(RISK, "last clock", 3 * HOUR_MS, clock("main", 3 * HOUR_MS))


OURS: dict[str, type[OrderReport]] = {
    "accepted": OrderAccepted,
    "amended": OrderAmended,
    "canceled": OrderCanceled,
}


def _report(story: Story, number: int, ms: int, kind: str, order: str, qty: int = 810) -> None:
    ours = OURS[kind]
    values: dict[str, object] = {"number": number}
    if kind != "canceled":
        values["qty"] = qty
    said = structs.replace(
        example(ours), id=f"report {number}", client_order_id=order, ts_event=T0 + ms * MS, **values
    )
    theirs = structs.replace(
        _venue_report(number, ms, order, kind),
        qty=qty,
        reason="" if kind != "canceled" else "sibling_filled",
    )
    story.say(VENUE, f"venue {number}", ms, theirs)
    story.say(EXECUTION, f"report {number}", ms + 100, said)


def _fill(story: Story, number: int, ms: int, order: str, qty: int, cum: int) -> None:
    is_entry = order == ENTRY
    price = 6_167_201 if is_entry else 6_179_561
    commission = qty if is_entry else 49_992_649
    ordered = 810 if is_entry else 809
    common: dict[str, object] = {
        "side": "buy" if is_entry else "sell",
        "last_qty": qty,
        "last_price": price,
        "cum_qty": cum,
        "trade_id": f"t{number}",
        "commission": commission,
        "commission_asset": "BTC" if is_entry else "USDT",
        "liquidity": "maker",
        "venue_order_id": "7",
    }
    fill = structs.replace(
        example(OrderFilled),
        id=f"fill {number}",
        number=number,
        client_order_id=order,
        leaves_qty=ordered - cum,
        ts_event=T0 + ms * MS,
        **common,
    )
    theirs = structs.replace(_venue_report(number, ms, order, "filled"), qty=ordered, **common)
    story.say(VENUE, f"venue {number}", ms, theirs)
    story.say(EXECUTION, f"fill {number}", ms + 100, fill)
    base, quote = qty * 1_000, qty * price * 10
    sign = 1 if is_entry else -1
    lines = [
        ("wallet", "BTC", sign * base),
        ("venue", "BTC", -sign * base),
        ("wallet", "USDT", -sign * quote),
        ("venue", "USDT", sign * quote),
        ("wallet", str(common["commission_asset"]), -commission),
        ("fees", str(common["commission_asset"]), commission),
    ]
    story.say(
        RISK,
        f"journal {number}",
        ms + 100,
        _journal(f"fill {number}", "fill", lines, story),
        f"fill {number}",
    )


def _venue_report(number: int, ms: int, order: str, kind: str) -> ExecutionReport:
    return structs.replace(
        example(ExecutionReport),
        id=f"venue {number}",
        parents=(example(PlaceOrder).id,),
        client_order_id=order,
        number=number,
        kind=kind,
        ts_event=T0 + ms * MS,
        ts_arrives=T0 + (ms + 50) * MS,
        last_qty=0,
        last_price=0,
        trade_id="",
        commission=0,
        commission_asset="",
    )


def _journal(
    cause_line: str, cause: str, lines: list[tuple[str, str, int]], story: Story
) -> JournalPosted:
    accounts, assets, amounts = zip(*lines, strict=True)
    parent: Message = story[cause_line].message
    return JournalPosted(
        id=f"journal of {cause_line}",
        ts_event=parent.ts_event,
        parents=(parent.id,),
        portfolio="main",
        strategy="weighted" if cause == "fill" else "",
        cause=cause,
        asset_scale=8,
        accounts=accounts,
        assets=assets,
        amounts=amounts,
    )
