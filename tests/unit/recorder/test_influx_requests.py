"""What InfluxDB is asked, by each version of its interface, and what its answers mean."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from marea.errors import BadInput, Unavailable
from marea.testing.raw import RawView
from services.recorder.config import InfluxConfig
from services.recorder.sink import Batch, Kept
from services.recorder.sinks.influx import InfluxSink
from tests.unit.recorder.story import FEATURES, story

Asked = tuple[str, str, Mapping[str, str], Mapping[str, str], str]


class Answering:
    """A server that keeps what it is asked, and answers as it is told."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.taken: list[Asked] = []
        """Those that were no longer than they may be."""
        self.bytes_max = 1_000_000
        self.answers: dict[str, tuple[int, str]] = {}

    async def answer(self, request: web.Request) -> web.Response:
        text = await request.text()
        asked = request.method, request.path, dict(request.query), dict(request.headers), text
        self.asked.append(asked)
        if len(text) > self.bytes_max:
            return web.Response(status=413, text="Request Entity Too Large")
        self.taken.append(asked)
        status, told = self.answers.get(request.path, (204, ""))
        return web.Response(status=status, text=told)


V2 = InfluxConfig(url="", version=2, org="our org", bucket="marea", token="secret")  # noqa: S106 # of no real server
V1 = InfluxConfig(url="", version=1, database="marea", token="me:word:2")  # noqa: S106 # of no real server
CSV = (
    ",result,table,channel,log,_value\r\n"
    ",_result,0,features,main,11\r\n"
    ",_result,1,market,BTC-USDT.SIM,7\r\n\r\n"
)


def asking(
    config: InfluxConfig, act: Callable[[InfluxSink, Answering], Awaitable[None]]
) -> Answering:
    server = Answering()

    async def run() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server.answer)
        async with TestServer(app) as running:
            given = InfluxConfig(
                url=str(running.make_url("/")),
                version=config.version,
                database=config.database,
                org=config.org,
                bucket=config.bucket,
                token=config.token,
            )
            sink = InfluxSink(given)
            try:
                await act(sink, server)
            finally:
                await sink.close()

    asyncio.run(run())
    return server


async def bars() -> Batch:
    raws = await RawView(await story()).read_raw(FEATURES, 0, 2)
    return Batch(FEATURES, [Kept(FEATURES, raw) for raw in raws])


LINE = (
    "market.bars,instrument=BTC-USDT.SIM,interval_s=1 open=60000.0,high=60000.1,low=59999.9,"
    'close=60000.01,volume=0.01,trade_count=3i,status="complete" 1723161600000000000'
)


def test_version_2_takes_bucket_organisation_and_token() -> None:
    async def act(sink: InfluxSink, server: Answering) -> None:
        server.answers["/api/v2/query"] = (200, CSV)
        await sink.open()
        assert {str(log): end for log, end in (await sink.positions()).items()} == {
            "features/main": 11,
            "market/BTC-USDT.SIM": 7,
        }
        server.answers["/api/v2/query"] = (200, "\r\n")
        assert await sink.positions() == {}
        assert await sink.write([await bars()]) == 3

    query, _, points, position = asking(V2, act).asked
    assert query[:3] == ("POST", "/api/v2/query", {"org": "our org"})
    assert 'from(bucket: \\"marea\\")' in query[4]
    assert query[3]["Authorization"] == points[3]["Authorization"] == "Token secret"
    written = {"org": "our org", "bucket": "marea", "precision": "ns"}
    assert points[:3] == position[:3] == ("POST", "/api/v2/write", written)
    assert points[4].splitlines()[0] == LINE
    day = 1_723_161_600_000_000_000
    assert position[4] == f"recorder.position,channel=features,log=main end=2i {day}"


def test_version_1_takes_a_database_and_a_password() -> None:
    async def act(sink: InfluxSink, server: Answering) -> None:
        server.answers["/query"] = (200, '{"results":[{"statement_id":0}]}')
        await sink.open()
        assert await sink.positions() == {}
        await sink.write([await bars()])

    made, query, points, position = asking(V1, act).asked
    assert made[:3] == ("POST", "/query", {"q": 'CREATE DATABASE "marea"'})
    assert query[2]["db"] == "marea"
    assert points[:3] == position[:3] == ("POST", "/write", {"db": "marea", "precision": "ns"})
    assert points[3]["Authorization"] == "Basic bWU6d29yZDoy"


@pytest.mark.parametrize(
    ("status", "told", "error", "text"),
    [
        (500, "no space left on device", Unavailable, "says 500: no space left"),
        (429, "slow down", Unavailable, "says 429: slow down"),
        (404, "database not found", Unavailable, "says 404: database not found"),
        (
            401,
            "unauthorized",
            BadInput,
            r"says 401: unauthorized: give a token that may write there .MAREA_INFLUX_TOKEN",
        ),
        (400, "field type conflict", BadInput, r"says 400: field type conflict: another writes"),
    ],
)
def test_refusal_says_whether_it_is_worth_another_try(
    status: int, told: str, error: type[Exception], text: str
) -> None:
    async def act(sink: InfluxSink, server: Answering) -> None:
        server.answers["/api/v2/write"] = (status, told)
        await sink.open()
        with pytest.raises(error, match=text):
            await sink.write([await bars()])

    asking(V2, act)


def test_points_that_are_too_old_to_be_kept_are_no_failure() -> None:
    async def act(sink: InfluxSink, server: Answering) -> None:
        told = '{"error":"partial write: points beyond retention policy dropped=3"}'
        server.answers["/api/v2/write"] = (400, told)
        await sink.open()
        assert await sink.write([await bars()]) == 3

    asking(V2, act)


def test_points_that_are_too_much_at_once_are_written_in_halves() -> None:
    async def act(sink: InfluxSink, server: Answering) -> None:
        server.bytes_max = len(LINE) + 40
        await sink.open()
        assert await sink.write([await bars()]) == 3

    taken = [text for *_, text in asking(V2, act).taken]
    assert [len(text.splitlines()) for text in taken] == [1, 1, 1, 1]
    assert taken[0] == LINE


def test_point_that_is_too_much_alone_is_told_with_its_remedy() -> None:
    async def act(sink: InfluxSink, server: Answering) -> None:
        server.bytes_max = 10
        await sink.open()
        with pytest.raises(BadInput, match=r"says 413: .*let it take a request of one point"):
            await sink.write([await bars()])

    asking(V2, act)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (V1, "<html>"),
        (V1, "{}"),
        (V1, '{"results":3}'),
        (V1, '{"results":["x"]}'),
        (V1, '{"results":[{"series":[{"tags":{"channel":"a","log":"b"},"values":[[0,"x"]]}]}]}'),
        (V2, ",result,table,channel,log,_value\r\n,_result,0,features,main,x\r\n"),
        (V2, "_value\r\n3\r\n"),
    ],
)
def test_answer_that_nobody_understands_is_unavailable(config: InfluxConfig, text: str) -> None:
    async def act(sink: InfluxSink, server: Answering) -> None:
        await sink.open()
        server.answers |= {"/query": (200, text), "/api/v2/query": (200, text)}
        with pytest.raises(
            Unavailable, match=r"an answer that is none of its own .*see who answers"
        ):
            await sink.positions()

    asking(config, act)


def test_question_that_can_not_be_answered_is_asked_again() -> None:
    async def act(sink: InfluxSink, server: Answering) -> None:
        server.answers["/query"] = (200, '{"results":[{"error":"timeout"}]}')
        await sink.open()
        with pytest.raises(Unavailable, match="can't say how far it is: timeout"):
            await sink.positions()

    asking(V1, act)


def test_server_that_is_away_is_unavailable() -> None:
    async def run() -> None:
        sink = InfluxSink(InfluxConfig(url="http://127.0.0.1:1", version=1, database="marea"))
        with pytest.raises(
            Unavailable, match=r"InfluxDB at http://127.0.0.1:1: .* see that it runs"
        ):
            await sink.open()
        await sink.close()

    asyncio.run(run())
