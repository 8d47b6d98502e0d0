"""What a process has freed is given back while it runs."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from marea.runtime.memory import find_trim, give_back

PIECES = 10_000
PIECE_BYTES = 16_000
"""Freed between two that stay, the allocator keeps the pages in it."""


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its memory so")
@pytest.mark.skipif(find_trim() is None, reason="its C library gives back by itself")
def test_what_lies_between_two_pieces_that_stay_is_given_back() -> None:
    async def scenario() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(give_back(0.01), 0.1)

    kept = [bytearray(PIECE_BYTES) for _ in range(PIECES)]
    before = resident_bytes()
    del kept[::2]
    asyncio.run(scenario())
    freed = PIECES // 2 * PIECE_BYTES
    assert before - resident_bytes() > freed / 2
