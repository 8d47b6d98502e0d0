"""The fast copy of a writer that does not wait for it.

What is added is on its way when the call returns. Where it can't be added, it and all that waits behind
it is left out, and the next call says so: readers see by the links that it is missing, and the log
has it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from marea.bus.fast import FastCopy, Key, Page, key_of
from marea.errors import Unavailable
from marea.messages.envelope import Log, Record

WAITING_RECORDS_MAX = 10_000


class _Run(NamedTuple):
    """Records that follow each other on a log."""

    log: Log
    after: Key
    records: list[Record]


class Copier:
    """Adds records to a fast copy, each log's in the order of the calls, while `run` is running."""

    def __init__(self, fast: FastCopy) -> None:
        self._fast = fast
        self._waiting: deque[_Run] = deque()
        self._waiting_count = 0
        self._filled = asyncio.Event()
        self._refusal: Unavailable | None = None
        """Why records were left out since the last call."""

    async def add(self, log: Log, after: Key, records: Sequence[Record]) -> None:
        """Have records added behind the record `after`.

        Raises `Unavailable` where what was added before was left out, and when too much waits: then
        these are left out, too.
        """
        if self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            raise refusal
        if self._waiting_count + len(records) > WAITING_RECORDS_MAX:
            raise Unavailable(
                f"{self._waiting_count} records wait for the fast copy already; try again"
            )
        self._waiting_count += len(records)
        last = next((run for run in reversed(self._waiting) if run.log == log), None)
        if last is not None and key_of(last.records[-1]) == after:
            last.records.extend(records)
        else:
            self._waiting.append(_Run(log, after, list(records)))
        self._filled.set()

    async def read(self, log: Log, after_id: str, limit: int) -> Page:
        """As the fast copy itself."""
        return await self._fast.read(log, after_id, limit)

    async def run(self) -> None:
        """Add what waits, and what is added from now on; never returns."""
        while True:
            self._filled.clear()
            while self._waiting:
                log, after, records = self._waiting.popleft()
                self._waiting_count -= len(records)
                try:
                    await self._fast.add(log, after, records)
                except Unavailable as err:
                    self._refusal = err
                    self._waiting.clear()
                    self._waiting_count = 0
            await self._filled.wait()
