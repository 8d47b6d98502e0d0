"""Ways to break the good history, each with the number of the invariant that must see it."""

from collections.abc import Callable

from msgspec import structs

from marea.messages.envelope import Message
from marea.messages.market import Trade
from marea.messages.orders import (
    ApprovalRefused,
    CancelIntended,
    LookUpOrder,
    OrderLookedUp,
    OrderTriggered,
    OrderUnknown,
    ReconciliationDone,
)
from marea.messages.system import CoreDiverged, GapFound
from marea.testing.examples import example
from marea.testing.market_examples import MS, T0
from tests.unit.invariants.good import (
    BARS,
    EXECUTION,
    HOUR_MS,
    SIGN_MS,
    SIGNALS,
)
from tests.unit.invariants.story import Story

Plant = Callable[[Story], object]


def unbalanced(story: Story) -> None:
    amounts = list(story["journal 1"].message.amounts)  # type: ignore[attr-defined] # a JournalPosted
    story.change("journal 1", amounts=(*amounts[:-1], amounts[-1] + 1))


def fee_forgotten(story: Story) -> None:
    journal = story["journal 7"].message
    story.change(
        "journal 7",
        accounts=journal.accounts[:4],  # type: ignore[attr-defined] # a JournalPosted
        assets=journal.assets[:4],  # type: ignore[attr-defined] # a JournalPosted
        amounts=journal.amounts[:4],  # type: ignore[attr-defined] # a JournalPosted
    )


def next_child(story: Story, after: str) -> None:
    story.again("intent", after, client_order_id="other", child=1, qty=100)


def unknown(story: Story) -> None:
    story.drop("report 0")
    report = {"id": "doubt", "client_order_id": story["intent"].message.client_order_id}  # type: ignore[attr-defined] # an OrderIntended
    story.again("sent", "sent", **report)
    story["sent again"].message = OrderUnknown(
        **report, ts_event=T0, portfolio="main", instrument="BTC-USDT.BINANCE", attempt=1, reason=""
    )


def opened_while_unknown(story: Story) -> None:
    unknown(story)
    story.again("intent", "sent again", client_order_id="other", decision_id="other")
    story["intent again"].decided_on = "sent again"


def unheard(story: Story) -> None:
    story.drop("report 0", "fill 1", "fill 4")


def looked_up(story: Story) -> None:
    unheard(story)
    asked = story["intent"].message.client_order_id  # type: ignore[attr-defined] # an OrderIntended
    story["sent"].message = structs.replace(example(LookUpOrder), client_order_id=asked)


def opened_while_looked_up(story: Story) -> None:
    looked_up(story)
    story.again("intent", "sent", client_order_id="other", decision_id="other")
    story["intent again"].decided_on = "sent"


def late_halt(story: Story) -> None:
    taken, halt = story["halt taken"], story["halt"]
    story.drop("halt taken", "halt", "fill 1", "journal 1", "fill 4", "journal 4")
    place = story.lines.index(story["report 0"]) + 1
    halt.ts = taken.ts = story["report 0"].ts
    story.lines[place:place] = [halt, taken]


def opened_in_halt(story: Story) -> None:
    story.again("intent", "halt taken", client_order_id="other")
    story["intent again"].decided_on = "halt taken"


def opened_in_breaker(story: Story) -> None:
    story.again("intent", "tripped", client_order_id="other")
    story["intent again"].decided_on = "tripped"


def opened_in_doubt(story: Story, doubt: Message) -> None:
    story.say(SIGNALS, "doubt", SIGN_MS, doubt, "signal")
    story.move("doubt", "opened")
    story["intent"].decided_on = "signal"


def approved_in_doubt(story: Story) -> None:
    opened_in_doubt(story, example(CoreDiverged))
    story.drop("intent")


def approved_beside_differences(story: Story) -> None:
    done = structs.replace(example(ReconciliationDone), differences=("BALANCE|BTC|1|0",))
    for count in range(3):
        differs = structs.replace(done, id=f"differs {count}", parents=("opened",))
        story.say(EXECUTION, f"differs {count}", SIGN_MS, differs, "opened")
        story.move(f"differs {count}", "clock")


def approved_in_halt(story: Story) -> None:
    story.again("decision", "halt taken")
    story["decision again"].decided_on = "halt taken"


def bar_told_late(story: Story) -> None:
    story.again("bar's clock", "bar's clock", ts_event=T0 + 1_350 * MS)
    story["bar"].decided_on = "bar's clock again"


def trade_lost(story: Story) -> None:
    number = example(Trade).first_trade_id + 2
    story.again("trade", "trade", first_trade_id=number, last_trade_id=number)
    bar = story["bar"].message
    story.change(
        "bar",
        volume=2 * bar.volume,  # type: ignore[attr-defined] # a Bar
        trade_count=2,
        last_trade_id=number,
    )


FAR = {"first_update_id": 50_123_456_805, "last_update_id": 50_123_456_805}


def lost_without_a_cause(story: Story) -> None:
    story.again("live", "trade", status="BROKEN", reason="gap")


def quoted_otherwise(story: Story) -> None:
    story.change("quote", bid_price=6_167_199).change("mark", bid_price=6_167_199)


def shared_otherwise(story: Story) -> None:
    decision = {"strategy": "weighted+sma", "shares": (405, 405)}
    story.change("decision", **decision)


def diverged(story: Story) -> None:
    story.say(BARS, "diverged", 1_250, example(CoreDiverged), "bar's clock")
    story["diverged"].ts = 0  # a start tells it of some time before


def refused_too(story: Story) -> None:
    refused = example(ApprovalRefused)
    story.say(EXECUTION, "refused", 3 * HOUR_MS, refused, "decision")


def sent_often(story: Story) -> None:
    for count in range(3):
        story.again("sent", "sent", id=f"sent {count}")


def circle(story: Story) -> None:
    story.change("signal", parents=("vector", story["decision"].message.id))


def seen_too_early(story: Story) -> None:
    story.change("completed", parents=("fill 4", "main:clock:100000"))


def unborn(story: Story) -> None:
    story["mark"].epoch = 999


def acted_on_what_is_void(story: Story) -> None:
    zombie_intends(story)
    story.again("sent", "intent again")
    story["sent again"].decided_on = "intent again"
    story["sent again"].message = structs.replace(
        example(CancelIntended), parents=(story["intent again"].message.id,)
    )


def acted_on_a_copy(story: Story) -> None:
    story.copy("mark", "mark")
    story["valued"].decided_on = "mark copied"
    story.change("valued", parents=(story["mark"].message.id,))


def zombie_intends(story: Story) -> None:
    story.again("intent", "intent", client_order_id="other")
    story["intent again"].epoch = 0


def skipped(story: Story) -> None:
    story["mark"].seq = 99


def number_of_two(story: Story) -> None:
    story.again("fill 4", "fill 4")
    story["fill 4 again"].seq = 1


def lost_then_sent(story: Story) -> None:
    story.again("sent", "fill 4")
    story["sent again"].message = OrderLookedUp(
        id="looked up",
        ts_event=T0,
        portfolio="main",
        instrument="BTC-USDT.BINANCE",
        client_order_id=story["intent"].message.client_order_id,  # type: ignore[attr-defined] # an OrderIntended
        attempt=1,
        found=False,
    )
    story.again("intent", "sent again", attempt=2)


def ended_at_the_venue(story: Story) -> None:
    story["report 8"].message = structs.replace(example(OrderTriggered), number=8)


PLANTED: list[tuple[int, str, Plant]] = [
    (1, "booked at another quantity", lambda s: s.drop("journal 1")),
    (1, "closed with another quantity", lambda s: s.change("closed", qty=811)),
    (1, "booked for another strategy", lambda s: s.change("journal 1", strategy="sma")),
    (1, "a part of another size", shared_otherwise),
    (1, "booked twice", lambda s: s.again("journal 7", "journal 7")),
    (2, "a forgotten fee", fee_forgotten),
    (2, "cash that nobody booked", lambda s: s.change("valued", cash=1)),
    (2, "an opening of another balance", lambda s: s.change("opened", balances={"USDT": 5})),
    (3, "a transaction that loses a unit", unbalanced),
    (3, "an entry without its asset", lambda s: s.change("journal 1", assets=("BTC",))),
    (4, "a fill beyond the order", lambda s: s.change("fill 4", last_qty=511)),
    (4, "counts that do not add up", lambda s: s.change("fill 4", cum_qty=809)),
    (4, "a rest that is not the rest", lambda s: s.change("fill 1", leaves_qty=511)),
    (4, "a leg that got less", lambda s: s.change("completed", filled_qty=809)),
    (4, "an average outside its fills", lambda s: s.change("completed", avg_price=6_167_200)),
    (5, "a fill told twice", lambda s: s.again("fill 1", "fill 1")),
    (5, "a fill booked twice", lambda s: s.again("journal 1", "journal 1")),
    (6, "a second order while the first lives", lambda s: next_child(s, "sent")),
    (6, "an order accepted twice", lambda s: s.again("report 0", "report 0")),
    (6, "an order accepted twice at the venue", lambda s: s.again("venue 0", "venue 0")),
    (7, "a request before its intent", lambda s: s.move("intent", "sent")),
    (7, "a request of another quantity", lambda s: s.change("request", qty=811)),
    (7, "a request signed at another time", lambda s: s.change("request", ts_sign=T0)),
    (7, "a report of an order that nobody intended", lambda s: s.drop("intent")),
    (7, "an attempt that was not intended", lambda s: s.change("sent", attempt=2)),
    (8, "an order without a decision", lambda s: s.drop("decision")),
    (8, "an order of a denial", lambda s: s.change("decision", approved=False)),
    (8, "a larger order", lambda s: s.change("intent", qty=811)),
    (8, "an order after its approval expired", lambda s: s.change("decision", ts_expiry=T0)),
    (8, "an order that is sent late", lambda s: s.change("sent", ts_event=T0 + 4_301 * MS)),
    (8, "an order that is sent when it has expired", lambda s: s.change("intent", ts_expiry=T0)),
    (8, "an order of the other side", lambda s: s.change("intent", side="sell")),
    (8, "an order in another instrument", lambda s: s.change("decision", instrument="ETH")),
    (9, "an approval without an end", lambda s: s.drop("completed")),
    (9, "an approval with two ends", refused_too),
    (9, "an end without an approval", lambda s: s.change("completed", decision_id="none")),
    (10, "a fill after the end", lambda s: s.again("fill 4", "fill 4")),
    (10, "an acceptance after the end", lambda s: s.again("report 0", "fill 4")),
    (10, "a fill before the acceptance", lambda s: s.drop("report 0")),
    (10, "an order sent anew after its end", lost_then_sent),
    (11, "an entry beside an unknown order", opened_while_unknown),
    (11, "an entry beside an order that is looked up", opened_while_looked_up),
    (11, "an order that nobody hears of", unheard),
    (12, "an order beyond the wallet", lambda s: s.change("opened", balances={}).drop("opening")),
    (13, "a price off its increment", lambda s: s.change("instrument told", price_increment=100)),
    (13, "a quantity off its increment", lambda s: s.change("instrument told", qty_increment=100)),
    (13, "too small an order", lambda s: s.change("instrument told", notional_min=9_999_999)),
    (13, "a price beyond the collar", lambda s: s.change("decision", collar_price=6_167_200)),
    (13, "an instrument that nobody described", lambda s: s.drop("instrument told")),
    (13, "another scale", lambda s: s.change("intent", price_scale=3)),
    (14, "a target that sells what is not held", lambda s: s.drop("fill 4")),
    (14, "an exit that may enlarge", lambda s: s.change("intent", leg="exit")),
    (15, "a fill that we lost", lambda s: s.drop("fill 7")),
    (15, "a report that never came", lambda s: s.drop("report 8")),
    (15, "a fill that the venue does not know", lambda s: s.drop("venue 7")),
    (15, "another price than the venue's", lambda s: s.change("venue 7", last_price=6_179_562)),
    (15, "an order that ended at the venue only", ended_at_the_venue),
    (15, "another balance", lambda s: s.change("account told", balances={"BTC": 191})),
    (15, "an open order that is none", lambda s: s.change("account told", open_orders=("x",))),
    (15, "another wallet", lambda s: s.change("account", balances={"USDT": 5})),
    (16, "an entry while a breaker is open", opened_in_breaker),
    (16, "an approval while a breaker is open", lambda s: s.again("decision", "tripped")),
    (16, "an entry after a divergence", lambda s: opened_in_doubt(s, example(CoreDiverged))),
    (16, "an entry after a hole in the log", lambda s: opened_in_doubt(s, example(GapFound))),
    (16, "an approval after a divergence", approved_in_doubt),
    (16, "an approval beside differences from the venue", approved_beside_differences),
    (17, "an approval during a halt", approved_in_halt),
    (17, "an entry that lives 5 s after a halt", late_halt),
    (17, "an entry during a halt", opened_in_halt),
    (18, "a level that trips without ending", lambda s: s.again("tripped", "tripped")),
    (18, "a level that ends too early", lambda s: s.change("tripped", ts_until=T0 + 10**16)),
    (18, "a level that ends without having tripped", lambda s: s.drop("tripped")),
    (18, "a reset that nobody ordered", lambda s: s.change("ended", cause="reset")),
    (18, "a trip within the limit", lambda s: s.change("tripped", equity=1_002_140_000_000)),
    (19, "a command that nobody gave", lambda s: s.drop("halt")),
    (19, "a command of a viewer", lambda s: s.change("halt", role="viewer")),
    (19, "a command without a reason", lambda s: s.change("resume", reason="")),
    (19, "a command that counts twice", lambda s: s.again("halt taken", "halt taken")),
    (20, "services of two builds", lambda s: s.change("risk begins", build="other")),
    (21, "three orders in a second where two may be", sent_often),
    (22, "an order of who only advises", lambda s: s.change("opened", mode="advisory")),
    (23, "a hole in the numbers", skipped),
    (23, "a number of two records", number_of_two),
    (
        24,
        "an id that says two things",
        lambda s: s.again("mark", "mark", id=s["mark"].message.id, bid_price=1),
    ),
    (25, "a parent that stands nowhere", lambda s: s.change("signal", parents=("nowhere",))),
    (25, "a decision without a cause", lambda s: s.change("signal", parents=())),
    (25, "a circle of causes", circle),
    (28, "a decision on what was known later", seen_too_early),
    (29, "a clock that goes back", lambda s: s.change("clock 95", ts_event=T0)),
    (29, "a decision before the last one", lambda s: setattr(s["valued"], "ts", T0)),
    (30, "a close above the high", lambda s: s.change("bar", close=9_999_999)),
    (30, "a negative volume", lambda s: s.change("bar", volume=-1)),
    (30, "a bar of other trades", lambda s: s.change("bar", volume=4_212)),
    (30, "a bar told twice", lambda s: s.again("bar", "bar")),
    (30, "a bar left out", lambda s: s.again("bar", "bar", ts_open=T0 + 2_000 * MS)),
    (30, "a bar told too early", lambda s: s.change("bar's clock", ts_event=T0 + 1_249 * MS)),
    (30, "a bar told too late", bar_told_late),
    (30, "a trade that comes twice", lambda s: s.again("trade", "trade")),
    (30, "a whole bar without a trade of it", trade_lost),
    (30, "an opening price of another trade", lambda s: s.change("bar", open=6_167_000, low=0)),
    (31, "a crossed mark", lambda s: s.change("mark", bid_price=6_167_202)),
    (31, "a book that is called whole too early", lambda s: s.drop("snapshot")),
    (33, "a writer of a life that never began", unborn),
    (33, "someone who acts on what is void", acted_on_what_is_void),
    (33, "someone who acts on a second copy", acted_on_a_copy),
    (31, "a book that lacks a change", lambda s: s.change("delta", first_update_id=50_123_456_791)),
    (31, "a book whose end nobody tells", lambda s: s.again("delta", "live", **FAR)),
    (31, "a book that is called lost", lost_without_a_cause),
    (31, "a mark of a lost book", lambda s: s.drop("live", "vector")),
    (31, "a vector of a lost book", lambda s: s.drop("live", "mark")),
    (31, "a mark of another quote", lambda s: s.change("mark", bid_price=6_167_200)),
    (31, "a quote that its book does not show", quoted_otherwise),
    (35, "a core that decides another thing", diverged),
]


TOLD = "a comparison tells the differences from the venue, and no others"
COMPARED: list[tuple[str, Plant]] = [
    (TOLD, lambda s: s.change("account told", balances={})),
    (TOLD, lambda s: s.change("account told", open_orders=("x",))),
    (TOLD, lambda s: s.change("compared", differences=("BALANCE|BTC|1|0",), rounds=1)),
    (TOLD, lambda s: s.change("compared", parents=("clock 95",))),
    ("rounds count comparisons that differed", lambda s: s.change("compared", rounds=1)),
    ("what is compared rests on the reports", lambda s: s.change("account told", report_offset=8)),
    ("the venue's figures are compared", lambda s: s.drop("compared")),
]
