"""What must be kept of a loop, so that it goes on later as if it had never stopped?"""

import json
from collections.abc import Sequence
from hashlib import blake2b

import msgspec
from msgspec import Struct

from marea.messages.envelope import Nanos
from marea.runtime.intake import IntakeState


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
    """The hash of the shape of a state: its fields, their types and their defaults."""
    schema = msgspec.json.schema(state_type)
    return blake2b(json.dumps(schema, sort_keys=True).encode(), digest_size=8).hexdigest()


def encode(snapshot: Snapshot) -> bytes:
    """The bytes that a store keeps."""
    return msgspec.msgpack.encode(snapshot)


def latest_readable(bodies: Sequence[bytes], state_schema: str) -> Snapshot | None:
    """The latest of the snapshots whose state this build can read; None when there is none."""
    for body in bodies:
        snapshot = msgspec.msgpack.decode(body, type=Snapshot)
        if snapshot.state_schema == state_schema:
            return snapshot
    return None
