"""What a kill or a full disk does to files, made and measured."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def frames_after_last_commit(path: Path) -> int:
    """How many pages of a transaction that never ended stand in the write-ahead log of a SQLite file.

    The last of them counts although it may be cut off. Its format: sqlite.org/fileformat2.html, section 4.
    """
    file = Path(f"{path}-wal")
    wal = file.read_bytes() if file.exists() else b""
    page_bytes, salts = int.from_bytes(wal[8:12]), wal[16:24]
    pending = 0
    for start in range(32, len(wal) - 24 + 1, 24 + page_bytes):
        header = wal[start : start + 24]
        if header[8:16] != salts:
            break  # left over from before the last checkpoint
        is_whole = len(wal) >= start + 24 + page_bytes
        is_commit = is_whole and int.from_bytes(header[4:8]) > 0
        pending = 0 if is_commit else pending + 1
    return pending


@contextmanager
def full_disk(bytes_max: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes, as where a disk has no room."""
    before, ceiling = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, ceiling))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, ceiling))
