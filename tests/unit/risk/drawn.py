"""Drawn histories: two strategies, two instruments, and a toy execution that fills as it is drawn."""

from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies as st

from marea.messages.envelope import Message
from marea.messages.orders import OrderLookedUp, ReconciliationDone
from marea.messages.portfolio import CommandAction, RiskDecision
from marea.messages.signals import Action
from marea.messages.system import CoreDiverged
from services.risk.config import RiskConfig
from tests.unit.risk.desk import BTC, ETH, MS, PRICES, SECOND, Desk, config, of

Step: TypeAlias = tuple[int, int, int]
"""What happens, to what, and how much: each drawn, and taken modulo what there is."""
STEP = st.tuples(st.integers(0, 9), st.integers(0, 7), st.integers(0, 1000))
STEPS = st.lists(STEP, min_size=20, max_size=60)
"""Long enough for positions to be opened and closed; most lists without a least size have none."""
CONFIG = config(
    trades=("a", "b"),
    position_e8_max=30_000_000,
    asset_e8_max=50_000_000,
    sector_e8_max=80_000_000,
    kelly_trades_min=3,
    collar_e8=2_012_345,
    orders_per_s_max=3,
    orders_per_min_max=8,
)
NAMES = (BTC, ETH)
ACTIONS: tuple[Action, ...] = ("buy", "buy", "sell", "hold")
COMMANDS: tuple[CommandAction, ...] = ("halt", "resume", "reset", "resume")
WAITS = (100 * MS, SECOND, 6 * SECOND, 61 * SECOND, 3_601 * SECOND)


@dataclass
class Live:
    """An order that may fill."""

    name: str
    instrument: str
    decision: RiskDecision
    left: int
    filled: int = 0


class Day:
    """A desk that is played by drawn steps; prices are multiples of its grid, in cents."""

    def __init__(self, given: RiskConfig = CONFIG, grid: int = 1) -> None:
        self.desk = Desk.ready(given, NAMES)
        self.grid = grid
        self.bids = dict(PRICES)
        self.live: list[Live] = []
        for name in NAMES:
            self._mark(name)

    def take(self, step: Step) -> list[Message]:
        """What is said at one step; approvals are intended at once."""
        before = len(self.desk.said)
        self._play(step)
        return self.desk.said[before:]

    def _play(self, step: Step) -> None:
        what, which, much = step
        name = NAMES[which % len(NAMES)]
        match what:
            case 0:
                said = self._wait(WAITS[much % len(WAITS)])
            case 1:
                bid = max(1_000, self.bids[name] * (920 + much % 161) // 1000)
                self.bids[name] = bid // self.grid * self.grid
                said = self._mark(name) + self._wait(100 * MS)
            case 2 | 3 | 4 | 5:
                said = self._speak(name, which, much)
            case 6 | 7:
                said = self._fill(which, much)
            case 8:
                said = self._end(which)
            case _:
                said = self._interfere(which, much)
        for decision in of(RiskDecision, said):
            if decision.approved:
                self._intend(decision)

    def _wait(self, ns: int) -> list[Message]:
        said = self.desk.wait(ns)
        for name in NAMES:
            said += self._mark(name)
        return said

    def _mark(self, name: str) -> list[Message]:
        return self.desk.mark(name, self.bids[name], self.bids[name] + self.grid)

    def _speak(self, name: str, which: int, much: int) -> list[Message]:
        bar = self.desk.name("bar")
        said: list[Message] = []
        confidence, features = 0.4 if much % 7 == 0 else 0.9, {"atr_14": 20.0 + much / 7}
        for strategy, action in (("a", which // 2), ("b", much)):
            said += self.desk.signal(
                ACTIONS[action % 4], name, strategy, bar, confidence=confidence, features=features
            )
        return said

    def _intend(self, decision: RiskDecision) -> None:
        intent = self.desk.intend(decision)
        if decision.purpose == "exit":  # in place of what protected it
            for live in [each for each in self.live if each.name.endswith("stop")]:
                if live.instrument == decision.instrument:
                    self.live.remove(live)
                    self.desk.end(live.name, "replaced")
        self.live.append(Live(intent.client_order_id, decision.instrument, decision, decision.qty))

    def _fill(self, which: int, much: int) -> list[Message]:
        if not self.live:
            return []
        live = self.live[which % len(self.live)]
        qty = live.left if much % 3 == 0 else 1 + much % live.left
        is_entry = "-entry-" in live.name and not live.name.endswith("stop")
        if not is_entry:
            qty = min(qty, self.desk.wallet(live.instrument.split("-")[0]) // 1000)
        price = self.bids[live.instrument] + is_entry * self.grid
        if is_entry and qty * price * 10 > self.desk.wallet("USDT"):
            qty = 0
        if not qty:
            return []
        live.left -= qty
        live.filled += qty
        said = self.desk.fill(live.name, qty, price, leaves=live.left, name=live.instrument)
        return said if live.left else said + self._complete(live)

    def _end(self, which: int) -> list[Message]:
        if not self.live:
            return []
        live = self.live[which % len(self.live)]
        return self.desk.end(live.name) + self._complete(live)

    def _complete(self, live: Live) -> list[Message]:
        self.live.remove(live)
        if live.name.endswith("stop"):
            return self.desk.complete(live.decision, live.filled, "stop") if live.filled else []
        said = self.desk.complete(live.decision, live.filled)
        received = live.filled - -(-live.filled // 1000)
        if live.decision.purpose == "entry" and live.filled:
            self.desk.end(f"{live.name}-target", "sibling_filled")
            stop = Live(f"{live.name}-stop", live.instrument, live.decision, received)
            if received:
                self.live.append(stop)
            else:
                self.desk.end(stop.name, "entry_ended")
        return said

    def _interfere(self, which: int, much: int) -> list[Message]:
        desk = self.desk
        if which < 4:
            role = "viewer" if much % 5 == 0 else "admin"
            return [desk.command(COMMANDS[which], role=role, key=f"key-{much % 50}")]
        if which == 4:
            told = CoreDiverged(id=desk.name("d"), service="s", recorded="", decided="", detail="")
            return desk.tell(told)
        if which == 5:
            done = ReconciliationDone(
                id=desk.name("r"), portfolio="main", account="main", differences=(), rounds=much % 5
            )
            return desk.tell(done)
        if which == 6 and self.live:
            return desk.unknown(self.live[much % len(self.live)].name)
        for name, instrument in list(desk.state.unknown.items()):
            found = OrderLookedUp(
                id=desk.name("l"),
                portfolio="main",
                instrument=instrument,
                client_order_id=name,
                attempt=1,
                found=True,
            )
            desk.tell(found)
        return []
