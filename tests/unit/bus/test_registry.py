"""What is said where a schema registry is away, fails, or holds something else."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from marea.bus.registry import Registry, open_registry
from marea.errors import BadInput, Unavailable
from marea.messages.framing import Framing

TIMEOUT_S = 60.0

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def ask(answer: Answer, timeout_s: float = TIMEOUT_S) -> int:
    """Open a registry that answers so, and ask it ten times for an id; how often was it asked?"""
    asked = 0

    async def counted(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal asked
        asked += request.method == "GET"
        return await answer(request)

    async def scenario() -> None:
        runner = web.ServerRunner(web.Server(counted), shutdown_timeout=0.05)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            host, port = runner.addresses[0][:2]
            registry = await open_registry(f"http://{host}:{port}/", timeout_s, Framing())
            await meet(registry)
        finally:
            await runner.cleanup()

    asyncio.run(scenario())
    return asked


async def meet(registry: Registry) -> None:
    try:
        await registry.meet([b"\0\0\0\0\x05"] * 10)
    finally:
        await registry.close()


def test_registry_that_is_not_there_is_unavailable() -> None:
    address = r"^schema registry http://127\.0\.0\.1:9: ClientConnector.*: see to it, or empty kafk"
    with pytest.raises(Unavailable, match=address):
        asyncio.run(open_registry("http://127.0.0.1:9", TIMEOUT_S, Framing()))


def test_registry_that_fails_is_unavailable() -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"message": "no storage"}, status=503)

    with pytest.raises(
        Unavailable, match=r"registry http.*: 503: .*no storage.*: see to it, or em"
    ):
        ask(answer)


def test_registry_that_says_nothing_is_unavailable() -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(TIMEOUT_S)
        return web.Response()

    with pytest.raises(Unavailable, match=r"registry http.*: TimeoutError\(\): see to it"):
        ask(answer, timeout_s=0.2)


def test_page_that_is_no_registry_is_unavailable() -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="<html>")

    with pytest.raises(Unavailable, match=r"registry http.*JSONDecodeError.*: see to it"):
        ask(answer)


def test_registry_that_holds_something_else_by_a_name_of_ours_is_refused() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST":
            refused = 409 if request.path.endswith("/versions") else 404
            return web.json_response({"message": "Incompatible artifact"}, status=refused)
        return web.json_response({"compatibility": "FULL"})

    with pytest.raises(
        BadInput, match=r"refuses version 1 of marea\..*: Incompatible artifact: wha"
    ):
        ask(answer)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (404, {"error_code": 40403}),
        (200, {"schema": "{"}),
        (200, {"schema": '"string"'}),
        (200, []),
    ],
)
def test_id_that_stands_for_no_record_is_asked_for_once(status: int, content: object) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response(content, status=status)
        return web.json_response({"id": 7})

    assert ask(answer) == 1
