"""Trade numbers against two sets: those that were seen, and those that are missing."""

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.ingestion.core import numbers as core_numbers
from services.ingestion.core.numbers import TradeNumbers, Verdict, judge, see

MISSING_MAX = 12
"""In place of the real bound, so that it is met."""
LENGTHS = st.sampled_from([1, 1, 1, 2, 3, 6])


class NumbersMachine(RuleBasedStateMachine):
    """Trades come in any order, alone and several in one, once and again."""

    def __init__(self) -> None:
        super().__init__()
        self.real_max = core_numbers.MISSING_TRADES_MAX
        core_numbers.MISSING_TRADES_MAX = MISSING_MAX
        self.numbers = TradeNumbers()
        self.last = -1
        self.missing: set[int] = set()

    def teardown(self) -> None:
        core_numbers.MISSING_TRADES_MAX = self.real_max

    @rule(first=st.integers(0, 60), length=LENGTHS)
    def trades_of_any_number_come(self, first: int, length: int) -> None:
        self.come(first, length)

    @rule(skipped=st.sampled_from([0, 0, 1, 2, 5, 40]), length=LENGTHS)
    def trades_come_after_the_last(self, skipped: int, length: int) -> None:
        self.come(self.last + 1 + skipped, length)

    @rule(back=st.integers(0, 30), length=LENGTHS)
    def trades_come_late_or_again(self, back: int, length: int) -> None:
        self.come(max(0, self.last - back), length)

    @rule()
    def core_is_saved_and_restored(self) -> None:
        saved = msgspec.msgpack.encode(self.numbers)
        self.numbers = msgspec.msgpack.decode(saved, type=TradeNumbers)

    def come(self, first: int, length: int) -> None:
        last = first + length - 1
        expected = self.expected(first, last)
        before = msgspec.msgpack.encode(self.numbers)
        assert judge(self.numbers, first, last) == expected
        assert msgspec.msgpack.encode(self.numbers) == before
        see(self.numbers, first, last)
        match expected:
            case "gap":
                self.missing |= set(range(self.last + 1, first))
                self.missing = set(sorted(self.missing)[-MISSING_MAX:])
                self.last = last
            case "next":
                self.last = last
            case "late":
                self.missing -= set(range(first, last + 1))

    def expected(self, first: int, last: int) -> Verdict:
        if self.last < 0 or first == self.last + 1:
            return "next"
        if first > self.last:
            return "gap"
        return "late" if set(range(first, last + 1)) <= self.missing else "duplicate"

    @invariant()
    def what_is_missing_is_known(self) -> None:
        assert self.numbers.last == self.last
        ranges = self.numbers.missing
        assert {number for begin, end in ranges for number in range(begin, end + 1)} == self.missing
        assert all(begin <= end for begin, end in ranges)
        assert ranges == sorted(ranges)
        assert len(self.missing) <= MISSING_MAX


TestNumbers = NumbersMachine.TestCase
TestNumbers.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
