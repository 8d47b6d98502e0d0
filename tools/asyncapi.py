"""Writes `docs/asyncapi.yaml`: where each channel stands, what it holds, and by which schemas.

It follows from `schemas/channels.yaml`, the message types and the `service.toml` files, for readers
and tools that know AsyncAPI 3.0 and nothing of Marea.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from marea.messages.avro import schema_of
from marea.messages.channels import Channel, load_channels
from marea.messages.types import TYPES
from tools.services_readme import Service, read_services

ROOT = Path(__file__).resolve().parent.parent
PAGE = "docs/asyncapi.yaml"
HEAD = "# Written by `make docs` from schemas/channels.yaml and the message types; change those.\n"
HOUR_MS = 3_600_000
BINDING = "0.5.0"
"""Of AsyncAPI for Kafka."""
PREFIX = {"description": "What begins every name of one installation.", "default": ""}
AVRO, JSON = "application/vnd.apache.avro", "application/json"

Node: TypeAlias = dict[str, Any]


def document(channels: dict[str, Channel], services: list[Service], version: str) -> Node:
    """What AsyncAPI says of these channels, which these services read and write."""
    doubled = {kind for channel in channels.values() if channel.redis for kind in _kinds(channel)}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Marea",
            "version": version,
            "description": "What the services of Marea say to each other, as others may read it.",
        },
        "defaultContentType": AVRO,
        "servers": {
            "kafka": _server("kafka", "127.0.0.1:9092", "The record."),
            "redis": _server("redis", "127.0.0.1:6379", "A fast copy of the last minute of it."),
        },
        "channels": dict(_carried(channels)),
        "operations": {
            f"send-{name}": {
                "action": "send",
                "channel": _at("channels", name),
                "summary": _flow(channel, services),
            }
            for name, channel in channels.items()
        },
        "components": {
            "messages": {
                **{kind: _on_kafka(kind) for kind in TYPES},
                **{f"{kind}-json": _on_redis(kind) for kind in TYPES if kind in doubled},
            }
        },
    }


def render(root: Path) -> str:
    """The page of a checkout."""
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    channels = load_channels(root / "schemas" / "channels.yaml").by_name
    content = document(channels, read_services(root), version)
    return HEAD + yaml.dump(content, Dumper=_Plain, sort_keys=False, width=100)


def _server(protocol: str, host: str, description: str) -> Node:
    return {
        "host": "{host}",
        "protocol": protocol,
        "description": description,
        "variables": {"host": {"default": host, "description": "host:port"}},
    }


def _carried(channels: dict[str, Channel]) -> Iterator[tuple[str, Node]]:
    for name, channel in channels.items():
        yield name, _topic(channel)
        if channel.redis:
            yield f"{name}-fast", _stream(channel, channel.redis.retention_s)


def _topic(channel: Channel) -> Node:
    return {
        "address": f"{{prefix}}{channel.name}",
        "title": f"{channel.name} on Kafka",
        "description": (
            f"One log for each {channel.key}, in a partition of its own; the log's name is the key "
            "of its records."
        ),
        "servers": [_at("servers", "kafka")],
        "parameters": {"prefix": PREFIX},
        "messages": {kind: _at("components", "messages", kind) for kind in _kinds(channel)},
        "bindings": {
            "kafka": {
                "partitions": channel.kafka.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": channel.kafka.retention_h * HOUR_MS,
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _stream(channel: Channel, retention_s: int) -> Node:
    return {
        "address": f"{{prefix}}{channel.name}.{{{channel.key}}}",
        "title": f"{channel.name} on Redis",
        "description": f"A stream for each {channel.key}: the last {retention_s} seconds of its log.",
        "servers": [_at("servers", "redis")],
        "parameters": {"prefix": PREFIX, channel.key: {"description": "The name of the log."}},
        "messages": {
            kind: _at("components", "messages", f"{kind}-json") for kind in _kinds(channel)
        },
    }


def _on_kafka(kind: str) -> Node:
    return {
        "name": kind,
        "summary": _summary(kind),
        "payload": {
            "schemaFormat": f"{AVRO};version=1.9.0",
            "schema": {"$ref": f"../schemas/avro/{kind}.avsc"},
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The name of the log."},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "4",
                "schemaLookupStrategy": "RecordNameStrategy",
                "bindingVersion": BINDING,
            }
        },
    }


def _on_redis(kind: str) -> Node:
    fields = {
        "schema": "The message type.",
        "version": "Of the message type.",
        "after": "Which record of the log stands before it, as JSON.",
    }
    return {
        "name": kind,
        "summary": _summary(kind),
        "description": "The payload is the field `record` of an entry, the headers are the others.",
        "contentType": JSON,
        "headers": {
            "type": "object",
            "properties": {
                name: {"type": "string", "description": said} for name, said in fields.items()
            },
        },
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"../schemas/json/{kind}.json"},
        },
    }


def _summary(kind: str) -> str:
    said: str = schema_of(kind)["doc"]
    return said.partition("\n")[0]


def _flow(channel: Channel, services: list[Service]) -> str:
    writers = [service.name for service in services if channel.name in service.produces]
    readers = [service.name for service in services if channel.name in service.consumes]
    return f"Written by {', '.join(writers)}; read by {', '.join(readers) or 'whoever watches'}."


def _kinds(channel: Channel) -> tuple[str, ...]:
    return channel.outside + channel.derived


def _at(*path: str) -> Node:
    return {"$ref": f"#/{'/'.join(path)}"}


class _Plain(yaml.SafeDumper):
    """Writes what occurs twice twice: an anchor is for machines."""

    def ignore_aliases(self, _: object) -> bool:
        return True


if __name__ == "__main__":
    (ROOT / PAGE).write_text(render(ROOT), "utf-8")
