"""How do the points get into InfluxDB, whichever version of its interface it speaks?

Points go first, then the positions of their logs, as points too. A position that is lost, or older
than it could be, only means that the same points are written again.
"""

import csv
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from io import StringIO
from typing import Any

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout

from marea.errors import BadInput, Unavailable
from marea.messages.envelope import Log
from services.recorder.config import InfluxConfig
from services.recorder.sink import Batch
from services.recorder.sinks.lines import Point, line
from services.recorder.sinks.points import POSITION, points_of, position_of
from services.recorder.sinks.progress import Progresses, decode

POSITIONS_QUERY = f'SELECT max("end") FROM "{POSITION}" GROUP BY "channel", "log"'  # noqa: S608 # nothing in it is given
ANSWER_S_MAX = 20.0
LINES_PER_REQUEST_MAX = 5_000
TEXT_SHOWN_MAX = 300
TOO_OLD = "beyond retention policy"
"""What a point is refused for that would be let go at once."""
TRIED_AGAIN = (HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
"""Not found: someone has dropped the database, and the next `open` makes it anew."""


class _TooLarge(BadInput):
    """A request has more bytes than are taken at once."""


class InfluxSink:
    """Measurements of the system and of trading, and a mirror of the bars."""

    name = "influx"

    def __init__(self, config: InfluxConfig) -> None:
        self._config = config
        self._url = config.url.rstrip("/")
        self._session: ClientSession | None = None
        self._saved: dict[Log, bytes] = {}
        """How far each log is there by what we know, with what its readers remember."""
        self._progresses = Progresses()

    async def open(self) -> None:
        """Connect; version 1 gets its database."""
        await self.close()
        config = self._config
        headers = {}
        if config.token:
            basic = f"Basic {b64encode(config.token.encode()).decode()}"
            headers["Authorization"] = basic if config.version == 1 else f"Token {config.token}"
        self._session = ClientSession(headers=headers, timeout=ClientTimeout(total=ANSWER_S_MAX))
        if config.version == 1:
            await self._ask("POST", "/query", {"q": f'CREATE DATABASE "{config.database}"'})

    async def positions(self) -> Mapping[Log, int]:
        """How far each log is in the database."""
        ends = await self._ends()
        known = {
            log: body for log, body in self._saved.items() if decode(body).end == ends.get(log)
        }
        self._saved = known
        self._progresses = Progresses(map(decode, known.values()))
        for log, end in ends.items():
            self._progresses.of(log).end = end
        return ends

    async def _ends(self) -> Mapping[Log, int]:
        if self._config.version == 1:
            given = {"q": POSITIONS_QUERY, "db": self._config.database}
            return self._understood(_read_series, await self._ask("GET", "/query", given))
        query = (
            f'from(bucket: "{self._config.bucket}") |> range(start: 0)'
            f' |> filter(fn: (r) => r._measurement == "{POSITION}" and r._field == "end")'
            ' |> group(columns: ["channel", "log"]) |> max()'
        )
        body = msgspec.json.encode({"query": query, "dialect": {"annotations": []}})
        headers = {"Content-Type": "application/json", "Accept": "application/csv"}
        given = {"org": self._config.org}
        text = await self._ask("POST", "/api/v2/query", given, body, headers)
        return self._understood(_read_csv, text)

    def _understood(self, read: Callable[[str], dict[Log, int]], text: str) -> dict[Log, int]:
        try:
            return read(text)
        except (ValueError, LookupError, TypeError, AttributeError) as err:
            raise Unavailable(
                f"InfluxDB at {self._url} gives an answer that is none of its own"
                f" ({text[:TEXT_SHOWN_MAX]!r}): see who answers there"
            ) from err

    async def write(self, batches: Sequence[Batch]) -> int:
        """Write the points of these, then their positions."""
        progresses = self._progresses
        points = [
            point for batch in batches for point in points_of(batch, progresses.of(batch.log))
        ]
        for first in range(0, len(points), LINES_PER_REQUEST_MAX):
            await self._write(points[first : first + LINES_PER_REQUEST_MAX])
        news = progresses.news(batches)
        places = [position_of(batch) for batch in batches if batch.log in news]
        if places:
            await self._write(places)
        self._saved |= news
        return len(points)

    async def close(self) -> None:
        """Disconnect from it."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _write(self, points: Sequence[Point]) -> None:
        # In halves where that is too much for the server, or for what stands before it.
        try:
            await self._post(points)
        except _TooLarge as err:
            middle = len(points) // 2
            if not middle:
                raise BadInput(f"{err}: let it take a request of one point") from err
            await self._write(points[:middle])
            await self._write(points[middle:])

    async def _post(self, points: Sequence[Point]) -> None:
        config = self._config
        body = "\n".join(map(line, points)).encode()
        if config.version == 1:
            await self._ask("POST", "/write", {"db": config.database, "precision": "ns"}, body)
        else:
            given = {"org": config.org, "bucket": config.bucket, "precision": "ns"}
            await self._ask("POST", "/api/v2/write", given, body)

    async def _ask(
        self,
        method: str,
        path: str,
        given: Mapping[str, str],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        session = self._session
        assert session is not None, "it is opened first"
        try:
            async with session.request(
                method, self._url + path, params=given, data=body, headers=headers
            ) as response:
                status, text = response.status, (await response.read()).decode(errors="replace")
        except (ClientError, TimeoutError, OSError) as err:
            raise Unavailable(f"InfluxDB at {self._url}: {err!r}: see that it runs") from err
        self._judge(path, status, text)
        return text

    def _judge(self, path: str, status: int, text: str) -> None:
        if status < HTTPStatus.BAD_REQUEST or TOO_OLD in text:
            return
        told = f"InfluxDB at {self._url}{path} says {status}: {text[:TEXT_SHOWN_MAX]}"
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in TRIED_AGAIN:
            raise Unavailable(told)
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise _TooLarge(told)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise BadInput(f"{told}: give a token that may write there (MAREA_INFLUX_TOKEN)")
        raise BadInput(
            f"{told}: another writes there, or it is another version: see influx.version"
        )


def _read_series(text: str) -> dict[Log, int]:
    found: dict[Log, int] = {}
    answer: dict[str, Any] = msgspec.json.decode(text)
    for result in answer["results"]:
        if "error" in result:
            raise Unavailable(f"InfluxDB can't say how far it is: {result['error']}")
        for series in result.get("series", ()):
            tags = series["tags"]
            (_, end), *_ = series["values"]
            found[Log(tags["channel"], tags["log"])] = int(end)
    return found


def _read_csv(text: str) -> dict[Log, int]:
    rows = csv.DictReader(StringIO(text))
    return {
        Log(row["channel"], row["log"]): int(row["_value"]) for row in rows if row.get("_value")
    }
