"""What is a planted bug, and whose tests should have seen it?"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.simulation.plants.edits import Edit


@dataclass(frozen=True, kw_only=True)
class Plant:
    """A bug that a test puts into the product, to see whether it is found."""

    name: str
    what: str
    """What goes wrong, for a trader or an engineer."""
    cores: tuple[str, ...]
    """The folders of `tests/unit` that test what it touches."""
    edits: tuple[Edit, ...]
    is_seen_between_processes: bool = False
    """Whether one process alone does nothing wrong, and two that order sets otherwise differ."""
    seen_by: tuple[str, ...] = ()
    """Some of the unit tests that fail under it, as measured; none: they all pass."""

    @property
    def tests(self) -> tuple[str, ...]:
        """The paths of the unit tests of what it touches."""
        return tuple(f"tests/unit/{core}" for core in self.cores)

    @contextmanager
    def plant(self) -> Iterator[None]:
        """The product with this bug, until the block ends, however it ends.

        Raises `RottenEdit` where the product has not what the bug would change.
        """
        with ExitStack() as stack:
            for edit in self.edits:
                stack.enter_context(edit.made())
            yield
