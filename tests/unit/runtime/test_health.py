"""The server that answers for a process: what it answers, and where it can't listen."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientConnectorError, ClientSession

from marea.errors import BadInput
from marea.runtime.facts import Health, LoopFacts, health_of
from marea.runtime.health import HealthServer
from marea.runtime.metrics import Metrics

RUNS = LoopFacts(loop="risk/main", phase="runs", role="owner", lag=3, position=40, epoch=7)

Answer = tuple[int, str, str]
Get = Callable[[str], Awaitable[Answer]]


def served(facts: Callable[[], Health], scene: Callable[[Get], Awaitable[None]]) -> int:
    """Play a scene with a server of its own; give the port that it took."""

    async def play() -> int:
        server = HealthServer("127.0.0.1", 0, facts, Metrics("risk", lambda: (RUNS,)).registry)
        await server.start()
        async with ClientSession() as session:

            async def get(path: str) -> Answer:
                async with session.get(f"http://127.0.0.1:{server.port}{path}") as answer:
                    return answer.status, answer.content_type, await answer.text()

            await scene(get)
            await server.stop()
            with pytest.raises(ClientConnectorError):
                await get("/health")
        return server.port

    return asyncio.run(play())


def test_process_that_is_well_answers_200_with_its_loops() -> None:
    async def scene(get: Get) -> None:
        status, kind, body = await get("/health")
        assert (status, kind) == (200, "application/json")
        said = json.loads(body)
        loops = said.pop("loops")
        assert said == {
            "service": "risk",
            "instance": "a",
            "live": True,
            "ready": True,
            "why": [],
        }
        assert [(each["loop"], each["role"], each["lag"]) for each in loops] == [
            ("risk/main", "owner", 3)
        ]

    assert served(lambda: health_of("risk", "a", (RUNS,)), scene) > 0


def test_process_that_is_not_answers_503_with_the_reasons() -> None:
    told = [health_of("risk", "a", (RUNS,), waits_for=("it drains",))]

    async def scene(get: Get) -> None:
        status, _, body = await get("/health")
        assert (status, json.loads(body)["why"]) == (503, ["it drains"])
        told[0] = health_of("risk", "a", (RUNS,), ends_because="it stands still")
        status, _, body = await get("/health")
        assert (status, json.loads(body)["live"]) == (503, False)

    served(lambda: told[0], scene)


def test_figures_are_a_text_for_prometheus() -> None:
    async def scene(get: Get) -> None:
        status, kind, body = await get("/metrics")
        assert (status, kind) == (200, "text/plain")
        assert 'marea_lag_records{loop="risk/main",service="risk"} 3.0' in body

    served(lambda: health_of("risk", "a", ()), scene)


def test_nothing_else_is_answered() -> None:
    async def scene(get: Get) -> None:
        assert (await get("/"))[0] == 404

    served(lambda: health_of("risk", "a", ()), scene)


def test_port_that_is_taken_is_named_with_its_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        registry = Metrics("risk", tuple).registry
        server = HealthServer("127.0.0.1", port, lambda: health_of("risk", "a", ()), registry)
        with pytest.raises(
            BadInput,
            match=rf"127\.0\.0\.1:{port} can't be listened on \(.*address already in use.*\): "
            r"end who does, or give another port \(--port, http\.ports; 0 for any\)",
        ):
            asyncio.run(server.start())


def test_address_that_is_not_ours_is_refused() -> None:
    registry = Metrics("risk", tuple).registry
    server = HealthServer("192.0.2.1", 0, lambda: health_of("risk", "a", ()), registry)
    with pytest.raises(BadInput, match=r"192\.0\.2\.1:0 can't be listened on \(.*http\.host"):
        asyncio.run(server.start())
