"""What an invariant is shown, and what it says when it is broken."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple, Protocol

from msgspec import Struct

from marea.bus.reading import Placed
from marea.messages.envelope import Message

VIOLATIONS_MAX = 100
"""Of one invariant; the first ones tell what is wrong, the rest follow from them."""


class Violation(Struct, frozen=True, kw_only=True):
    """One thing that does not hold, with the first event that shows it."""

    number: int
    """Of the invariant, in `docs/invariants.md`."""
    code: str
    what: str
    event: str
    """The id of the message; its lineage tells how it came to be."""
    log: str
    position: int
    expected: str
    found: str


class Problem(NamedTuple):
    """What does not hold, and where that shows."""

    at: Placed
    what: str
    expected: object
    found: object


class Invariant(Protocol):
    """One thing that must hold, by its number in `docs/invariants.md`."""

    @property
    def kinds(self) -> tuple[type[Message], ...]:
        """The messages it wants to see; none: all of them."""

    @property
    def violations(self) -> list[Violation]:
        """What was found so far."""

    def take(self, at: Placed) -> None:
        """Judge the next record, in the order of time, before `Trading` has it."""

    def end(self) -> None:
        """Judge what only the end of the logs can show."""


class Rule(ABC):
    """What all invariants share: where they keep what breaks them."""

    number: ClassVar[int]
    code: ClassVar[str]
    kinds: ClassVar[tuple[type[Message], ...]] = ()

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    @abstractmethod
    def take(self, at: Placed) -> None: ...

    def end(self) -> None:  # noqa: B027 # most have nothing to say at the end
        """Nothing, for those whose records show everything as they come."""

    def report(self, at: Placed, what: str, expected: object, found: object) -> None:
        """Keep a violation that this record shows, unless there are `VIOLATIONS_MAX` of them."""
        if len(self.violations) < VIOLATIONS_MAX:
            violation = Violation(
                number=self.number,
                code=self.code,
                what=what,
                event=at.message.id,
                log=str(at.log),
                position=at.position,
                expected=str(expected),
                found=str(found),
            )
            self.violations.append(violation)
