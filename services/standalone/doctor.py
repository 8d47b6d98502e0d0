"""Can this machine run Marea, and if not, what mends it?"""

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from marea.errors import MareaError
from marea.messages.channels import CHANNELS_FILE, load_channels
from marea.runtime.build import platform_facts
from marea.runtime.settings import find_config_dir, load_settings
from services.standalone.admission import check_settings
from services.standalone.runs import runs_dir

DISK_BYTES_MIN = 1_000_000_000
"""What a few runs of the demo take, with room to spare."""
SQLITE_MIN = (3, 35, 0)  # RETURNING


class Finding(Struct, frozen=True, kw_only=True):
    """What one check found."""

    check: str
    ok: bool
    found: str
    remedy: str
    """Empty where what was found says it already."""


def examine(config: Path | None, environment: Mapping[str, str]) -> list[Finding]:
    """Every check, in the order in which one would mend them."""
    return [
        _interpreter(),
        _sqlite(),
        _settings(config, environment),
        _channels(),
        _runs(runs_dir(environment)),
        _disk(runs_dir(environment)),
        _arithmetic(),
    ]


def _interpreter() -> Finding:
    return Finding(
        check="Python",
        ok=(3, 11) <= sys.version_info[:2] < (3, 14),
        found=".".join(map(str, sys.version_info[:3])),
        remedy="run Marea on Python 3.11, 3.12 or 3.13",
    )


def _sqlite() -> Finding:
    return Finding(
        check="SQLite",
        ok=sqlite3.sqlite_version_info >= SQLITE_MIN,
        found=sqlite3.sqlite_version,
        remedy=f"use a Python with SQLite {'.'.join(map(str, SQLITE_MIN))} or later",
    )


def _settings(config: Path | None, environment: Mapping[str, str]) -> Finding:
    try:
        folder = find_config_dir(config, environment)
        settings = load_settings(folder, environment)
        features = check_settings(settings)
    except MareaError as err:
        return Finding(check="settings", ok=False, found=str(err), remedy="")
    found = f"{folder}: {len(features.indicators)} indicators, {len(settings.venues)} venues"
    return Finding(check="settings", ok=True, found=found, remedy="")


def _channels() -> Finding:
    try:
        channels = load_channels(CHANNELS_FILE)
    except MareaError as err:
        return Finding(check="channels", ok=False, found=str(err), remedy="")
    return Finding(check="channels", ok=True, found=f"{len(channels.by_name)} channels", remedy="")


def _runs(runs: Path) -> Finding:
    remedy = "set MAREA_RUNS to a folder that you may write to"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=runs) as probe:
            probe.write(b"probe")
            os.fsync(probe.fileno())
    except OSError as err:
        return Finding(check="runs", ok=False, found=f"{runs}: {err.strerror}", remedy=remedy)
    return Finding(check="runs", ok=True, found=str(runs.resolve()), remedy="")


def _disk(runs: Path) -> Finding:
    existing = next(path for path in (runs, *runs.resolve().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    return Finding(
        check="disk",
        ok=free >= DISK_BYTES_MIN,
        found=f"{free / 1e9:.1f} GB free",
        remedy=f"free {DISK_BYTES_MIN / 1e9:.0f} GB, or set MAREA_RUNS to another disk",
    )


def _arithmetic() -> Finding:
    facts = platform_facts()
    return Finding(
        check="arithmetic",
        ok=sys.float_info.mant_dig == 53,
        found=f"{facts['libm']}, fingerprint {facts['libm_fingerprint']}",
        remedy="run Marea where a float is an IEEE 754 double",
    )
