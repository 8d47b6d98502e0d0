"""Under which configuration does a core take an input? Under that of the life that took it first.

A start takes inputs again that earlier lives took, and each of them was told its configuration: it
stands in its `Started`. So what is on record is decided again as it was decided, and the new
configuration holds from the first input on that is not on record. A replay finds that place in the
same way, from the log alone.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import Generic

import msgspec

from marea.runtime.core import Core, State
from marea.runtime.recorded import Recorded, config_of


class Told(Generic[State]):
    """Tells a core its configurations, each in front of the first input that it holds for."""

    def __init__(self, core: Core[State], own: str) -> None:
        """`own` is what holds where the record ends, as JSON."""
        self.resumes_at = 0
        """The position of the first input that may be taken under its own."""
        self.is_over = False
        """Whether that was told."""
        self._core = core
        self._own = own
        self._present: str | None = None

    async def before(self, state: State, position: int, logs: Collection[Recorded]) -> None:
        """Have the state go on under what holds for an input; `logs` are those that hold more.

        Raises as `Recorded.head` does.
        """
        if logs:
            config = await config_of(logs, position)
        elif position >= self.resumes_at:
            config, self.is_over = self._own, True
        else:
            return
        if config is not None and config != self._present:
            self._tell(state, config)
            self._present = config

    def _tell(self, state: State, config: str) -> None:
        if self._core.configure is None or self._core.config_type is None:
            return
        # Another build's may be one that this build can't be told: it keeps the one that it has.
        with suppress(msgspec.DecodeError, ValueError):
            self._core.configure(state, msgspec.json.decode(config, type=self._core.config_type))
