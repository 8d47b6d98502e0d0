"""The page for AsyncAPI is what the channels and message types say, and what it refers to exists."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from marea.messages.channels import load_channels
from tools.asyncapi import PAGE, render


@pytest.fixture(scope="module")
def page(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((root / PAGE).read_text("utf-8"))
    return content


def references(node: object) -> Iterator[str]:
    """Every `$ref` below a node."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def test_page_is_not_stale(root: Path) -> None:
    assert (root / PAGE).read_text("utf-8") == render(root), "run: make docs"


def test_every_reference_leads_somewhere(root: Path, page: dict[str, Any]) -> None:
    found = set(references(page))
    assert {"../schemas/avro/Trade.avsc", "../schemas/json/Trade.json"} <= found
    for reference in found:
        if reference.startswith("#/"):
            node: Any = page
            for name in reference.removeprefix("#/").split("/"):
                node = node[name]
        else:
            assert (root / PAGE).parent.joinpath(reference).is_file(), reference


def test_every_channel_stands_there_with_its_messages(page: dict[str, Any]) -> None:
    for name, channel in load_channels().by_name.items():
        kinds = [*channel.outside, *channel.derived]
        assert list(page["channels"][name]["messages"]) == kinds
        kafka = page["channels"][name]["bindings"]["kafka"]
        assert kafka["partitions"] == channel.kafka.partitions
        hours = kafka["topicConfiguration"]["retention.ms"] / 3_600_000
        assert hours == channel.kafka.retention_h
        assert (f"{name}-fast" in page["channels"]) is (channel.redis is not None)
        assert page["operations"][f"send-{name}"]["summary"].startswith("Written by ")
