"""Writes `services/README.md`: the flow between the services, as their `service.toml` declare it."""

import sys
import tomllib
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import yaml

HEAD = """# Services

Written by `make docs` from every `service.toml`; change those. Boxes are services, rounded boxes
channels; what a channel holds stands in `schemas/channels.yaml`.

```mermaid
flowchart LR
"""


@dataclass(frozen=True, kw_only=True)
class Service:
    """What a `service.toml` says."""

    name: str
    purpose: str
    consumes: list[str]
    produces: list[str]


def read_services(root: Path) -> list[Service]:
    """Every service of a checkout, in the order of the flow. Raises `ValueError` for a bad file."""
    return in_flow_order([_read(path) for path in sorted(root.glob("services/*/service.toml"))])


def _read(path: Path) -> Service:
    said: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    wanted = {field.name for field in fields(Service)}
    if set(said) != wanted:
        raise ValueError(f"{path}: has {sorted(said)}, write {sorted(wanted)} and nothing else")
    return Service(**said)


def read_channels(root: Path) -> list[str]:
    """The names of the channels; none where no channel is listed yet."""
    path = root / "schemas" / "channels.yaml"
    if not path.exists():
        return []
    return [channel["name"] for channel in yaml.safe_load(path.read_text("utf-8"))["channels"]]


def in_flow_order(services: list[Service]) -> list[Service]:
    """Services after those whose channels they read; a circle is entered at its fewest unread.

    Of equals the one that reads most of others comes first: it hears more of what was written before.
    """
    placed: list[Service] = []
    waiting = sorted(services, key=lambda service: service.name)
    while waiting:
        placed.append(min(waiting, key=partial(_lateness, waiting)))
        waiting.remove(placed[-1])
    return placed


def _lateness(waiting: list[Service], service: Service) -> tuple[bool, int, int]:
    others = {channel for each in waiting if each is not service for channel in each.produces}
    unread = others.intersection(service.consumes)
    heard = set(service.consumes).difference(service.produces)
    return not (service.consumes or service.produces), len(unread), -len(heard)


def find_problems(services: list[Service], channels: list[str]) -> list[str]:
    """Channels that nobody writes, and channels that are read or written but not listed."""
    produced = {channel for service in services for channel in service.produces}
    problems = [
        f"services/{service.name}/service.toml: '{channel}' is not in schemas/channels.yaml"
        for service in services
        for channel in [*service.consumes, *service.produces]
        if channel not in channels
    ]
    orphans = [channel for channel in channels if services and channel not in produced]
    return problems + [f"schemas/channels.yaml: no service produces '{name}'" for name in orphans]


def render(services: list[Service]) -> str:
    """The page: a diagram of services and channels, and a table of services."""
    boxes: dict[str, None] = {}
    arrows: list[str] = []
    for service in services:
        if service.consumes or service.produces:
            boxes[f"    {service.name}[{service.name}]\n"] = None
        for channel in [*service.consumes, *service.produces]:
            boxes[f"    {_node(channel)}([{channel}])\n"] = None
        arrows += [f"    {_node(channel)} --> {service.name}\n" for channel in service.consumes]
        arrows += [f"    {service.name} --> {_node(channel)}\n" for channel in service.produces]
    rows = [
        f"| [{service.name}]({service.name}) | {service.purpose} |"
        f" {_listed(service.consumes)} | {_listed(service.produces)} |\n"
        for service in services
    ]
    table = "| service | its question | reads | writes |\n|---|---|---|---|\n"
    return "".join([HEAD, *boxes, *arrows, "```\n\n", table, *rows])


def _node(channel: str) -> str:
    return "log_" + channel.replace("-", "_").replace(".", "_")


def _listed(channels: list[str]) -> str:
    return ", ".join(f"`{channel}`" for channel in channels) or "—"


def main(root: Path) -> int:
    """Write the page of a checkout; 1 where services and channels don't fit together."""
    services = read_services(root)
    problems = find_problems(services, read_channels(root))
    for problem in problems:
        print(problem, file=sys.stderr)
    (root / "services" / "README.md").write_text(render(services), encoding="utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
