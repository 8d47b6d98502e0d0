"""Which ports servers listen on: those that a user knows, or any that are free."""

import json
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from deploy.local.errors import ServerAway
from deploy.local.process import holder_of
from deploy.local.server import HOST, Server

LOWEST = 20_000
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Where the ports of clients begin: one of these may have taken a server's when it comes again."""

Ports = Mapping[str, int]


def kept(folder: Path, draw: Callable[[], Ports]) -> Ports:
    """The ports of the servers in a folder, the same as long as the folder stands."""
    file = folder / "ports.json"
    if not file.exists():
        drawn = _written(folder, draw())
        with suppress(FileExistsError):  # another was first
            file.hardlink_to(drawn)
        drawn.unlink()
    read: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    return read


def change(folder: Path, ports: Ports) -> None:
    """Let the servers in a folder have these from their next start on."""
    _written(folder, ports).replace(folder / "ports.json")


def _written(folder: Path, ports: Ports) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"ports.{os.getpid()}"
    draft.write_text(json.dumps(dict(ports), indent=1) + "\n", encoding="utf-8")
    return draft


def free(usual: Ports) -> Ports:
    """For each of these one that nobody listens on, and no client is given."""
    highest = int(EPHEMERAL.read_text(encoding="utf-8").split()[0])
    drawn: dict[str, int] = {}
    while len(drawn) < len(usual):
        port = LOWEST + secrets.randbelow(highest - LOWEST)
        if port not in drawn.values() and not is_taken(port):
            drawn[list(usual)[len(drawn)]] = port
    return drawn


def is_taken(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that just ended is no one
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False


def check_free(server: Server, ports: Ports) -> None:
    """Refuse to start a server where another listens: its answers would be taken for ours."""
    for name in server.ports:
        port = ports[name]
        if is_taken(port):
            holder = holder_of(port)
            by = f" by pid {holder.pid} ({holder.name})" if holder else ""
            text = f"port {port}, where {server.name} should listen, is taken{by}"
            raise ServerAway(f"{text}: end that, or give another port: --port {name}=NUMBER")
