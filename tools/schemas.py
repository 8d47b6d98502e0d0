"""Writes `schemas/` from the message types, says whether it is stale, or releases it.

`avro/` and `json/` hold the schema of each type; `samples/` a golden record of each type and
version, which never changes once that version is released; `released/<n>/` the Avro schemas that
somebody out there may read and write with; `ids.json` the id of each of them in registry framing.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from marea.messages.avro import encode_avro, schema_of
from marea.messages.codec import encode, encode_json, message_hash
from marea.messages.forms import form_of
from marea.messages.framing import schema_id
from marea.messages.types import TYPES
from marea.testing.examples import EXAMPLES, record_of
from tools.compatibility import Schema, incompatibilities

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"


def releases(folder: Path) -> dict[int, dict[str, Schema]]:
    """Which schemas does each release hold, by message type? Oldest release first."""
    return {
        int(release.name): {
            file.stem: json.loads(file.read_text("utf-8")) for file in sorted(release.iterdir())
        }
        for release in sorted(folder.glob("released/*"), key=lambda path: int(path.name))
    }


def generated(folder: Path) -> dict[Path, str]:
    """What must each generated file hold? Golden samples of released versions are none of them."""
    released = _released_samples(folder)
    files = {}
    for kind in TYPES:
        files[folder / "avro" / f"{kind}.avsc"] = _text(schema_of(kind))
        files[folder / "json" / f"{kind}.json"] = _text(_json_schema(kind))
        sample = _sample_file(folder, schema_of(kind))
        if sample not in released:
            files[sample] = _text(_sample(kind))
    files[folder / "ids.json"] = _text(_ids(folder))
    return files


def stale(folder: Path) -> list[str]:
    """Which files differ from what the message types give, and which stand there for nothing?"""
    files = generated(folder)
    changed = [
        path
        for path, text in files.items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    lost = [path for path in _released_samples(folder) if not path.is_file()]
    return [
        *(f"{path.relative_to(folder)} is stale: run make docs" for path in sorted(changed)),
        *(f"{path.relative_to(folder)} is gone: restore it from git" for path in sorted(lost)),
        *(f"{path.relative_to(folder)} belongs to no type" for path in _left_over(folder, files)),
    ]


def write(folder: Path) -> None:
    """Makes the generated files say what the message types say, and removes what is left over."""
    files = generated(folder)
    for path in _left_over(folder, files):
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def broken_promises(folder: Path) -> list[str]:
    """What stands against every released schema being read and written by the present types?"""
    return [
        f"released/{number}: {problem}"
        for number, schemas in releases(folder).items()
        for kind, schema in schemas.items()
        for problem in (
            incompatibilities(schema, schema_of(kind))
            if kind in TYPES
            else [f"{kind} is gone: a type stays as long as a log may hold it"]
        )
    ]


def release(folder: Path) -> list[str]:
    """Copies the present Avro schemas to the next release; gives what stands against it."""
    problems = stale(folder) + broken_promises(folder)
    before = releases(folder)
    number = max(before, default=0) + 1
    present = {kind: schema_of(kind) for kind in TYPES}
    if before and before[number - 1] == present:
        problems.append(f"nothing has changed since released/{number - 1}")
    if not problems:
        target = folder / "released" / str(number)
        target.mkdir(parents=True)
        for kind, schema in present.items():
            (target / f"{kind}.avsc").write_text(_text(schema), "utf-8")
    return problems


def main(arguments: list[str]) -> int:
    """Exit status 0: done; 1: stale, or not to be released, and why on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tools.schemas", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["write", "release"], default="write")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is stale")
    parser.add_argument("--folder", type=Path, default=SCHEMAS, help="default: %(default)s")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    if options.check:
        problems = stale(folder) + broken_promises(folder)
    elif options.command == "release":
        problems = release(folder)
    else:
        write(folder)
        problems = broken_promises(folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _json_schema(kind: str) -> dict[str, Any]:
    schema = msgspec.json.schema(form_of(kind).wire)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _sample(kind: str) -> dict[str, Any]:
    if kind not in EXAMPLES:
        raise LookupError(f"{kind} has no example: add one to marea/testing/examples.py")
    message = EXAMPLES[kind]
    record = record_of(message)
    return {
        "type": kind,
        "schema": message.schema_version,
        "wire": json.loads(encode_json(record)),
        "avro": encode_avro(record).hex(),
        "disk": encode(message).hex(),
        "hash": message_hash(message),
    }


def _ids(folder: Path) -> dict[str, Any]:
    files = {
        schema_id(kind, schema["version"]): (schema, f"released/{number}/{kind}.avsc")
        for number, schemas in releases(folder).items()
        for kind, schema in schemas.items()
    }
    for kind in TYPES:
        schema = schema_of(kind)
        files[schema_id(kind, schema["version"])] = (schema, f"avro/{kind}.avsc")
    named = sorted(files.items(), key=lambda item: (item[1][0]["name"], item[1][0]["version"]))
    return {
        str(number): {"type": schema["name"], "version": schema["version"], "schema": file}
        for number, (schema, file) in named
    }


def _sample_file(folder: Path, schema: Schema) -> Path:
    return folder / "samples" / f"{schema['name']}.v{schema['version']}.json"


def _released_samples(folder: Path) -> set[Path]:
    return {
        _sample_file(folder, schema)
        for schemas in releases(folder).values()
        for schema in schemas.values()
    }


def _left_over(folder: Path, files: dict[Path, str]) -> Iterator[Path]:
    kept = _released_samples(folder).union(files)
    for part in ("avro", "json", "samples"):
        yield from (path for path in sorted(folder.glob(f"{part}/*")) if path not in kept)


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
