"""`python -m services.features`: the features of a shard's instruments, in a process of its own."""

import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

from marea.messages.envelope import Log
from marea.runtime.footing import Footing, Ground
from marea.runtime.group import AnyLoop, Group, Member
from marea.runtime.process import run
from marea.runtime.shard import instruments_of
from services.features.core import SERVICE
from services.features.main import features_config, features_loop


async def wire(ground: Ground, _: AsyncExitStack) -> Sequence[Group]:
    """A loop for each instrument, on one bus."""
    config = features_config(ground.settings, ground.own.shard.name)

    def member(instrument: str) -> Member:
        def make(footing: Footing) -> AnyLoop:
            ports = footing.ports(Log("market", instrument))
            return features_loop(config, instrument, ports, ground.build, ground.snapshot_every_ns)

        return Member(make=make)

    members = [member(each) for each in instruments_of(ground.own)]
    return [Group(ground, members, is_hurried=True)]


if __name__ == "__main__":
    sys.exit(run(SERVICE, wire))
