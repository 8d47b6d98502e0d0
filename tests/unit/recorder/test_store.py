"""An S3 server that knows no conditions is written to without them; others are asked for them."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from marea.errors import Unavailable
from services.recorder.config import ObjectsConfig
from services.recorder.sinks.store import Objects, open_store

CONDITIONS = ("If-Match", "If-None-Match")


class S3:
    """The part of an S3 server that takes objects."""

    def __init__(self, status: int) -> None:
        self.status = status
        """Of its answer to a condition; 0: it takes no notice of it."""
        self.kept: dict[str, bytes] = {}
        self.conditions: list[str] = []

    async def put(self, request: web.Request) -> web.Response:
        asked = [name for name in CONDITIONS if name in request.headers]
        self.conditions += asked
        body = await request.read()
        if asked and self.status:
            return web.Response(status=self.status, text="<Error/>")
        self.kept[request.path] = body
        return web.Response(headers={"ETag": f'"{len(self.kept)}"'})


def serving(status: int, act: Callable[[Objects], Awaitable[None]]) -> S3:
    server = S3(status)

    async def run() -> None:
        app = web.Application()
        app.router.add_put("/{path:.*}", server.put)
        async with TestServer(app) as running:
            config = ObjectsConfig(
                url="s3://bucket/folder",
                endpoint=str(running.make_url("")).rstrip("/"),
                region="us-east-1",
                key="key",
                secret="secret",  # noqa: S106 # of no real server
            )
            await act(Objects(open_store(config)))

    asyncio.run(run())
    return server


def test_store_is_asked_to_put_nothing_over_another() -> None:
    async def act(objects: Objects) -> None:
        assert await objects.create("a", b"1")
        assert await objects.replace("m", b"1", None) == '"2"'
        assert await objects.replace("m", b"2", '"2"') == '"2"'
        await objects.put("day", b"3")

    server = serving(0, act)
    assert server.conditions == ["If-None-Match", "If-None-Match", "If-Match"]
    assert server.kept["/bucket/folder/m"] == b"2"


def test_store_that_knows_no_conditions_is_written_to_without() -> None:
    async def act(objects: Objects) -> None:
        assert await objects.create("a", b"1")
        await objects.replace("m", b"1", '"x"')

    server = serving(501, act)
    assert server.kept == {"/bucket/folder/a": b"1", "/bucket/folder/m": b"1"}


def test_version_that_is_not_the_one_that_was_read_is_left_as_it_is() -> None:
    async def act(objects: Objects) -> None:
        assert not await objects.create("a", b"1")
        with pytest.raises(Unavailable, match=r"writing m: another recorder has written it"):
            await objects.replace("m", b"1", '"x"')

    assert serving(412, act).kept == {}


def test_answer_that_says_nothing_is_tried_again_later() -> None:
    async def act(objects: Objects) -> None:
        with pytest.raises(
            Unavailable, match=r"writing a: .* see to the store, and that the bucket"
        ):
            await objects.create("a", b"1")

    assert serving(507, act).kept == {}


ASKING = """
import asyncio
from contextlib import suppress

from marea.errors import Unavailable
from services.recorder.config import ObjectsConfig
from services.recorder.sinks.store import Objects, open_store

async def ask():
    config = ObjectsConfig(
        url="s3://b", endpoint="http://127.0.0.1:1", region="x", key="key", secret="secret"
    )
    objects = Objects(open_store(config))
    for _ in range(3):
        with suppress(Unavailable):
            await objects.get("a")

asyncio.run(ask())
"""


def test_process_that_asked_a_store_ends_as_it_should() -> None:
    # Where it may not, it is aborted in one of three.
    with ExitStack() as stack:
        asking = [
            stack.enter_context(subprocess.Popen([sys.executable, "-c", ASKING])) for _ in range(6)
        ]
        assert [process.wait(120) for process in asking] == [0] * 6
