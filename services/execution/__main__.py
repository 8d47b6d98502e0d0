"""`python -m services.execution`: the orders of a portfolio, in a process of its own."""

import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from marea.messages.market import Price
from marea.runtime.footing import Footing, Ground
from marea.runtime.group import AnyLoop, Group, Member
from marea.runtime.loop import Loop
from marea.runtime.process import run
from marea.runtime.venue_time import Heard
from marea.venues.paper.orders import PaperOrders
from services.execution.core import SERVICE, ExecutionState
from services.execution.main import execution_config, execution_loop
from services.execution.shell.venue import Shell, arrivals_of, effects_of


async def wire(ground: Ground, stack: AsyncExitStack) -> Sequence[Group]:
    """The loop that carries out what risk approves, and the way to its venue."""
    config = execution_config(ground.settings)
    producer = f"{SERVICE}/{config.portfolio}"
    venue = await stack.enter_async_context(PaperOrders(ground.own.paper_url, producer))

    def make(footing: Footing) -> AnyLoop:
        ports = footing.ports()
        made: list[Loop[ExecutionState]] = []

        def top(instrument: str) -> tuple[Price, Price]:
            mark = made[0].state.marks.get(instrument)
            return (mark.bid_price, mark.ask_price) if mark is not None else (0, 0)

        shell = Shell(
            config=config,
            venue=venue,
            flush=ports.bus.flush,
            venue_time=ground.venue_time.now,
            top=top,
        )
        ports = replace(
            ports,
            source=Heard(ports.source, ground.venue_time),
            venue_time=ground.venue_time.now,
            effects=effects_of(shell),
            arrivals=arrivals_of(venue),
        )
        made.append(execution_loop(config, ports, ground.build, ground.snapshot_every_ns))
        return made[0]

    return [Group(ground, [Member(make=make, wake=venue.wake)], is_hurried=False)]


if __name__ == "__main__":
    sys.exit(run(SERVICE, wire))
