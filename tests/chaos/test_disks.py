"""The disk that can be full."""

import errno
from pathlib import Path

import pytest

from tests.chaos import disks
from tests.chaos.disks import Disk


@pytest.mark.skipif(bool(disks.missing()), reason=disks.missing())
def test_full_disk_takes_nothing_more_keeps_what_it_has_and_takes_more_when_there_is_room() -> None:
    with Disk() as disk:
        kept = disk.path / "kept"
        kept.write_bytes(b"k" * 100_000)
        disk.fill()
        with pytest.raises(OSError, match="No space left") as full:
            (disk.path / "more").write_bytes(b"m" * 100_000)
        assert full.value.errno == errno.ENOSPC
        assert kept.read_bytes() == b"k" * 100_000
        disk.make_room()
        (disk.path / "more").write_bytes(b"m" * 100_000)
    assert not Path(disk.path).exists()
