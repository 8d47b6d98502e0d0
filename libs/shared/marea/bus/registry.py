"""A schema registry, as Confluent's interface has it: which ids do schemas have there?

Each message type is a subject of its own, named as its record (`marea.Trade`), so that the types of
one topic grow each for itself. The ids of the committed schemas are read all the same: a topic may
hold both.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import aiohttp
import fastavro

from marea.errors import BadInput, Unavailable
from marea.messages.avro import NAMESPACE, Schema, schema_of
from marea.messages.errors import BadMessage
from marea.messages.framing import SCHEMAS, Framing, framing, id_in, released_before
from marea.messages.types import TYPES

COMPATIBILITY: Final = "FULL_TRANSITIVE"
"""What `tools.compatibility` asks of a change: both ways, with every version that was released."""
TYPE: Final = "application/vnd.schemaregistry.v1+json"
CONNECTIONS_MAX = 8
ABSENT_MAX = 4096
"""Ids that are remembered to stand for nothing, so that damaged records ask only once."""
OK: Final = 200
SERVER_ERROR: Final = 500


async def open_registry(url: str, timeout_s: float, known: Framing | None = None) -> "Registry":
    """A registry that holds every schema; frames are written with its ids from now on.

    `url` is where the Confluent interface begins. What it tells is learnt by `known`, which is the
    framing of this process unless another is given. Raises `Unavailable`, and `BadInput` where it
    takes none of the schemas.
    """
    async with AsyncExitStack() as stack:
        registry = Registry(url, timeout_s, known or framing())
        stack.push_async_callback(registry.close)
        await registry.register()
        stack.pop_all()
    return registry


class Registry:
    """The registry at one address, and the framing that learns from it."""

    def __init__(self, url: str, timeout_s: float, known: Framing) -> None:
        """Nothing is asked yet."""
        self._url = url.rstrip("/")
        self._known = known
        self._absent: set[int] = set()
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            headers={"Content-Type": TYPE},
        )

    async def close(self) -> None:
        """Let go of it."""
        await self._http.close()

    async def register(self) -> None:
        """See that it holds the schemas of every type, the older versions first.

        Raises `Unavailable`, and `BadInput` where it holds what can't live with one of them.
        """
        versions: dict[str, list[Schema]] = {kind: [] for kind in TYPES}
        for schema in released_before(SCHEMAS):
            versions.setdefault(schema["name"], []).append(schema)
        for kind in TYPES:
            versions[kind].append(schema_of(kind))
        try:
            async with asyncio.TaskGroup() as group:
                for kind, schemas in versions.items():
                    group.create_task(self._register(kind, schemas))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # they all say the same

    async def meet(self, values: Iterable[bytes | None]) -> None:
        """Look up the schemas that these values name and that nobody here knows.

        What it doesn't know either is left for `unframe` to refuse. Raises `Unavailable`.
        """
        for value in values:
            with suppress(BadMessage):
                number = id_in(value or b"")
                if not self._known.knows(number) and number not in self._absent:
                    await self._look_up(number)

    async def _register(self, kind: str, schemas: Sequence[Schema]) -> None:
        subject = f"{NAMESPACE}.{kind}"
        for schema in schemas:
            body = {"schemaType": "AVRO", "schema": json.dumps(schema)}
            status, answer = await self._ask("POST", f"/subjects/{subject}", body)
            if status != OK:  # it isn't there yet
                await self._ask("PUT", f"/config/{subject}", {"compatibility": COMPATIBILITY})
                status, answer = await self._ask("POST", f"/subjects/{subject}/versions", body)
            if status != OK:
                raise BadInput(
                    f"schema registry {self._url} refuses version {schema['version']} of {subject}: "
                    f"{answer.get('message')}: what it holds is of no Marea that was released; "
                    "remove it there, or take another registry"
                )
            self._known.learn(answer["id"], schema)
            self._known.write_as(kind, answer["id"])

    async def _look_up(self, number: int) -> None:
        status, answer = await self._ask("GET", f"/schemas/ids/{number}")
        if status == OK:
            with suppress(LookupError, TypeError, ValueError, fastavro.schema.SchemaParseException):
                self._known.learn(number, json.loads(answer["schema"]))
                return
        # No such id, or no Avro record: a registry may be others' as well.
        if len(self._absent) >= ABSENT_MAX:
            self._absent.clear()
        self._absent.add(number)

    async def _ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        # What is asked twice is answered twice the same.
        try:
            async with self._http.request(method, self._url + path, json=body) as response:
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise self._away(repr(error)) from error
        if response.status >= SERVER_ERROR:
            raise self._away(f"{response.status}: {answer}")
        return response.status, answer

    def _away(self, what: str) -> Unavailable:
        return Unavailable(
            f"schema registry {self._url}: {what}: see to it, or empty kafka.registry_url"
        )
