import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from marea.venues import tape as tapes
from marea.venues.tape import BadTape, Frame, Tape

MS, US, NS = 1723161253937, 1723161253937085, 1723161253937085768


def frames(*files: Path) -> list[Frame]:
    return list(Tape(files))


def write(folder: Path, *lines: str, name: str = "tape.raw") -> Path:
    file = folder / name
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


@pytest.mark.parametrize(
    ("stamp", "ts_local"),
    [(MS, MS * 1_000_000), (US, US * 1_000), (NS, NS)],
    ids=["ms", "us", "ns"],
)
def test_stamp_is_read_in_the_unit_that_its_digits_tell(
    tmp_path: Path, stamp: int, ts_local: int
) -> None:
    file = write(tmp_path, f'{stamp} {{"a": 1}}')
    assert frames(file) == [Frame(str(file), 1, ts_local, b'{"a": 1}')]


def zstd_in_frames(content: bytes) -> bytes:
    middle = len(content) // 2
    return zstandard.compress(content[:middle]) + zstandard.compress(content[middle:])


@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        lambda content: gzip.compress(content[:9]) + gzip.compress(content[9:]),
        zstandard.compress,
        zstd_in_frames,
    ],
    ids=["plain", "gzip", "gzip joined", "zstd", "zstd joined"],
)
def test_file_is_unpacked_as_its_content_says_whatever_its_name(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    content = b"".join(b"%d {%d}\n" % (NS + number, number) for number in range(5000))
    file = tmp_path / "tape.txt"
    file.write_bytes(pack(content))
    tape = Tape([file])
    read = list(tape)
    assert [frame.payload for frame in read] == [b"{%d}" % number for number in range(5000)]
    assert [frame.line for frame in read] == list(range(1, 5001))
    assert tape.bytes_read == tape.bytes_total == file.stat().st_size


def test_last_line_needs_no_end_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "tape.raw"
    file.write_bytes(b"\n%d a\r\n\r\n \n%d b" % (MS, MS))
    assert [(frame.line, frame.payload.strip()) for frame in frames(file)] == [(2, b"a"), (5, b"b")]


def test_files_in_a_row_make_one_tape_each_in_its_own_unit(tmp_path: Path) -> None:
    first = write(tmp_path, f"{US} a", name="first")
    second = write(tmp_path, f"{NS} b", f"{NS + 5} c", name="second")
    tape = Tape([first, second])
    assert [(frame.file, frame.line, frame.payload) for frame in tape] == [
        (str(first), 1, b"a"),
        (str(second), 1, b"b"),
        (str(second), 2, b"c"),
    ]
    assert tape.bytes_read == tape.bytes_total == first.stat().st_size + second.stat().st_size


def test_tape_is_read_again_from_its_beginning(tmp_path: Path) -> None:
    tape = Tape([write(tmp_path, f"{NS + 1} a", f"{NS} b")])
    assert list(tape) == list(tape)
    assert tape.steps_back == 1
    assert tape.bytes_read == tape.bytes_total


def test_progress_can_be_followed(tmp_path: Path) -> None:
    tape = Tape([write(tmp_path, *(f"{NS} {'x' * 1000}" for _ in range(100)))])
    read = [tape.bytes_read for _ in tape]
    assert read == sorted(read)
    assert 0 < read[0] < read[-1] == tape.bytes_total


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ("", "", ""),
        ("noise", "no_stamp", "begins with b'noise': expected a stamp of 13, 16 or 19 digits"),
        ("12345 {}", "no_stamp", "begins with b'12345'"),
        ("-723161253937 {}", "no_stamp", "begins with b'-723161253937'"),
        (f"{2**63} {{}}", "no_stamp", "begins with b'9223372036854775808': expected a time before"),
        (str(NS), "no_payload", "nothing follows the stamp"),
        (f"{NS} ", "no_payload", "nothing follows the stamp"),
    ],
)
def test_unreadable_line_is_a_frame_with_its_bytes_and_does_not_stop_the_tape(
    tmp_path: Path, line: str, reason: str, detail: str
) -> None:
    read = frames(write(tmp_path, f"{NS} a", line, f"{NS + 2} c"))
    assert [read[0].payload, read[-1].payload] == [b"a", b"c"]
    assert [frame.line for frame in read] == ([1, 2, 3] if line else [1, 3])
    for frame in read[1:-1]:
        assert (frame.payload, frame.ts_local, frame.reason) == (line.encode(), NS, reason)
        assert frame.detail.startswith(detail)


@pytest.mark.parametrize("digits", [13, 16, 19])
def test_time_that_64_bits_can_not_hold_in_ns_is_no_stamp(tmp_path: Path, digits: int) -> None:
    latest = int(str(2**63 - 1)[:digits])
    with pytest.raises(BadTape, match=r"none of its first 1 lines is"):
        frames(write(tmp_path, f"{latest} a"))
    [frame] = frames(write(tmp_path, f"{latest - 1} a"))
    assert 0 <= 2**63 - frame.ts_local <= 10 ** (19 - digits) * 2


def test_noise_before_the_first_readable_line_is_not_lost(tmp_path: Path) -> None:
    read = frames(write(tmp_path, "# recorded by", "", "me", f"{NS} a"))
    assert [(frame.line, frame.reason, frame.payload) for frame in read] == [
        (1, "no_stamp", b"# recorded by"),
        (3, "no_stamp", b"me"),
        (4, "", b"a"),
    ]
    assert {frame.ts_local for frame in read} == {NS}


def test_noise_at_the_begin_of_a_later_file_has_the_time_of_the_line_before_it(
    tmp_path: Path,
) -> None:
    first = write(tmp_path, f"{NS} a", name="first")
    second = write(tmp_path, "noise", f"{NS + 7} b", name="second")
    assert [frame.ts_local for frame in frames(first, second)] == [NS, NS, NS + 7]


def test_line_that_is_too_long_is_unreadable_and_never_held_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tapes, "LINE_BYTES_MAX", 50)
    monkeypatch.setattr(tapes, "CHUNK_BYTES", 40)
    for length in (50, 51, 500):
        line = f"{NS} ".ljust(length, "x")
        read = frames(write(tmp_path, f"{NS} a", line, f"{NS} b"))
        assert [frame.payload for frame in read[::2]] == [b"a", b"b"]
        if length == 50:
            assert read[1].payload == line[20:].encode()
        else:
            assert (read[1].reason, read[1].payload) == ("line_too_long", line[:50].encode())
            assert read[1].detail == "expected at most 50 bytes; the first are kept"


def test_small_steps_back_are_counted_and_a_large_one_stops_the_tape(tmp_path: Path) -> None:
    second = 1_000_000_000
    steps = [NS + second, NS, NS + second - 1, NS + second]
    tape = Tape([write(tmp_path, *(f"{stamp} a" for stamp in steps))])
    assert [frame.ts_local for frame in tape] == steps
    assert tape.steps_back == 2

    with pytest.raises(
        BadTape,
        match=r"line 2: its time lies 1\.000 s before .* above; name the files in the order",
    ):
        frames(write(tmp_path, f"{NS + second + 1} a", f"{NS} b"))


def test_files_in_the_wrong_order_stop_the_tape(tmp_path: Path) -> None:
    early = write(tmp_path, f"{MS - 2000} a", name="early")
    late = write(tmp_path, f"{NS} b", name="late")
    with pytest.raises(BadTape, match=r"early, line 1: its time lies 2\.000 s before"):
        frames(late, early)


def test_units_that_change_within_a_file_stop_the_tape(tmp_path: Path) -> None:
    file = write(tmp_path, f"{US} a", f"{NS} b")
    with pytest.raises(BadTape, match=f"line 2: its stamp {NS} has another unit .* above; record"):
        frames(file)


def checked_zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


def content_cases() -> Iterator[tuple[str, bytes, str]]:
    yield "empty", b"", "tape: it is empty; leave it out"
    yield "blank", b"\n \n", "line 2: it is empty"
    yield "empty gzip", gzip.compress(b""), "tape: it is empty"
    yield (
        "noise",
        b"noise\n" * 50,
        "line 20: none of its first 20 lines is `<local stamp> <payload>`; name a",
    )
    yield "one line of noise", b"noise", "line 1: none of its first 1 lines"
    yield "other packing", b"\xfd7zXZ\x00" + bytes(range(256)), "none of its first"
    content = b"".join(b"%d %s\n" % (NS, os.urandom(40).hex().encode()) for _ in range(100))
    for name, packed in (("gzip", gzip.compress(content)), ("zstd", checked_zstd(content))):
        early = "the compressed data end too early; fetch the file again"
        yield f"cut {name}", packed[:-20], early
        yield f"cut {name} header", packed[:5], early
        yield f"joined {name}, the second cut", packed + packed[:200], early
        broken = bytearray(packed)
        broken[len(packed) // 2 : len(packed) // 2 + 50] = bytes(50)
        yield f"broken {name}", bytes(broken), r"the compressed data are broken \(.*\); fetch"
    yield "gzip with a tail", gzip.compress(content) + b"tail", "the compressed data are broken"


@pytest.mark.parametrize(
    ("content", "problem"),
    [case[1:] for case in content_cases()],
    ids=[case[0] for case in content_cases()],
)
def test_file_that_is_no_whole_tape_is_named_with_what_helps(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "tape"
    file.write_bytes(content)
    with pytest.raises(BadTape, match=problem) as caught:
        frames(file)
    assert caught.value.file == str(file)


def test_lines_before_the_end_of_a_cut_file_are_read(tmp_path: Path) -> None:
    content = b"".join(b"%d %s\n" % (NS, os.urandom(400).hex().encode()) for _ in range(500))
    file = tmp_path / "tape.gz"
    file.write_bytes(gzip.compress(content)[:-20_000])
    read: list[int] = []
    with pytest.raises(BadTape, match="too early") as caught:
        read.extend(frame.line for frame in Tape([file]))
    assert 0 < len(read) < 500
    assert caught.value.line == read[-1]


def test_file_that_can_not_be_opened_is_named_before_anything_is_read(tmp_path: Path) -> None:
    good = write(tmp_path, f"{NS} a")
    os.mkfifo(tmp_path / "pipe")
    for other, problem in (
        ("absent", "absent: there is no such file; check its path"),
        ("", "it is a folder; name the files in it"),
        ("pipe", "pipe: it is no regular file; copy it"),
        ("tape.raw/inside", r"inside: it can't be opened \(Not a directory\); check its path"),
    ):
        with pytest.raises(BadTape, match=problem):
            Tape([good, tmp_path / other])
    with pytest.raises(BadTape, match="tape: no file is named; name one or more"):
        Tape([])


def test_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, f"{NS} a")
    file.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)  # root may read everything
    try:
        with pytest.raises(BadTape, match="this user may not read it; change its permissions"):
            Tape([file])
    finally:
        if is_root:
            os.seteuid(0)


def test_failing_disk_is_named() -> None:
    unmapped = Path("/proc/self/mem")  # opens, and its beginning can't be read
    if not unmapped.exists():
        pytest.skip("only Linux has a file that fails while it is read")
    with pytest.raises(BadTape, match=r"mem: reading failed \(Input/output error\); check the"):
        frames(unmapped)


@given(content=st.binary(max_size=400))
def test_any_bytes_are_read_or_named_as_no_tape(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(b"%d a\n" % NS + content)
    try:
        assert frames(file)[0].payload == b"a"
    except BadTape as err:
        assert err.line  # noqa: PT017 # either outcome is right
