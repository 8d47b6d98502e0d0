"""`python -m services.signals`: what everybody thinks of a shard, in a process of its own."""

import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

from marea.messages.envelope import Log
from marea.runtime.footing import Footing, Ground
from marea.runtime.group import AnyLoop, Group, Member
from marea.runtime.process import run
from services.signals.core import SERVICE
from services.signals.main import signals_config, signals_loop


async def wire(ground: Ground, _: AsyncExitStack) -> Sequence[Group]:
    """One loop for the shard."""
    settings, shard = ground.settings, ground.own.shard.name
    config = signals_config(settings, shard)

    def make(footing: Footing) -> AnyLoop:
        ports = footing.ports(Log("features", shard))
        portfolio = settings.portfolio.name
        return signals_loop(config, portfolio, ports, ground.build, ground.snapshot_every_ns)

    return [Group(ground, [Member(make=make)], is_hurried=True)]


if __name__ == "__main__":
    sys.exit(run(SERVICE, wire))
