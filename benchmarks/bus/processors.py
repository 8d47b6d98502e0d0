"""Where does the time of the processors go, process by process?"""

from collections.abc import Mapping

import psutil

from deploy.local.servers import USUAL, Servers
from services.standalone.fleet import Fleet


def spent_s(servers: Servers, fleet: Fleet) -> dict[str, float]:
    """The processor time of each server and each service so far, with that of their children, s."""
    pids = {name: servers.status(name).pid for name in USUAL}
    pids |= {child.name: child.pid for child in fleet.children.values()}
    return {name: _of(pid) for name, pid in pids.items() if pid is not None}


def _of(pid: int) -> float:
    own = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:4]) for each in (own, *own.children(recursive=True)))


def per_message_us(
    before: Mapping[str, float], after: Mapping[str, float], messages: int
) -> dict[str, float]:
    """What a message of the market cost each, the most first, µs; less than it costs who falls behind."""
    spent = {name: 1e6 * (after[name] - before[name]) / messages for name in after}
    return {name: round(us, 1) for name, us in sorted(spent.items(), key=lambda each: -each[1])}
