"""How ingestion is wired: one loop for each feed of a venue."""

from functools import cache

import msgspec

from marea.errors import Broken
from marea.messages.channels import load_channels
from marea.messages.envelope import Log, Message
from marea.messages.market import MarketMessage
from marea.messages.system import Clock, ClockOffset
from marea.runtime.core import Core, replace_config
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings
from marea.runtime.wiring import Ports, Wiring
from marea.venues.feed import FeedPlan
from services.ingestion.config import IngestionConfig
from services.ingestion.core import IngestionState, apply, decide

SERVICE = "ingestion"


def ingestion_config(settings: Settings) -> IngestionConfig:
    """What the settings say of incoming data."""
    return IngestionConfig(
        jump_pct_max=settings.quality.jump_pct_max,
        stale_ns_max=settings.quality.stale_s_max * 1_000_000_000,
        skew_ns_max=settings.quality.skew_ms_max * 1_000_000,
    )


def ingestion_loop(
    config: IngestionConfig, plan: FeedPlan, ports: Ports, build: str, snapshot_every_ns: int
) -> Loop[IngestionState]:
    """The loop that judges what one feed brings."""
    streams = {each.id: Log("market", each.id) for each in plan.instruments}
    of_venue = {channel: Log(channel, plan.venue) for channel in ("quality", "dead-letters")}
    channels = load_channels()

    @cache
    def channel_of(kind: type[Message]) -> str:
        return channels.channel_of(kind.__name__, ("market", *of_venue))

    def route(message: Message) -> Log:
        channel = channel_of(type(message))
        if channel != "market":
            return of_venue[channel]
        if isinstance(message, MarketMessage):
            return streams[message.instrument]
        if isinstance(message, Clock | ClockOffset):
            return streams[message.stream]
        raise Broken(f"{type(message).__name__} names no stream of the market")

    core = Core(
        service=SERVICE,
        state_type=IngestionState,
        config_type=IngestionConfig,
        initial=lambda: IngestionState(config=config),
        decide=decide,
        apply=apply,
        configure=replace_config,
    )
    wiring = Wiring(
        name=f"{SERVICE}/{plan.venue}",
        input_log=plan.log,
        outputs={
            log: f"{SERVICE}/{log.partition}" for log in (*streams.values(), *of_venue.values())
        },
        route=route,
        build=build,
        config=msgspec.json.encode(config, order="sorted").decode(),
        snapshot_every_ns=snapshot_every_ns,
    )
    return Loop(core, wiring, ports)
