"""Where the states of loops stand: a compacted topic, a partition for each loop.

A snapshot is one record of this partition. Its key is the loop's name with one of a few numbers in
turn, so that compaction leaves the last of each; its value the position, 8 bytes (big-endian), and the body.
"""

import logging
from collections.abc import Sequence

from marea.bus.kafka.appender import VALUE_BYTES_MAX
from marea.bus.kafka.logs import Logs
from marea.bus.kafka.topics import SNAPSHOTS
from marea.messages.envelope import Log

KEPT_COUNT = 4
POSITION_BYTES = 8
STATE_BYTES_MAX = VALUE_BYTES_MAX - POSITION_BYTES

_logger = logging.getLogger(__name__)


class KafkaSnapshots:
    """Snapshots beside the logs that they rest on; at least the last few of each loop are kept."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._ends: dict[str, int] = {}
        """Behind the last snapshot of each loop that is known here."""

    async def save(self, name: str, position: int, body: bytes) -> None:
        """Keep a state of at most 16 MB; it is safe when it returns. Raises `Unavailable`.

        A larger one is told of and not kept: a start then goes on from the one before.
        """
        if len(body) > STATE_BYTES_MAX:
            _logger.error(
                "the state of %s has %d bytes and is not kept, as Kafka takes %d: a start goes on from "
                "an older one, which takes longer; give the loop less to look at "
                "(shard.instruments)",
                name,
                len(body),
                STATE_BYTES_MAX,
            )
            return
        log = Log(SNAPSHOTS, name)
        place = self._logs.place(log) or await self._logs.claim(log)
        end = self._ends.get(name)
        if end is None:
            end = (await self._logs.ends([log]))[log]
        key = f"{name}#{end % KEPT_COUNT}".encode()
        value = position.to_bytes(POSITION_BYTES) + body
        self._ends[name] = await self._logs.appender.put(place, [(key, value)]) + 1

    async def load(self, name: str) -> Sequence[bytes]:
        """The states that are kept, the latest first. Raises `Unavailable`."""
        await self._logs.learn()
        log = Log(SNAPSHOTS, name)
        place = self._logs.place(log)
        if place is None:
            return []
        end = self._ends[name] = (await self._logs.ends([log]))[log]
        found: list[tuple[int, bytes]] = []
        at = max(0, end - KEPT_COUNT)
        while at < end:
            part = await self._logs.link.read(place, at)
            if not part.raws:
                break
            for raw in part.raws:
                if raw.value is not None:
                    position = int.from_bytes(raw.value[:POSITION_BYTES])
                    found.append((position, raw.value[POSITION_BYTES:]))
            at = part.raws[-1].offset + 1
        return [body for _, body in sorted(found, key=lambda each: each[0], reverse=True)]
