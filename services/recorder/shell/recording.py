"""How does the recorder run all its sinks, each as if it were alone?"""

import asyncio
from collections.abc import Sequence

from marea.errors import BadInput, Broken, Refused
from marea.runtime.facts import LoopFacts
from services.recorder.shell.copying import DRAIN_S_MAX, Copying, Feed
from services.recorder.shell.figures import Figures


class Recorder:
    """Copies the logs into every sink."""

    def __init__(
        self, feeds: Sequence[Feed], figures: Figures, drain_s: float = DRAIN_S_MAX
    ) -> None:
        """`drain_s` is how long each sink may take for what is left when it is told to drain."""
        self.copyings = [Copying(feed, figures, drain_s) for feed in feeds]

    def facts(self) -> Sequence[LoopFacts]:
        """How each sink stands."""
        return [copying.facts() for copying in self.copyings]

    @property
    def stuck_because(self) -> str:
        """Nothing that a new start would mend: a sink that is away is tried again and again."""
        return ""

    async def run(self, drain: asyncio.Event) -> None:
        """Copy until it is told to drain; what stands on the logs by then is written, in time or
        at the next start.

        A sink that fails stops alone, and is told of in the end, which is at once where no other is
        left: raises `BadInput` or `Refused` where each that failed did so, else `Broken`.
        """
        await asyncio.gather(*(copying.run(drain) for copying in self.copyings))
        ended = [each for each in self.copyings if each.ended_by is not None]
        if ended:
            told = "; ".join(f"{each.feed.sink.name}: {each.last_error}" for each in ended)
            kinds = (
                kind
                for kind in (BadInput, Refused)
                if all(isinstance(each.ended_by, kind) for each in ended)
            )
            kind = next(kinds, Broken)
            raise kind(f"of {len(self.copyings)} sinks {len(ended)} ended early ({told})")
