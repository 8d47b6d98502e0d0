"""Whether two versions of a message type can live on one log, each read by the other's readers."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

Schema: TypeAlias = dict[str, Any]
"""An Avro schema as `marea.messages.avro.schema_of` makes it, with its two own attributes."""


def incompatibilities(released: Schema, present: Schema) -> list[str]:
    """What stands against replacing this released schema by the present one? Empty: nothing."""
    return [
        *_unread(released, present, "written before can't be read now"),
        *_unread(present, released, "written now can't be read by what was released"),
        *_changes(released, present, released["name"]),
        *_disk_changes(released, present),
    ]


def _unread(writer: Schema, reader: Schema, what: str) -> Iterator[str]:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call] # avro ships it untyped
    result = checker.get_compatibility(_parsed(reader), _parsed(writer))
    if result.compatibility is not SchemaCompatibilityType.compatible:
        yield f"{writer['name']}: what was {what}: {', '.join(sorted(result.messages))}"


def _parsed(schema: Schema) -> avro.schema.Schema:
    return avro.schema.parse(json.dumps(schema))


def _changes(old: Any, new: Any, place: str) -> Iterator[str]:  # noqa: ANN401 # schemas are JSON
    # Stricter than Avro, which takes text for bytes and lets fields change places.
    if _is_record(old) and _is_record(new):
        yield from _field_changes(old["fields"], new["fields"], place)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from _changes(one, other, place)
    elif old != new:
        yield f"{place} was {old} and is {new}: leave its type, add a new field at the end"


def _field_changes(old: list[Schema], new: list[Schema], place: str) -> Iterator[str]:
    for position, field in enumerate(old):
        name = f"{place}.{field['name']}"
        if position >= len(new) or new[position]["name"] != field["name"]:
            yield f"{name} isn't in its place {position}: put it back, new fields go to the end"
            return
        other = new[position]
        if ("default" in field, field.get("default")) != ("default" in other, other.get("default")):
            yield f"{name} has another default: records without it would change, put it back"
        yield from _changes(field["type"], other["type"], name)


def _is_record(schema: object) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "record"


def _disk_changes(old: Schema, new: Schema) -> Iterator[str]:
    before, now = old["disk_order"], new["disk_order"]
    if now[: len(before)] != before:
        yield f"{old['name']} had the fields {before} on disk and has {now}: add at the end only"
    added = len(now) - len(before)
    if new["version"] != old["version"] + added:
        yield (
            f"{old['name']}.schema_version is {new['version']}: with {added} fields more "
            f"than in version {old['version']} it is {old['version'] + added}"
        )
