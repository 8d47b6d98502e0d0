"""The shell: nothing leaves before it is safe, nothing late, and silence is no answer."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.orders import (
    AccountReported,
    CancelIntended,
    LookUpOrder,
    OrderIntended,
    OrderLookedUp,
    OrderNotSent,
    OrderSent,
    OrderUnknown,
    ReportAccount,
)
from marea.messages.paper import CancelOrder, PlaceOrder
from services.execution.core import begin
from services.execution.shell.venue import Shell, arrivals_of, effects_of
from tests.unit.execution.small_venue import Fate, Placed, SmallVenue
from tests.unit.execution.trading import ASK, BID, BTC, CONFIG, SECOND, decision, play, ready, ts

WRITER = Writer(producer="execution/main", epoch=3, build="b", input_log=Log("trading", "main"))


@dataclass
class Bench:
    """A shell at a small venue, with a clock that a test sets."""

    venue: SmallVenue = field(default_factory=SmallVenue)
    now: int = ts(10)
    requests_when_safe: list[int] = field(default_factory=list)
    """How many requests the venue had got each time that the log was made safe."""
    flush_takes: int = 0
    shell: Shell = field(init=False)

    def __post_init__(self) -> None:
        self.shell = Shell(
            config=CONFIG,
            venue=self.venue,
            flush=self.flush,
            venue_time=lambda: self.now,
            top=lambda instrument: (BID, ASK) if instrument == BTC else (0, 0),
        )
        self.begin()

    def begin(self) -> None:
        """Begin a life."""
        self.effects = effects_of(self.shell)

    async def flush(self) -> None:
        self.requests_when_safe.append(len(self.venue.requests))
        self.now += self.flush_takes

    def act(self, message: Message) -> Sequence[Message]:
        """What comes of an output that was stamped at the begin."""
        record = Record(message=message, writer=WRITER, seq=7, ts_known=ts(0))
        return wait(self.effects[type(message)](record))


def wait(answer: Awaitable[Sequence[Message]]) -> Sequence[Message]:
    async def run() -> Sequence[Message]:
        return await answer

    return asyncio.run(run())


def intent() -> OrderIntended:
    [said] = play(ready(), [decision()])
    assert isinstance(said, OrderIntended)
    return said


def cancel() -> CancelIntended:
    return CancelIntended(
        id="cancel",
        portfolio="main",
        account="main",
        instrument=BTC,
        client_order_id="order",
        reason="passive_over",
    )


def look_up(name: str) -> LookUpOrder:
    return LookUpOrder(
        id="question",
        portfolio="main",
        account="main",
        instrument=BTC,
        client_order_id=name,
        attempt=2,
    )


def test_order_goes_out_whole_signed_with_the_stamp_of_its_intent() -> None:
    bench, wanted = Bench(), intent()
    [sent] = bench.act(wanted)
    assert isinstance(sent, OrderSent)
    assert (sent.ts_event, sent.bid_price, sent.ask_price) == (ts(10), BID, ASK)
    assert (sent.client_order_id, sent.attempt) == (wanted.client_order_id, 1)
    assert sent.parents == (wanted.id,)
    [request] = bench.venue.requests
    assert isinstance(request, PlaceOrder)
    assert request.ts_sign == request.ts_event == ts(0)
    for name in set(PlaceOrder.__struct_fields__) & set(OrderIntended.__struct_fields__):
        if name not in ("id", "ts_event", "parents"):
            assert getattr(request, name) == getattr(wanted, name)


def test_log_is_safe_before_anything_leaves() -> None:
    bench = Bench()
    bench.act(intent())
    bench.act(cancel())
    assert bench.requests_when_safe == [0, 1]
    assert len(bench.venue.requests) == 2


@pytest.mark.parametrize(
    ("now", "reason"),
    [(ts(3000) + 1, "late"), (ts(5000), "late"), (ts(90_000), "late")],
)
def test_order_that_is_too_late_does_not_leave(now: int, reason: str) -> None:
    bench = Bench(now=now)
    [answer] = bench.act(intent())
    assert isinstance(answer, OrderNotSent)
    assert (answer.reason, answer.ts_event) == (reason, now)
    assert bench.venue.requests == []


def test_order_leaves_until_the_last_instant() -> None:
    bench = Bench(now=ts(3000))
    assert isinstance(bench.act(intent())[0], OrderSent)


def test_order_of_a_decision_that_expired_does_not_leave() -> None:
    [wanted] = play(ready(), [decision()])
    assert isinstance(wanted, OrderIntended)
    shell = Bench(now=ts(10))
    [answer] = shell.act(replace(wanted, ts_expiry=ts(10)))
    assert isinstance(answer, OrderNotSent)
    assert answer.reason == "expired"


def test_lateness_is_judged_after_the_log_is_safe() -> None:
    bench = Bench(flush_takes=3 * SECOND)
    assert isinstance(bench.act(intent())[0], OrderNotSent)
    assert bench.venue.requests == []


@pytest.mark.parametrize("fate", ["taken_in_silence", "lost"])
def test_silence_is_unknown_and_never_a_failure(fate: Fate) -> None:
    bench = Bench(venue=SmallVenue(fate=fate))
    [answer] = bench.act(intent())
    assert isinstance(answer, OrderUnknown)
    assert (answer.attempt, answer.reason) == (1, "timeout")
    assert len(bench.venue.requests) == 1


def test_request_has_the_same_id_when_it_is_signed_the_same_again() -> None:
    bench = Bench(venue=SmallVenue(fate="lost"))
    first = intent()
    bench.act(first)
    bench.act(replace(first, id="another", attempt=2))
    one, two = bench.venue.requests
    assert one == two


def test_cancel_says_nothing_by_itself_and_survives_silence() -> None:
    bench = Bench(venue=SmallVenue(fate="lost"))
    assert bench.act(cancel()) == ()
    [request] = bench.venue.requests
    assert isinstance(request, CancelOrder)
    assert (request.client_order_id, request.ts_sign) == ("order", ts(0))


def test_look_up_tells_what_the_venue_has() -> None:
    bench, wanted = Bench(), intent()
    bench.act(wanted)
    answers = [*bench.act(look_up(wanted.client_order_id)), *bench.act(look_up("other"))]
    assert [each.found for each in answers if isinstance(each, OrderLookedUp)] == [True, False]
    assert [each.attempt for each in answers if isinstance(each, OrderLookedUp)] == [2, 2]
    assert len({each.id for each in answers} | {"question"}) == 2


def found(answer: Sequence[Message]) -> list[bool]:
    return [each.found for each in answer if isinstance(each, OrderLookedUp)]


def test_order_is_missing_only_once_none_of_its_requests_can_arrive_any_more() -> None:
    bench, wanted = Bench(venue=SmallVenue(fate="lost", arrives_within_ns=11 * SECOND)), intent()
    bench.act(wanted)
    question = look_up(wanted.client_order_id)
    for seconds, answer in ((5, []), (10.9, []), (11.5, [False])):
        bench.now = ts(seconds * 1_000)
        assert found(bench.act(question)) == answer
    [request] = bench.venue.requests
    assert isinstance(request, PlaceOrder)
    bench.venue.orders[wanted.client_order_id] = Placed(request, wanted.qty)
    assert found(bench.act(question)) == [True]


def test_what_is_there_is_told_though_more_may_arrive() -> None:
    bench, wanted = Bench(venue=SmallVenue(arrives_within_ns=11 * SECOND)), intent()
    bench.act(wanted)
    assert found(bench.act(look_up(wanted.client_order_id))) == [True]


def test_new_life_waits_for_what_the_one_before_may_have_signed() -> None:
    bench, wanted = Bench(venue=SmallVenue(fate="lost", arrives_within_ns=11 * SECOND)), intent()
    bench.now = ts(60_000)
    bench.begin()
    assert found(bench.act(look_up(wanted.client_order_id))) == []
    bench.now = ts(70_900)
    assert found(bench.act(look_up(wanted.client_order_id))) == []
    bench.now = ts(71_000)
    assert found(bench.act(look_up(wanted.client_order_id))) == [False]


def test_venue_that_is_away_gives_no_answer() -> None:
    bench = Bench(venue=SmallVenue(is_away=True))
    assert bench.act(look_up("order")) == ()
    assert bench.act(ReportAccount(id="r", portfolio="main", account="main")) == ()


def test_account_is_told_in_answer_to_its_question() -> None:
    [reported] = Bench().act(ReportAccount(id="r", portfolio="main", account="main"))
    assert isinstance(reported, AccountReported)
    assert (reported.parents, reported.ts_event, reported.report_offset) == (("r",), ts(10), 0)
    assert reported.id


def test_reports_come_when_they_arrive_after_those_that_were_taken() -> None:
    bench = Bench(venue=SmallVenue(arrives_at=ts(100)))
    wanted = intent()
    bench.act(wanted)
    bench.venue.arrives_at = ts(200)
    bench.venue.fill(wanted.client_order_id, 100)
    arrivals, state = arrivals_of(bench.venue), ready()
    numbers = [
        [each.number for each in wait(arrivals(state, now)) if hasattr(each, "number")]
        for now in (ts(99), ts(100), ts(200))
    ]
    assert numbers == [[], [0], [0, 1]]
    state.report_number = 0
    [report] = wait(arrivals(state, ts(200)))
    assert getattr(report, "number", None) == 1


def test_report_that_comes_again_or_before_another_is_brought_once_and_in_its_place() -> None:
    venue = SmallVenue()
    told = [venue.told.accepted("order", 5), *(venue.told.filled("order", 1, 4, BID) for _ in "ab")]
    state = ready()

    def numbers(*places: int) -> list[int]:
        venue.queue = [(ts(0), told[place]) for place in places]
        return [getattr(each, "number", -1) for each in wait(arrivals_of(venue)(state, ts(1)))]

    assert numbers(1, 2) == []
    assert numbers(2, 0) == [0]
    assert numbers(2, 1, 0, 1) == [0, 1, 2]
    state.report_number = 1
    assert numbers(0, 1, 2, 2) == [2]


def test_nothing_arrives_while_the_venue_is_away_or_nothing_is_sent_there() -> None:
    venue = SmallVenue()
    venue.report(venue.told.accepted("order", 5))
    assert wait(arrivals_of(venue)(begin(CONFIG), ts(0))) == ()
    venue.is_away = True
    assert wait(arrivals_of(venue)(ready(), ts(0))) == ()
