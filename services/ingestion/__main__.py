"""`python -m services.ingestion`: what a venue's market says, in a process of its own."""

import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from marea.messages.envelope import Record
from marea.messages.market import RequestSnapshot
from marea.runtime.footing import Footing, Ground
from marea.runtime.group import AnyLoop, Group, Member
from marea.runtime.process import run
from marea.runtime.processes import MarketSettings
from marea.runtime.settings import Settings, list_instruments
from services.ingestion.main import SERVICE, ingestion_config, ingestion_loop
from services.ingestion.shell.markets import DrawnMarket, Market, TapeMarket
from services.ingestion.shell.pacing import Played


def open_market(given: MarketSettings, settings: Settings) -> Market:
    """The market that is to be played. Raises `BadInput` for a tape that can't be read."""
    if given.source == "tape":
        return TapeMarket(given.tape, list_instruments(settings))
    return DrawnMarket(given.seed, given.minutes, activity=given.activity)


async def wire(ground: Ground, _: AsyncExitStack) -> Sequence[Group]:
    """One loop for the venue's feed."""
    config = ingestion_config(ground.settings)
    playing: list[Played] = []

    def make(footing: Footing) -> AnyLoop:
        market = open_market(ground.own.market, ground.settings)

        async def request(record: Record) -> tuple[()]:
            market.request_snapshot(record)
            return ()

        ports = footing.ports()
        played = Played(market, ground.venue_time, ports.bus, ports.snapshots, footing.waiting)
        playing[:] = [played]
        ports = replace(ports, source=played, snapshots=played, effects={RequestSnapshot: request})
        return ingestion_loop(config, market.plan, ports, ground.build, ground.snapshot_every_ns)

    member = Member(make=make, due_s=lambda: playing[0].due_s)
    return [Group(ground, [member], is_hurried=True)]


if __name__ == "__main__":
    sys.exit(run(SERVICE, wire))
