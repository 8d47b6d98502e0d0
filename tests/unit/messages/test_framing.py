import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marea.messages.avro import encode_avro, schema_of
from marea.messages.envelope import Message
from marea.messages.errors import BadMessage
from marea.messages.framing import Framing, frame, released_before, schema_id, unframe
from marea.messages.market import Quote, Trade
from marea.messages.types import TYPES
from marea.testing.examples import example, record_of

KINDS = pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)


def ids(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((root / "schemas/ids.json").read_text("utf-8"))
    return content


@KINDS
def test_record_comes_back_from_its_frame(kind: type[Message]) -> None:
    record = record_of(example(kind))
    assert unframe(frame(record)) == record


def test_frame_is_a_zero_byte_the_id_of_the_schema_and_avro(root: Path) -> None:
    record = record_of(example(Trade))
    data = frame(record)
    assert data[0] == 0
    schema = ids(root)[str(int.from_bytes(data[1:5]))]
    assert schema == {"type": "Trade", "version": 1, "schema": "avro/Trade.avsc"}
    assert data[5:] == encode_avro(record)


def test_id_of_what_was_released_never_changes() -> None:
    assert schema_id("Trade", 1) == 1449893185
    assert schema_id("Trade", 2) == 2057878163


def test_every_schema_that_stands_somewhere_has_an_id_of_its_own(root: Path) -> None:
    files = [*root.glob("schemas/avro/*.avsc"), *root.glob("schemas/released/*/*.avsc")]
    schemas = [json.loads(file.read_text("utf-8")) for file in files]
    named = {(schema["name"], schema["version"]) for schema in schemas}
    assert sorted((entry["type"], entry["version"]) for entry in ids(root).values()) == sorted(
        named
    )
    assert all(0 < int(number) < 2**31 for number in ids(root))


def test_file_of_an_id_holds_that_version(root: Path) -> None:
    for entry in ids(root).values():
        schema = json.loads((root / "schemas" / entry["schema"]).read_text("utf-8"))
        assert (schema["name"], schema["version"]) == (entry["type"], entry["version"])


def older(folder: Path) -> bytes:
    """A trade as a version wrote it that is no more, and whose schema is in a folder of releases."""
    schema = {**schema_of("Trade"), "version": 0}
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "condition"]
    file = folder / "released/1/Trade.avsc"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(schema), "utf-8")
    # A field at the end, and its text: take both away.
    written = encode_avro(record_of(example(Trade)))
    assert written.endswith(b"\x0cMARKET")
    return b"\0" + schema_id("Trade", 0).to_bytes(4) + written[:-7]


def test_record_of_an_older_version_is_read_by_the_schema_it_was_written_with(
    tmp_path: Path,
) -> None:
    data = older(tmp_path)
    assert Framing(released_before(tmp_path)).unframe(data) == record_of(example(Trade))


def learnt(change: Callable[[dict[str, Any]], object]) -> Framing:
    """A framing that knows, as 7, the schema of a trade with this change."""
    known = Framing()
    schema = {**schema_of("Trade"), "version": 2}
    change(schema)
    known.learn(7, schema)
    assert known.knows(7)
    return known


def test_record_of_a_later_version_is_read_without_what_is_new() -> None:
    new = {"name": "auction", "type": "string", "default": ""}
    known = learnt(lambda schema: schema["fields"].append(new))
    record = record_of(example(Trade))
    later = b"\0\0\0\0\x07" + encode_avro(record) + b"\x0across"
    assert known.unframe(later) == record
    known.write_as("Trade", 7)
    assert known.frame(record)[:5] == later[:5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda schema: schema["fields"].pop(2),
            "Trade is b'.*: the Avro form of a Trade by its writer's",
        ),
        (lambda schema: schema.update(name="Tirade"), "envelope.type is 'Tirade': unknown; take"),
    ],
)
def test_record_by_a_schema_that_gives_no_message_is_refused(
    change: Callable[[dict[str, Any]], object], message: str
) -> None:
    data = b"\0\0\0\0\x07" + encode_avro(record_of(example(Trade)))
    with pytest.raises(BadMessage, match=f"^{message}"):
        learnt(change).unframe(data)


TRADE = frame(record_of(example(Trade)))
QUOTE = frame(record_of(example(Quote)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "frame is b'': a zero byte and 4 bytes of schema id come first"),
        (TRADE[:4], "frame is b'.*': a zero byte and 4 bytes of schema id come first"),
        (b"\x01" + TRADE[1:], "frame is b'.*: write it in registry framing: its first byte is 0"),
        (b"{" * 5000, "frame is b'{{*…: write it in registry framing"),
        (
            b"\0\0\0\0\x07" + TRADE[5:],
            "schema id is 7: no schema that is known here; take one of schemas/ids.json",
        ),
        (b"\0\xff\xff\xff\xff", "schema id is 4294967295: no schema that is known"),
        (TRADE[:5], "Trade is b'': the Avro form of a Trade by its writer's schema"),
        (TRADE[:-1], "Trade is b'.*: the Avro form of a Trade by its writer's schema"),
        (TRADE + b"!", "Trade is b'!': bytes after the end of the record"),
        (QUOTE[:5] + TRADE[5:], "(Quote|envelope.type) is "),
        (TRADE[:5] + TRADE[5:].replace(b"\x0aTrade", b"\x0aQuote", 1), "envelope.type is 'Quote'"),
    ],
)
def test_value_that_is_no_frame_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(BadMessage, match=f"^{message}") as refused:
        unframe(data)
    assert re.search(" is .*: .", str(refused.value))
