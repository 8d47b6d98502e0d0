"""What stands on a recorded tape, line by line?

A line is `<local stamp> <payload>`: the recorder's clock in ms, µs or ns since 1970 UTC (13, 16 or
19 digits, one unit a file), a space, and what the venue sent. Files are plain, gzip or zstd, told
apart by their content; several files in a row make one tape. Memory does not grow with the tape.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard
from msgspec import Struct
from msgspec.structs import replace

from marea.errors import BadInput

CHUNK_BYTES = 16 * 1024
"""Read at once; of the compressed file, where it is compressed."""
LINE_BYTES_MAX = 1024 * 1024
"""A snapshot of 5,000 levels a side has about 300,000."""
NOISE_LINES_MAX = 20
"""Unreadable lines that may come before the first readable one of a file."""
STEP_BACK_NS_MAX = 1_000_000_000
"""How far a line's time may lie before the latest above it: clocks are set, recorders race."""

NANOS_BY_DIGITS = {13: 1_000_000, 16: 1_000, 19: 1}
STAMP_MAX = b"9223372036854775807"
"""Of 64 bits, in April 2262; in another unit its first digits."""
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class BadTape(BadInput):
    """A tape can't be read, or not further: which file and line, what is wrong, what helps."""

    def __init__(self, file: str, line: int, problem: str, remedy: str) -> None:
        where = f"{file}, line {line}" if line else file
        super().__init__(f"{where}: {problem}; {remedy}")
        self.file = file
        self.line = line
        """The last line that was read; 0: none."""
        self.problem = problem
        self.remedy = remedy


class Frame(Struct, frozen=True, gc=False):
    """One line. Where it has a `reason` it is unreadable, and `payload` is the line itself."""

    file: str
    line: int
    """From 1."""
    ts_local: int
    """The recorder's clock, ns; of an unreadable line, the latest known, else the first."""
    payload: bytes
    reason: str = ""
    """Code: no_stamp, no_payload, line_too_long."""
    detail: str = ""


class Tape:
    """The frames of files in a row; each iteration begins anew.

    A line that can't be read is a frame with a reason; blank lines are passed over.
    Raises `BadTape`: at once for a file that can't be opened; while iterating for one that
    is empty, begins with noise, is broken, mixes units or goes back in time.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        if not files:
            raise BadTape("tape", 0, "no file is named", "name one or more")
        self._files = list(files)
        self.bytes_total = 0
        """Of all files, as they stand on disk."""
        for file in self._files:
            with _open(file):
                self.bytes_total += file.stat().st_size
        self.bytes_read = 0
        """Of them, in this iteration."""
        self.steps_back = 0
        """Lines of this iteration with a time before that of a line above."""
        self._ts_latest = 0
        self._file = ""
        self._line = 0

    def __iter__(self) -> Iterator[Frame]:
        self.bytes_read = self.steps_back = self._ts_latest = 0
        for file in self._files:
            self._file, self._line = str(file), 0
            try:
                with _open(file) as source:
                    yield from self._frames(_lines(_unpacked(source, self._chunks(source))))
            except EOFError:
                raise self._bad(
                    "the compressed data end too early", "fetch the file again"
                ) from None
            except (zlib.error, zstandard.ZstdError) as err:
                raise self._bad(
                    f"the compressed data are broken ({err})", "fetch the file again"
                ) from err
            except OSError as err:
                raise self._bad(f"reading failed ({err.strerror})", "check the disk") from err

    def _frames(self, lines: Iterator[bytes]) -> Iterator[Frame]:
        noise, first = self._opening(lines)
        digits = first.index(b" ")
        nanos, latest = NANOS_BY_DIGITS[digits], STAMP_MAX[:digits]
        self._ts_latest = self._ts_latest or int(first[:digits]) * nanos
        for frame in noise:
            yield replace(frame, ts_local=self._ts_latest)
        for line in chain((first,), lines):
            self._line += 1
            stamp, _, payload = line.partition(b" ")
            is_stamped = len(stamp) == digits and stamp.isdigit() and stamp < latest
            if is_stamped and payload and len(line) <= LINE_BYTES_MAX:
                ts_local = int(stamp) * nanos
                if ts_local < self._ts_latest:
                    self._step_back(ts_local)
                else:
                    self._ts_latest = ts_local
                yield Frame(self._file, self._line, ts_local, payload)
            elif line.strip():
                yield self._unreadable(line)

    def _opening(self, lines: Iterator[bytes]) -> tuple[list[Frame], bytes]:
        noise: list[Frame] = []
        for line in lines:
            if line.strip() and not _fault_of(line)[0]:
                return noise, line
            self._line += 1
            if line.strip():
                noise.append(self._unreadable(line))
            if len(noise) == NOISE_LINES_MAX:
                break
        if not noise:
            raise self._bad("it is empty", "leave it out, or fetch it again")
        raise self._bad(
            f"none of its first {len(noise)} lines is `<local stamp> <payload>`",
            "name a recorded tape, plain, gzip or zstd",
        )

    def _unreadable(self, line: bytes) -> Frame:
        reason, detail = _fault_of(line)
        if not reason:
            raise self._bad(
                f"its stamp {line.partition(b' ')[0].decode()} has another unit than those above",
                "record each unit in a file of its own",
            )
        return Frame(self._file, self._line, self._ts_latest, line[:LINE_BYTES_MAX], reason, detail)

    def _step_back(self, ts_local: int) -> None:
        back_ns = self._ts_latest - ts_local
        if back_ns > STEP_BACK_NS_MAX:
            raise self._bad(
                f"its time lies {back_ns / 1e9:.3f} s before that of a line above",
                "name the files in the order of their time, each sorted by its stamps",
            )
        self.steps_back += 1

    def _chunks(self, source: BinaryIO) -> Iterator[bytes]:
        while chunk := source.read(CHUNK_BYTES):
            self.bytes_read += len(chunk)
            yield chunk

    def _bad(self, problem: str, remedy: str) -> BadTape:
        return BadTape(self._file, self._line, problem, remedy)


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _open(file: Path) -> BinaryIO:
    try:
        if file.is_dir():
            raise BadTape(str(file), 0, "it is a folder", "name the files in it")
        if file.exists() and not file.is_file():
            raise BadTape(str(file), 0, "it is no regular file", "copy it to a file first")
        return file.open("rb")
    except FileNotFoundError:
        raise BadTape(str(file), 0, "there is no such file", "check its path") from None
    except PermissionError:
        raise BadTape(str(file), 0, "this user may not read it", "change its permissions") from None
    except OSError as err:
        raise BadTape(
            str(file), 0, f"it can't be opened ({err.strerror})", "check its path"
        ) from err


def _unpacked(source: BinaryIO, chunks: Iterator[bytes]) -> Iterator[bytes]:
    magic = source.read(len(ZSTD_MAGIC))
    source.seek(0)
    if magic.startswith(GZIP_MAGIC):
        return _decompressed(chunks, lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 16))
    if magic == ZSTD_MAGIC:
        return _decompressed(chunks, lambda: zstandard.ZstdDecompressor().decompressobj())
    return chunks


def _decompressed(
    chunks: Iterator[bytes], new_unpacker: Callable[[], _Unpacker]
) -> Iterator[bytes]:
    unpacker = new_unpacker()
    for chunk in chunks:
        rest = chunk
        while rest:
            if unpacker.eof:  # files joined end to end hold several compressed streams
                unpacker = new_unpacker()
            yield unpacker.decompress(rest)
            rest = unpacker.unused_data
    if not unpacker.eof:
        raise EOFError


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    begun = b""
    for chunk in chunks:
        lines = chunk.split(b"\n")
        if len(begun) <= LINE_BYTES_MAX:  # else it is too long already, and what follows is dropped
            lines[0] = begun + lines[0]
        else:
            lines[0] = begun
        begun = lines.pop()
        yield from lines
    if begun:
        yield begun


def _fault_of(line: bytes) -> tuple[str, str]:
    if len(line) > LINE_BYTES_MAX:
        return "line_too_long", f"expected at most {LINE_BYTES_MAX} bytes; the first are kept"
    stamp, _, payload = line.partition(b" ")
    if not stamp.isdigit() or len(stamp) not in NANOS_BY_DIGITS:
        return "no_stamp", f"begins with {stamp[:32]!r}: expected a stamp of 13, 16 or 19 digits"
    if stamp >= STAMP_MAX[: len(stamp)]:
        return "no_stamp", f"begins with {stamp!r}: expected a time before April 2262"
    if not payload:
        return "no_payload", "nothing follows the stamp"
    return "", ""
