"""Memory that a process has freed goes back to the system while it runs.

The allocator of the GNU C library keeps what lies between two pieces that are in use. What brokers
answer comes and goes in pieces of all sizes, so that grows for hours, although what is in use does not.
"""

import asyncio
import ctypes
from collections.abc import Callable

EVERY_S = 60.0


def find_trim() -> Callable[[], object] | None:
    """What gives it back, in a few milliseconds; None where the C library has no such function."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return (lambda: trim(0)) if trim is not None else None


async def give_back(every_s: float = EVERY_S) -> None:
    """Return never; give it back again and again, where that can be done."""
    trim = find_trim()
    while True:
        await asyncio.sleep(every_s)
        if trim is not None:
            trim()
