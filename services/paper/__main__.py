"""`python -m services.paper`: a venue with virtual money, in a process of its own."""

import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

from marea.runtime.footing import Footing, Ground
from marea.runtime.group import AnyLoop, Group, Member
from marea.runtime.opening import opening_balances
from marea.runtime.process import run
from marea.runtime.shard import instruments_of
from services.paper.core import SERVICE
from services.paper.main import paper_config, paper_loop
from services.paper.shell.desk import Desk
from services.paper.shell.merge import Merge
from services.paper.shell.server import Server
from services.paper.shell.venue import PaperVenue


async def wire(ground: Ground, _: AsyncExitStack) -> Sequence[Group]:
    """The account's loop, and the desk where requests wait for it."""
    config, instruments = paper_config(ground.settings), sorted(instruments_of(ground.own))
    desk = Desk(opening_balances(ground.settings))
    Server(desk, config.account).add_to(ground.web)

    def make(footing: Footing) -> AnyLoop:
        ports = footing.ports()
        merge = Merge(ports.bus, ports.snapshots, config.account, instruments, waits_for_all=True)
        loop = paper_loop(config, merge, ports, ground.build, ground.snapshot_every_ns)
        now = ground.venue_time.now
        venue = PaperVenue(loop, merge, ports.bus, config.account, now)
        desk.serve(loop, venue, merge)
        return loop

    member = Member(make=make, wake=desk.wake, between=desk.answer_all)
    return [Group(ground, [member], is_hurried=False)]


if __name__ == "__main__":
    sys.exit(run(SERVICE, wire))
