"""Ids of a real registry: schemas are registered there, and frames are read by what it tells."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from marea.bus.registry import Registry, open_registry
from marea.messages.avro import encode_avro, schema_of
from marea.messages.errors import BadMessage
from marea.messages.framing import Framing, frame, id_in
from marea.messages.market import Trade
from marea.messages.types import TYPES
from marea.testing.examples import EXAMPLES, example, record_of

TIMEOUT_S = 30.0
TRADE = record_of(example(Trade))
RECORDS = [record_of(message) for message in EXAMPLES.values()]


async def ask(url: str, body: object = None) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.request("POST" if body else "GET", url, json=body) as response,
    ):
        assert response.status == 200, await response.text()
        return await response.json(content_type=None)


@asynccontextmanager
async def opened(url: str, known: Framing) -> AsyncIterator[Registry]:
    registry = await open_registry(url, TIMEOUT_S, known)
    try:
        yield registry
    finally:
        await registry.close()


def test_schemas_are_registered_by_the_names_of_their_records(apicurio: str) -> None:
    async def scenario() -> None:
        known = Framing()
        async with opened(apicurio, known):
            assert {f"marea.{kind}" for kind in TYPES} <= set(await ask(f"{apicurio}/subjects"))
        answer = await ask(f"{apicurio}/schemas/ids/{id_in(known.frame(TRADE))}")
        assert json.loads(answer["schema"]) == schema_of("Trade")
        config = await ask(f"{apicurio}/config/marea.Trade")
        assert config["compatibilityLevel"] == "FULL_TRANSITIVE"

    asyncio.run(scenario())


def test_records_are_framed_by_the_ids_of_the_registry(apicurio: str) -> None:
    async def scenario() -> None:
        known = Framing()
        async with opened(apicurio, known):
            pass
        frames = [known.frame(record) for record in RECORDS]
        assert [known.unframe(data) for data in frames] == RECORDS
        assert [data[5:] for data in frames] == [encode_avro(record) for record in RECORDS]
        assert frame(TRADE) not in frames
        assert known.unframe(frame(TRADE)) == TRADE  # written before there was a registry

    asyncio.run(scenario())


def test_schemas_that_are_there_keep_their_ids(apicurio: str) -> None:
    async def scenario() -> None:
        first, second = Framing(), Framing()
        async with opened(apicurio, first), opened(apicurio, second):
            pass
        for record in RECORDS:
            assert first.frame(record) == second.frame(record)

    asyncio.run(scenario())


def test_record_of_a_later_version_is_read_by_what_the_registry_tells(apicurio: str) -> None:
    async def scenario() -> None:
        known = Framing()
        async with opened(apicurio, known) as registry:
            body = {"schema": json.dumps(grown())}
            number = (await ask(f"{apicurio}/subjects/marea.Trade/versions", body))["id"]
            later = b"\0" + number.to_bytes(4) + encode_avro(TRADE) + b"\x0across"
            with pytest.raises(BadMessage, match=rf"^schema id is {number}: no schema that is kno"):
                known.unframe(later)
            await registry.meet([frame(TRADE), later, None, b"{}", b""])
        assert known.unframe(later) == TRADE

    asyncio.run(scenario())


def test_id_that_stands_for_nothing_or_for_no_record_is_refused(apicurio: str) -> None:
    async def scenario() -> None:
        known = Framing()
        body = {"schema": '"string"'}
        text = (await ask(f"{apicurio}/subjects/others.text/versions", body))["id"]
        async with opened(apicurio, known) as registry:
            for number in (text, 2**31 - 1, 2**32 - 1):
                data = b"\0" + number.to_bytes(4) + b"\x08text"
                await registry.meet([data, data])
                with pytest.raises(BadMessage, match=f"^schema id is {number}: no schema that is"):
                    known.unframe(data)

    asyncio.run(scenario())


def grown() -> dict[str, Any]:
    """The schema of a trade as a later version may write it."""
    schema = schema_of("Trade")
    schema["version"] += 1
    schema["fields"].append({"name": "auction", "type": "string", "default": "", "doc": "new"})
    return schema
