"""Every fast copy passes the same suite."""

from marea.bus.fast import FastCopy
from marea.messages.envelope import Log
from marea.testing.contracts.fast import FastCopyContract
from marea.testing.fast_copy import FaultyFastCopy


class TestMemoryFastCopy(FastCopyContract):
    def open_fast(self) -> FastCopy:
        return FaultyFastCopy()

    async def trim(self, fast: FastCopy, log: Log, keep: int) -> None:
        assert isinstance(fast, FaultyFastCopy)
        fast.trim(log, keep)

    async def flush_all(self, fast: FastCopy) -> None:
        assert isinstance(fast, FaultyFastCopy)
        fast.flush_all()

    async def fill(self, fast: FastCopy) -> None:
        assert isinstance(fast, FaultyFastCopy)
        fast.is_full = True
