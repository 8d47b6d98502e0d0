"""The committed schemas: present, documented, released, and never broken."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest

from marea.messages.avro import decode_avro, encode_avro, schema_of
from marea.messages.codec import decode, decode_json, encode, message_hash
from marea.messages.envelope import Message
from marea.messages.types import TYPES
from marea.messages.wire import to_wire
from marea.testing.examples import EXAMPLES, record_of
from tools.schemas import broken_promises, releases, stale

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
SAMPLES = sorted((SCHEMAS / "samples").iterdir())
RELEASED = [
    pytest.param(kind, schema, id=f"{number}-{kind}")
    for number, schemas in releases(SCHEMAS).items()
    for kind, schema in schemas.items()
]


def fields_of(schema: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of an Avro record and of the records inside it, with its path."""
    if isinstance(schema, list):
        for part in schema:
            yield from fields_of(part, place)
    elif isinstance(schema, dict) and schema["type"] == "record":
        for field in schema["fields"]:
            path = f"{place}.{field['name']}"
            yield path, field
            yield from fields_of(field["type"], path)


def test_generated_files_are_not_stale() -> None:
    assert stale(SCHEMAS) == []


def test_nothing_that_was_released_is_broken() -> None:
    assert 1 in releases(SCHEMAS)
    assert broken_promises(SCHEMAS) == []


def test_class_record_file_and_title_have_one_name() -> None:
    for kind, message in TYPES.items():
        assert message.__name__ == kind
        assert json.loads((SCHEMAS / "avro" / f"{kind}.avsc").read_text())["name"] == kind
        schema = json.loads((SCHEMAS / "json" / f"{kind}.json").read_text())
        assert schema["$defs"][kind]["title"] == kind
    assert {path.stem for path in (SCHEMAS / "avro").iterdir()} == set(TYPES)
    assert {path.stem for path in (SCHEMAS / "json").iterdir()} == set(TYPES)


@pytest.mark.parametrize("kind", TYPES)
def test_type_and_each_of_its_fields_is_documented(kind: str) -> None:
    schema = schema_of(kind)
    assert schema["doc"]
    assert schema["doc"] != Message.__doc__
    bare = [path for path, field in fields_of(schema, kind) if not field.get("doc")]
    assert bare == []


@pytest.mark.parametrize("kind", TYPES)
def test_discriminator_names_fields_of_its_type(kind: str) -> None:
    message = TYPES[kind]
    assert set(message.discriminator) <= set(message.__struct_fields__)


def test_json_schema_describes_every_property() -> None:
    for kind in TYPES:
        schema = json.loads((SCHEMAS / "json" / f"{kind}.json").read_text())
        for name, definition in schema["$defs"].items():
            for field, content in definition["properties"].items():
                assert content.get("description"), f"{kind}: {name}.{field}"


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_golden_sample_is_one_record_in_all_three_forms(file: Path) -> None:
    sample = json.loads(file.read_text("utf-8"))
    kind, version = sample["type"], sample["schema"]
    assert file.name == f"{kind}.v{version}.json"
    writer = next(
        schema
        for schemas in (*releases(SCHEMAS).values(), {kind: schema_of(kind)})
        for name, schema in schemas.items()
        if (name, schema["version"]) == (kind, version)
    )
    record = decode_json(json.dumps(sample["wire"]).encode())
    disk = bytes.fromhex(sample["disk"])
    assert decode_avro(kind, bytes.fromhex(sample["avro"]), writer) == record
    assert decode(kind, disk) == record.message
    if version == TYPES[kind].schema_version:
        assert encode(record.message) == disk
        assert message_hash(record.message) == sample["hash"]


@pytest.mark.parametrize(("kind", "released"), RELEASED)
def test_released_readers_read_what_we_write(kind: str, released: dict[str, Any]) -> None:
    record = record_of(EXAMPLES[kind])
    stream = BytesIO(encode_avro(record))
    read = fastavro.schemaless_reader(stream, schema_of(kind), released)
    wire = to_wire(record)
    assert read == {field["name"]: to_list(wire[field["name"]]) for field in released["fields"]}


@pytest.mark.parametrize(("kind", "released"), RELEASED)
def test_we_read_what_released_writers_write(kind: str, released: dict[str, Any]) -> None:
    record = record_of(EXAMPLES[kind])
    stream = BytesIO()
    fastavro.schemaless_writer(stream, released, to_wire(record), disable_tuple_notation=True)
    again = decode_avro(kind, stream.getvalue(), released)
    for name in released["disk_order"]:
        assert getattr(again.message, name) == getattr(record.message, name)
    assert again.writer == record.writer


def to_list(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: to_list(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value
