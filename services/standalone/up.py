"""Every service as a process of its own: checked for, begun, shown while they run, drained."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from marea.errors import BadInput, Unavailable
from marea.runtime.processes import SERVICES, ProcessSettings, load_process_settings
from marea.runtime.settings import find_config_dir
from services.standalone.board import Board, Row
from services.standalone.fleet import Fleet, asked_at, is_free
from services.standalone.outside import check_packages, check_servers, servers_of
from services.standalone.runs import runs_dir
from services.standalone.vitals import Place, of_all, vitals_at

LOOK_EVERY_S = 1.0
ENDED_AS_TOLD = (0, -signal.SIGTERM)
"""Drained, or told to end before it had begun."""
INSTANCES = "abcdefghi"
"""The names of a service's instances, as many as there may be."""
PORTS_APART = 10
"""Between two instances of a service, as services have theirs side by side: 8104, 8114, …"""

Show = Callable[[Sequence[Row]], None]


class Wish(Struct, frozen=True, kw_only=True):
    """What a person asked for."""

    services: tuple[str, ...] = SERVICES
    config: Path | None = None
    run_s: float | None = None
    """End after so long; None: when told to."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of it: what `marea up --json` prints."""

    ok: bool
    """Whether none had to be left alone, and all drained."""
    services: list[Row]
    """As they were last seen before they were to drain."""
    exits: dict[str, int]
    """How each ended; a signal as a negative number."""
    logs: str


def read_services(text: str) -> tuple[str, ...]:
    """The services of a list with commas, in flow order. Raises `BadInput` for what is none."""
    named = text.split(",")
    if unknown := [name for name in named if name not in SERVICES]:
        raise BadInput(
            f"--services: '{unknown[0]}' is no service: give some of {','.join(SERVICES)}"
        )
    return tuple(service for service in SERVICES if service in named)


async def up(wish: Wish, environment: Mapping[str, str], show: Show) -> Outcome:
    """Start services, show them each second, start again what ends, have them drain in the end.

    Raises `BadInput` for settings that can't be used and ports that are taken; `Unavailable` where a
    package is not installed, or a server is away.
    """
    settings = load_process_settings(find_config_dir(wish.config, environment), environment)
    places = places_of(settings, wish.services)
    await _check(settings, places)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    folder = runs_dir(environment) / "up" / stamp
    with Fleet(environment, wish.config, folder, settings.http.ports) as fleet:
        ending = _told_to_end(fleet.kill)
        for place in places:
            fleet.start(place.service, place.instance, place.port)
        rows = await _run(fleet, show, ending, wish.run_s)
        exits = await asyncio.to_thread(fleet.stop)
    return Outcome(
        ok=all(code in ENDED_AS_TOLD for code in exits.values()),
        services=rows,
        exits={"-".join(key): code for key, code in exits.items()},
        logs=str(folder),
    )


async def look(wish: Wish, environment: Mapping[str, str]) -> list[Row]:
    """How services do that run already. Raises `BadInput`; `Unavailable` where none answers."""
    places, board = _places_to_watch(wish, environment), Board()
    _seen(places, board)
    await asyncio.sleep(
        LOOK_EVERY_S
    )  # by what they read meanwhile, the second look knows their rates
    return _seen(places, board)


async def watch(wish: Wish, environment: Mapping[str, str], show: Show) -> None:
    """Show services that run already, until told to end. Raises as `look`."""
    places, board = _places_to_watch(wish, environment), Board()
    ending = _told_to_end(lambda: None)
    async for rows in _each_second(lambda: _seen(places, board), ending, wish.run_s):
        show(rows)


def places_of(settings: ProcessSettings, services: Sequence[str]) -> list[Place]:
    """Where the instances of these services answer, by the settings; at port 0, any free one."""
    host = asked_at(settings.http.host)
    return [
        Place(service, INSTANCES[number], host, port + number * PORTS_APART if port else 0)
        for service in services
        for port in (settings.http.ports[service],)
        for number in range(settings.instances[service])
    ]


async def _check(settings: ProcessSettings, places: Sequence[Place]) -> None:
    taken: dict[int, str] = {}
    for place in places:
        if place.port and place.port in taken:
            raise BadInput(
                f"{place.host}:{place.port} is that of {taken[place.port]} and of {place.name}: give"
                f" each its own (http.ports; instances are {PORTS_APART} apart)"
            )
        taken[place.port] = place.name
        if place.port and not is_free(place.host, place.port):
            raise BadInput(
                f"{place.host}:{place.port}, where {place.name} should answer, is taken: see `marea"
                " up --watch` whether it runs already; else give another port (http.ports)"
            )
    check_packages()
    check_servers(servers_of(settings, {place.service for place in places}))
    from marea.bus.kafka.topics import create_topics  # noqa: PLC0415 # of packages just looked for

    kafka = settings.kafka
    await create_topics(kafka.servers, kafka.prefix, kafka.replication)


async def _run(fleet: Fleet, show: Show, ending: asyncio.Event, run_s: float | None) -> list[Row]:
    board, rows = Board(), list[Row]()
    async for rows in _each_second(lambda: _rows(fleet, board), ending, run_s):
        show(rows)
        fleet.keep_up()
        if all(row.state == "left alone" for row in rows):
            break
    return rows


def _rows(fleet: Fleet, board: Board) -> list[Row]:
    children = list(fleet.children.values())
    said = of_all(vitals_at, [child.start.place for child in children])
    now_s = time.monotonic()
    pairs = zip(children, said, strict=True)
    return [board.row(child.start.place, vitals, now_s, child) for child, vitals in pairs]


def _seen(places: Sequence[Place], board: Board) -> list[Row]:
    said = of_all(vitals_at, places)
    now_s = time.monotonic()
    if not any(vitals.health for vitals in said):
        where = ", ".join(f"{place.host}:{place.port}" for place in places)
        raise Unavailable(f"no service answers at {where}: start them with `marea up`")
    return [board.row(place, vitals, now_s) for place, vitals in zip(places, said, strict=True)]


def _places_to_watch(wish: Wish, environment: Mapping[str, str]) -> list[Place]:
    settings = load_process_settings(find_config_dir(wish.config, environment), environment)
    places = places_of(settings, wish.services)
    for place in places:
        if not place.port:
            raise BadInput(
                f"http.ports.{place.service} is 0: who watches it must know its port, set it"
            )
    return places


async def _each_second(
    look: Callable[[], list[Row]], ending: asyncio.Event, run_s: float | None
) -> AsyncIterator[list[Row]]:
    until_s = time.monotonic() + run_s if run_s is not None else float("inf")
    while not ending.is_set() and time.monotonic() < until_s:
        yield await asyncio.to_thread(look)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(LOOK_EVERY_S, until_s - time.monotonic())):
                await ending.wait()


def _told_to_end(at_once: Callable[[], None]) -> asyncio.Event:
    # The event is set by Ctrl-C or SIGTERM; whoever says it twice wants it at once.
    ending = asyncio.Event()

    def told() -> None:
        if ending.is_set():
            at_once()
        ending.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, told)
    return ending
