"""The life of orders in any order of fills, cancels, silences, commands and crashes."""

import asyncio
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from marea.domain.order_life import is_final
from marea.messages.orders import OrderIntended, OrderLookedUp
from marea.messages.portfolio import Purpose
from marea.messages.system import CoreDiverged
from services.execution.core import begin
from services.execution.core.life import is_over
from tests.unit.execution.reckoning import Reckoning
from tests.unit.execution.small_venue import Fate
from tests.unit.execution.trading import CONFIG, command, decision, ended, mark, play, tripped
from tests.unit.execution.world import World

FATES: st.SearchStrategy[Fate] = st.sampled_from(
    ["taken", "taken", "taken_in_silence", "lost", "lost_in_silence"]
)
PURPOSES: st.SearchStrategy[Purpose] = st.sampled_from(["entry", "entry", "exit"])
WHICH = st.integers(0, 7)
"""Of those that there are, in a circle."""


class OrdersMachine(RuleBasedStateMachine):
    """A core, its shell and a venue: every message arrives late, again, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.world = World()
        self.reckoning = Reckoning()
        self.read = 0

    def teardown(self) -> None:
        self.runner.close()

    # What mostly happens

    @initialize()
    def entry_is_approved(self) -> None:
        self.world.approve(decision("", "entry", 800))

    @rule(purpose=PURPOSES, qty=st.integers(20, 900))
    def risk_approves(self, purpose: Purpose, qty: int) -> None:
        self.world.approve(decision("", purpose, qty))
        self.go_on()

    @rule(ms=st.sampled_from([0, 100, 100, 2000]))
    def all_goes_well_for_a_while(self, ms: int) -> None:
        self.go_on(ms)

    @rule(which=WHICH, qty=st.sampled_from([1, 20, 100, 900]), ms=st.sampled_from([0, 0, 0, 2000]))
    @precondition(lambda self: self.works())
    def order_is_filled(self, which: int, qty: int, ms: int) -> None:
        self.fill(which, qty)
        self.go_on(ms)

    def go_on(self, ms: int = 100) -> None:
        world = self.world
        self.act("taken", is_slow=False)
        self.read_answers()
        world.wait(ms)
        self.runner.run(world.hear())

    # Risk and people

    @rule(hold=st.sampled_from(["halt", "breaker", "divergence", "book", "fall", *["none"] * 5]))
    def trading_is_held_back_or_let_go_on(self, hold: str) -> None:
        self.hold(hold)

    def hold(self, hold: str) -> None:
        match hold:
            case "halt":
                self.world.tell(command("halt"))
            case "breaker":
                self.world.tell(tripped())
            case "divergence":
                told = CoreDiverged(id="d", service="risk", recorded="", decided="", detail="")
                self.world.tell(told)
            case "book":
                self.world.tell(mark(status="BROKEN"))
            case "fall":
                self.world.tell(mark(5_989_000, 5_989_001))
            case _:
                self.world.tell(command("resume"), ended(), mark())

    # Time and the shell

    @rule(ms=st.sampled_from([100, 1000, 2000, 5000]))
    def time_passes(self, ms: int) -> None:
        self.world.wait(ms)

    @rule(purpose=PURPOSES, fate=FATES, is_slow=st.booleans(), is_away=st.booleans())
    def order_goes_out_and_its_answer_is_not_read_yet(
        self, purpose: Purpose, fate: Fate, is_slow: bool, is_away: bool
    ) -> None:
        self.world.approve(decision("", purpose, 500), 20_000)
        self.world.venue.is_away = is_away
        self.act(fate, is_slow)

    @rule(
        purpose=PURPOSES,
        times=st.integers(1, 3),
        is_read=st.booleans(),
        hold=st.sampled_from(["none", "none", "book", "divergence"]),
    )
    def order_is_lost_again_and_again(
        self, purpose: Purpose, times: int, is_read: bool, hold: str
    ) -> None:
        self.world.venue.is_away = False
        self.world.approve(decision("", purpose, 500), 20_000)
        for _ in range(times):
            self.act("lost", is_slow=False)
            self.read_answers()
            self.act("taken", is_slow=False)
            self.hold(hold)
            if is_read:
                self.read_answers()

    @rule(fate=FATES, is_slow=st.booleans())
    @precondition(lambda self: self.world.waiting)
    def shell_acts(self, fate: Fate, is_slow: bool) -> None:
        self.act(fate, is_slow)

    def act(self, fate: Fate, is_slow: bool) -> None:
        self.world.venue.fate, self.world.venue.is_slow = fate, is_slow
        while self.world.waiting:
            self.runner.run(self.world.act())

    def read_answers(self) -> None:
        while self.world.answers:
            self.world.answer(0)

    @rule(which=WHICH)
    @precondition(lambda self: self.world.answers)
    def answer_of_the_shell_is_read(self, which: int) -> None:
        self.world.answer(which % len(self.world.answers))
        self.act("taken", is_slow=False)

    @rule(back=st.integers(1, 4))
    def answers_of_the_shell_are_read_again(self, back: int) -> None:
        self.world.tell(*self.world.answered[-back:])

    @rule()
    def process_dies_and_begins_anew(self) -> None:
        self.world.crash()

    # The venue

    @rule(mood=st.sampled_from(["away", "slow", "no rest", "well", "well", "well"]))
    def venue_is_away_or_slow_or_lets_nothing_rest(self, mood: str) -> None:
        self.world.venue.is_away = mood == "away"
        self.world.latency_ms = 2500 if mood == "slow" else 0
        self.world.venue.refuses_to_rest = mood == "no rest"

    @rule(which=WHICH)
    @precondition(lambda self: self.world.venue.on_way)
    def request_arrives(self, which: int) -> None:
        self.world.venue.let_in(which % len(self.world.venue.on_way))

    @rule(which=WHICH, qty=st.integers(1, 900))
    @precondition(lambda self: self.works())
    def order_is_filled_and_nobody_knows_yet(self, which: int, qty: int) -> None:
        self.fill(which, qty)

    def fill(self, which: int, qty: int) -> None:
        self.world.venue.fill(self.works()[which % len(self.works())], qty)

    @rule(which=WHICH)
    @precondition(lambda self: self.works())
    def venue_ends_an_order(self, which: int) -> None:
        self.world.venue.end(self.works()[which % len(self.works())])

    def works(self) -> list[str]:
        return [name for name, placed in self.world.venue.orders.items() if placed.is_open]

    @rule(which=WHICH)
    @precondition(lambda self: self.reported())
    def venue_lists_nothing_of_what_it_reported(self, which: int) -> None:
        intent = self.reported()[which % len(self.reported())]
        found = OrderLookedUp(
            id=f"looked-up-{len(self.world.log)}",
            portfolio="main",
            instrument=intent.instrument,
            client_order_id=intent.client_order_id,
            attempt=intent.attempt,
            found=False,
        )
        self.world.tell(found)

    def reported(self) -> list[OrderIntended]:
        return [
            self.reckoning.intents[name]
            for name in self.reckoning.intents
            if name in self.reckoning.reported
        ]

    @rule()
    def reports_arrive(self) -> None:
        self.runner.run(self.world.hear())

    @rule(back=st.integers(1, 9))
    def reports_arrive_again(self, back: int) -> None:
        known = [each for _, each in self.world.venue.queue if each.number <= self.reckoning.number]
        self.world.tell(*known[-back:])  # type: ignore[arg-type] # the venue gives inputs only

    @rule()
    def all_is_answered_and_every_approval_has_one_end(self) -> None:
        self.runner.run(self.world.settle())
        self.reckon()
        assert self.reckoning.endings == {each.id: 1 for each in self.world.decisions}
        assert self.world.state.approvals == {}
        assert self.world.state.reconciliation.misfits == []
        live = [name for name in self.works() if name in self.reckoning.intents]
        assert live == [], "an order outlived its decision"
        state = begin(CONFIG)
        play(state, self.world.heard)
        assert state == self.world.state, "a life that was never cut short"

    # What must be so

    def reckon(self) -> None:
        for message in self.world.log[self.read :]:
            self.reckoning.take(message)
        self.read = len(self.world.log)

    @invariant()
    def orders_are_what_the_log_tells_of_them(self) -> None:
        self.reckon()
        reckoned = self.reckoning
        for name, order in self.world.state.orders.items():
            assert order.filled_qty == reckoned.filled[name]
            assert not is_final(order.status) or name in reckoned.ended
            if order.intent is not None:
                assert is_over(order) == reckoned.is_over(name)
        assert Counter(self.world.state.balances) == reckoned.balances

    @invariant()
    def venue_has_one_live_order_that_is_no_stop_or_target(self) -> None:
        intents = [self.reckoning.intents.get(name) for name in self.works()]
        assert len([each for each in intents if each and each.leg != "stop"]) <= 1


TestNoOrderIsDoubledOrLostOrLivesOn = OrdersMachine.TestCase
TestNoOrderIsDoubledOrLostOrLivesOn.settings = settings(
    max_examples=200, stateful_step_count=50, deadline=None
)
