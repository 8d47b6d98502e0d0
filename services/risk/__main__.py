"""`python -m services.risk`: what a portfolio may do, and its marks, in a process of its own."""

import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from marea.domain.instrument import venue_of
from marea.messages.envelope import Log
from marea.runtime.footing import Footing, Ground
from marea.runtime.group import AnyLoop, Group, Member
from marea.runtime.opening import opening
from marea.runtime.process import run
from marea.runtime.shard import instruments_of
from marea.runtime.venue_time import Heard
from services.risk.core import SERVICE
from services.risk.main import marks_loop, risk_config, risk_loop
from services.risk.shell.outside import arrivals_of


async def wire(ground: Ground, _: AsyncExitStack) -> Sequence[Group]:
    """Risk itself, which waits for the record at each step, and the marks, which are in a hurry."""
    config, every_ns = risk_config(ground.settings), ground.snapshot_every_ns
    instruments = instruments_of(ground.own)
    opened = opening(ground.settings, venue_of(instruments[0]))

    def risk(footing: Footing) -> AnyLoop:
        arrivals = arrivals_of(opened, ())
        ports = replace(footing.ports(), venue_time=ground.venue_time.now, arrivals=arrivals)
        return risk_loop(config, ports, ground.build, every_ns)

    def marks(instrument: str) -> Member:
        def make(footing: Footing) -> AnyLoop:
            ports = footing.ports(Log("market", instrument))
            heard = replace(ports, source=Heard(ports.source, ground.venue_time))
            return marks_loop(config.portfolio, instrument, heard, ground.build, every_ns)

        return Member(make=make)

    return [
        Group(ground, [Member(make=risk)], is_hurried=False),
        Group(ground, [marks(each) for each in instruments], is_hurried=True),
    ]


if __name__ == "__main__":
    sys.exit(run(SERVICE, wire))
