"""What must be kept of a loop, so that it goes on later as if it had never stopped?"""

import json
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from zlib import crc32

import msgspec
from msgspec import Struct

from marea.messages.envelope import Nanos
from marea.runtime.intake import IntakeState

CHECKSUM_BYTES = 4


class OutputPlace(Struct, kw_only=True):
    """How far an output log goes with the state that is kept, and by which life of the writer."""

    channel: str
    partition: str
    position: int
    epoch: int
    next_seq: int


class Snapshot(Struct, kw_only=True):
    """The state of a loop after `position` inputs."""

    name: str
    build: str
    state_schema: str
    """The hash of the state's shape: a build reads only what it could have written."""
    position: int
    now: Nanos
    intake: IntakeState
    outputs: list[OutputPlace]
    state: bytes


def schema_hash(state_type: type) -> str:
    """The hash of the shape of a snapshot of this state: its fields, their types, their defaults."""
    return _schema_hash(state_type)


@cache
def _schema_hash(state_type: type) -> str:
    shapes = [msgspec.json.schema(Snapshot), msgspec.json.schema(state_type)]
    return blake2b(json.dumps(shapes, sort_keys=True).encode(), digest_size=8).hexdigest()


def encode(snapshot: Snapshot) -> bytes:
    """The bytes that a store keeps: a checksum, and what it is of."""
    body = msgspec.msgpack.encode(snapshot)
    return crc32(body).to_bytes(CHECKSUM_BYTES) + body


def latest_readable(bodies: Sequence[bytes], state_schema: str) -> Snapshot | None:
    """The latest of the snapshots that is whole and this build's; None when there is none."""
    for body in bodies:
        snapshot = _decode(body)
        if snapshot is not None and snapshot.state_schema == state_schema:
            return snapshot
    return None


def _decode(body: bytes) -> Snapshot | None:
    if crc32(body[CHECKSUM_BYTES:]).to_bytes(CHECKSUM_BYTES) != body[:CHECKSUM_BYTES]:
        return None  # damaged: an older one, or the log, gives the same state
    try:
        return msgspec.msgpack.decode(body[CHECKSUM_BYTES:], type=Snapshot)
    except msgspec.ValidationError:
        return None  # another build's
