"""Every step of a short day is the last one of some life.

A step is a call by which a process changes something: an append, a snapshot, a request to the
venue, and what it does right after one.
"""

from collections.abc import Sequence, Set

from marea.messages.envelope import Nanos
from tests.simulation.faults import SECOND, Fault, Faults
from tests.simulation.judging import Finding, is_settled, judge
from tests.simulation.world import Day, World

SEED = 74
"""Of a day that has all of an order's life: rest, crossing, fills in parts, brackets, an exit."""
STEPS = ("crash_before", "crash_after")
SHORT_DAY = Day(faulty_ns=8 * SECOND, healing_ns=2 * SECOND, settling_ns=40 * SECOND, is_alone=True)


class CrashesAt(Faults):
    """No faults but a crash at each of these steps, by their number in the run."""

    def __init__(self, seed: int, steps: Sequence[int]) -> None:
        super().__init__(seed, frozenset())
        self.count = 0
        """Steps so far."""
        self._steps = frozenset(steps)

    @property
    def active(self) -> Set[str]:
        """The crashes, and nothing else."""
        return frozenset(STEPS)

    def strikes(self, kind: str, place: str, now: Nanos) -> Fault | None:
        """A crash, where this step is one of them."""
        if kind not in STEPS or self.is_over:
            return None
        step, self.count = self.count, self.count + 1
        if step not in self._steps:
            return None
        fault = Fault(kind, place, step)
        self.struck.append((now, fault))
        return fault


def crash_at(steps: Sequence[int], day: Day = SHORT_DAY) -> tuple[int, Sequence[Finding]]:
    """How many steps a day has whose processes die at these, and what comes out wrong."""
    faults = CrashesAt(SEED, steps)
    world = World(SEED, faults, day)
    world.play(is_settled)
    found = judge(world)
    world.close()
    return faults.count, found


def step_count(day: Day = SHORT_DAY) -> int:
    """The steps of a day on which nothing dies."""
    return crash_at((), day)[0]
