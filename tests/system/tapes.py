"""Tapes for the command: good ones cut short, and every kind of bad one, made from good lines."""

import gzip
import random
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import zstandard

SEED = 20_240_808


def first_lines(tape: Path, count: int) -> list[bytes]:
    """The first lines of a compressed tape, with their ends."""
    if tape.suffix == ".gz":
        with gzip.open(tape) as source:
            return list(islice(source, count))
    with tape.open("rb") as packed:
        content = zstandard.ZstdDecompressor().stream_reader(packed).readall()
    return content.splitlines(keepends=True)[:count]


def write(path: Path, lines: Sequence[bytes]) -> Path:
    """A tape of these lines, packed as its name says."""
    content = b"".join(lines)
    if path.suffix == ".zst":
        content = zstandard.ZstdCompressor().compress(content)
    elif path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    path.write_bytes(content)
    return path


def cut(path: Path, share: float) -> Path:
    """The file without its end."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def shuffled(lines: Sequence[bytes], span: int) -> list[bytes]:
    """The lines with each group of so many in a drawn order."""
    draw = random.Random(SEED)
    found: list[bytes] = []
    for start in range(0, len(lines), span):
        group = list(lines[start : start + span])
        draw.shuffle(group)
        found += group
    return found


def without(lines: Sequence[bytes], part: bytes, place: int) -> list[bytes]:
    """The lines less the one at `place` among those that hold `part`."""
    holding = [number for number, line in enumerate(lines) if part in line]
    return [line for number, line in enumerate(lines) if number != holding[place]]


def changed(lines: Sequence[bytes], part: bytes, change: Callable[[bytes], bytes]) -> list[bytes]:
    """The lines with a changed copy after the hundredth that holds `part`."""
    place = [number for number, line in enumerate(lines) if part in line][100]
    return [*lines[: place + 1], change(lines[place]), *lines[place + 1 :]]


def in_millis(line: bytes) -> bytes:
    """The line with its stamp cut to ms."""
    stamp, _, payload = line.partition(b" ")
    return stamp[:13] + b" " + payload
