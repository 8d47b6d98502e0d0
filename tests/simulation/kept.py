"""What a long run has found so far, kept in a file from which the next one goes on."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

Kept = TypeVar("Kept")


def load(kept: Path, kind: type[Kept]) -> Kept | None:
    """What is kept; None: nothing is. Raises `msgspec.DecodeError` where it can't be read."""
    return msgspec.json.decode(kept.read_bytes(), type=kind) if kept.exists() else None


def save(kept: Path, found: Any) -> None:
    """Keep what was found, whole or not at all."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    whole = kept.with_suffix(".part")
    whole.write_bytes(msgspec.json.encode(found))
    whole.replace(kept)
