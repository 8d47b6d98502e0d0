"""What stands in the batches that a broker sends, at which offset?"""

from contextlib import suppress

from aiokafka.errors import CorruptRecordException, KafkaError
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from marea.bus.raw import Raw

NO_TIME_MS = -1


def unpack(place: TopicPartition, position: int, data: bytes) -> list[Raw]:
    """What batches hold from a position on: one for each offset, so that places can be counted.

    A marker of a transaction, what a compaction removed and a batch that can't be read (a codec that
    isn't here, headers that are no text) have no value. Raises aiokafka's `CorruptRecordException`
    where a checksum doesn't hold: the batch is asked for again.
    """
    found: list[Raw] = []
    batches = MemoryRecords(data)
    while batches.has_next():
        batch = batches.next_batch()
        if not batch.validate_crc():
            raise CorruptRecordException(f"{place}, offset {batch.base_offset}")
        with suppress(KafkaError, UnicodeDecodeError):
            for record in () if batch.is_control_batch else batch:
                offset = record.offset
                if offset >= position:
                    if offset > position:
                        _fill(found, place, position, offset)
                    found.append(
                        Raw(
                            place.partition,
                            offset,
                            record.timestamp,
                            record.key,
                            record.value,
                        )
                    )
                    position = offset + 1
        _fill(found, place, position, batch.next_offset)
        position = max(position, batch.next_offset)
    return found


def _fill(found: list[Raw], place: TopicPartition, start: int, end: int) -> None:
    found.extend(
        Raw(place.partition, offset, NO_TIME_MS, None, None) for offset in range(start, end)
    )
