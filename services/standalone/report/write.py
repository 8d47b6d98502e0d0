"""How does a run's record become a file to look at?"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from marea.bus.sqlite import SqliteBus
from marea.errors import BadInput, Unavailable
from services.standalone.history import forward
from services.standalone.report.page import render
from services.standalone.report.story import Story
from services.standalone.report.voice import Voice
from services.standalone.runs import Run
from services.standalone.words.text import Language

REPORT_FILE = "report.html"
CHANNELS = ("trading", "features")
NOWHERE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
"""A file can't be there, whatever room there is."""


class Report(Struct, frozen=True, kw_only=True):
    """A report that was written: what `marea report --json` prints."""

    run: str
    report: str
    """Its file."""
    language: Language
    bytes: int


def write_report(bus: SqliteBus, run: Run, language: Language, path: Path) -> Report:
    """Read a run's logs once, and write its report to a file.

    Raises `BadInput` where the logs can't be read or the file can't be written, `Unavailable` where
    there is no room.
    """
    story = asyncio.run(gather(bus, run.settings))
    text = render(run, story, Voice(language)).encode()
    _put(path, text)
    return Report(run=run.id, report=str(path), language=language, bytes=len(text))


async def gather(bus: SqliteBus, settings: Mapping[str, Any]) -> Story:
    """What a run's logs tell, read by pieces: `settings` are those that it was begun with."""
    told = settings.get("signals", {})  # a run of an older build may have none
    story = Story(tuple(told.get("trades", ())), told.get("confidence_min", 0.0))
    ends = await bus.ends()
    for log in sorted(log for log in ends if log.channel in CHANNELS):
        async for placed in forward(bus, log):
            story.take(placed.record.message)
    story.finish()
    return story


def _put(path: Path, text: bytes) -> None:
    if path.exists() and not path.is_file():  # a device or a pipe would be gone after it
        raise BadInput(f"{path} is no file: name a file that you may write with --out")
    new = path.with_name(f".{path.name}")
    try:
        new.write_bytes(text)
        new.replace(path)
    except OSError as err:
        with suppress(OSError):
            new.unlink()
        where = f"{path} can't be written ({err.strerror}): "
        if isinstance(err, NOWHERE):
            raise BadInput(f"{where}name a file that you may write with --out") from err
        raise Unavailable(f"{where}make room, then try again") from err
