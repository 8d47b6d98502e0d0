"""What is a run's report, and where does it stand?"""

import asyncio
import errno
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from marea.bus.sqlite import SqliteBus
from marea.errors import BadInput, Unavailable
from services.standalone.report.page import render
from services.standalone.report.story import Story
from services.standalone.report.voice import Voice
from services.standalone.runs import Run, RunFolder

REPORT_FILE = "report.html"
CHANNELS = ("trading", "features")
READ_RECORDS_MAX = 2_000


class Report(Struct, frozen=True, kw_only=True):
    """A report that was written: what `marea report --json` prints."""

    run: str
    report: str
    """Its file."""
    language: str
    bytes: int


def write_report(folder: RunFolder, run: Run, language: str, out: Path | None = None) -> Report:
    """Read a run's logs once, and write its report beside them, or where `out` says.

    Raises `BadInput` where there is no log to read or nowhere to write, `Unavailable` where there
    is no room.
    """
    if not folder.log_path.is_file():
        raise BadInput(
            f"{folder.log_path} is not there: its run wrote nothing yet, go on with it by "
            f"`marea demo --resume {folder.path}`"
        )
    with closing(SqliteBus(folder.log_path, read_only=True)) as bus:
        story = asyncio.run(gather(bus, run.settings))
    text = render(run, story, Voice(language)).encode()
    path = out or folder.path / REPORT_FILE
    _put(path, text)
    return Report(run=run.id, report=str(path), language=language, bytes=len(text))


async def gather(bus: SqliteBus, settings: Mapping[str, Any]) -> Story:
    """What a run's logs tell, read by pieces: `settings` are those that it was begun with."""
    told = settings.get("signals", {})  # a run of an older build may have none
    story = Story(tuple(told.get("trades", ())), told.get("confidence_min", 0.0))
    ends = await bus.ends()
    for log in sorted(log for log in ends if log.channel in CHANNELS):
        position = 0
        while records := await bus.read(log, position, READ_RECORDS_MAX):
            for record in records:
                story.take(record.message)
            position += len(records)
            await asyncio.sleep(0)  # here Ctrl-C is heard
    story.finish()
    return story


def _put(path: Path, text: bytes) -> None:
    new = path.with_name(f".{path.name}")
    try:
        new.write_bytes(text)
        new.replace(path)
    except OSError as err:
        with suppress(OSError):
            new.unlink()
        where = f"{path} can't be written ({err.strerror}): "
        if err.errno == errno.ENOSPC:
            raise Unavailable(f"{where}make room, then try again") from err
        raise BadInput(f"{where}name a file that you may write with --out") from err
