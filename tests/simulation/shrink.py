"""Which few of a seed's faults are enough to make it fail?"""

from collections.abc import Callable, Sequence

from tests.simulation.faults import Fault, Faults
from tests.simulation.judging import Finding, is_settled, judge
from tests.simulation.world import World


def play(seed: int, only: frozenset[Fault] | None = None) -> tuple[World, Sequence[Finding]]:
    """A seed's world, and what is wrong with how it came out."""
    world = World(seed, Faults(seed, only))
    world.play(is_settled)
    found = judge(world)
    world.close()
    return world, found


def shrink(seed: int, code: str) -> list[Fault]:
    """The fewest faults, as far as leaving out can tell, with which this is still wrong.

    Zeller and Hildebrandt's delta debugging (2002): leave out ever smaller parts of what struck.
    """

    def fails(faults: Sequence[Fault]) -> bool:
        return any(each.code == code for each in play(seed, frozenset(faults))[1])

    world, _ = play(seed)
    return fewest([fault for _, fault in world.faults.struck], fails)


def fewest(faults: Sequence[Fault], fails: Callable[[Sequence[Fault]], bool]) -> list[Fault]:
    """A part of these that fails, and of which nothing more can be left out."""
    kept = list(faults)
    parts = 2
    while kept:
        size = max(1, len(kept) // parts)
        for begin in range(0, len(kept), size):
            left = kept[:begin] + kept[begin + size :]
            if fails(left):
                kept, parts = left, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(kept), 2 * parts)
    return kept
