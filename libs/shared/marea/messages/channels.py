"""Which channels there are, how each is carried, and which message types it may hold."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from marea.errors import BadInput
from marea.messages.forms import Envelope
from marea.messages.types import TYPES

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "schemas", _PACKAGE.parents[2] / "schemas")  # installed; a checkout
CHANNELS_FILE = next((each for each in _FOLDERS if each.is_dir()), _FOLDERS[0]) / "channels.yaml"
"""The list that Marea came with."""

CANONICAL = ("id", "type", "ts_event", "parents")
"""Fields of the envelope that are part of the message: the rest says how it was written down."""


class Closed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry that refuses a key it doesn't know."""


class Kafka(Closed, frozen=True, kw_only=True):
    """How a channel is carried by Kafka, as one topic."""

    partitions: Annotated[int, Meta(ge=1)]
    retention_h: Annotated[int, Meta(ge=1)]
    encoding: Literal["avro"]


class Redis(Closed, frozen=True, kw_only=True):
    """How a channel is carried by Redis Streams, one stream per key."""

    retention_s: Annotated[int, Meta(ge=1)]
    encoding: Literal["json"]


class Channel(Closed, frozen=True, kw_only=True):
    """One channel: logs that are ordered each for itself, one per key."""

    name: Annotated[str, Meta(pattern="^[a-z]+([.-][a-z]+)*$")]
    key: str
    kafka: Kafka
    redis: Redis | None = None
    outside: tuple[str, ...]
    derived: tuple[str, ...]

    def holds(self, kind: str) -> bool:
        """May a message of this type stand on this channel?"""
        return kind in self.outside or kind in self.derived


class _File(Closed, frozen=True, kw_only=True):
    not_canonical: tuple[str, ...]
    channels: tuple[Channel, ...]


class Channels(Struct, frozen=True):
    """All channels, by name."""

    by_name: dict[str, Channel]

    @property
    def doubled(self) -> frozenset[str]:
        """Those with a fast copy: on their logs positions count what is taken, and nothing else."""
        return frozenset(name for name, each in self.by_name.items() if each.redis is not None)

    def channel_of(self, kind: str, among: Sequence[str]) -> str:
        """On which of these channels does a message of this type stand?

        Raises `BadInput` unless it is exactly one.
        """
        found = [name for name in among if self.by_name[name].holds(kind)]
        if len(found) != 1:
            raise BadInput(
                f"{kind} stands on {', '.join(found) or 'none'} of the channels "
                f"{', '.join(among)}: list it on one of them"
            )
        return found[0]


@cache
def load_channels(file: Path = CHANNELS_FILE) -> Channels:
    """Which channels does this file list?

    Raises `BadInput` where it isn't there, isn't such a list, names a message type that doesn't
    exist, leaves one out, or says of one that it is outside where its class says derived.
    """
    try:
        content = msgspec.yaml.decode(file.read_bytes(), type=_File)
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}; name the file of the channels") from error
    except msgspec.DecodeError as error:
        raise BadInput(f"{file}: {error}") from error
    problems = _problems(content)
    if problems:
        raise BadInput(f"{file}: {'; '.join(problems)}")
    return Channels({channel.name: channel for channel in content.channels})


def _problems(content: _File) -> list[str]:
    problems = []
    recorded = [name for name in Envelope.__struct_fields__ if name not in CANONICAL]
    if list(content.not_canonical) != recorded:
        problems.append(f"not_canonical is {list(content.not_canonical)}: it must be {recorded}")
    names = [channel.name for channel in content.channels]
    problems += [
        f"channel {name} stands there twice: merge the two"
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    for channel in content.channels:
        problems += _problems_of(channel)
    held = {kind for channel in content.channels for kind in channel.outside + channel.derived}
    problems += [
        f"{kind} stands on no channel: add it to one" for kind in TYPES if kind not in held
    ]
    return problems


def _problems_of(channel: Channel) -> list[str]:
    problems = []
    for marked, kinds in (("outside", channel.outside), ("derived", channel.derived)):
        for kind in kinds:
            place = f"{channel.name}.{marked} names {kind}"
            if kind not in TYPES:
                problems.append(f"{place}: take one of {', '.join(TYPES)}")
            elif TYPES[kind].outside != (marked == "outside"):
                problems.append(f"{place}: its class says otherwise, change one of them")
            elif kinds.count(kind) > 1:
                problems.append(f"{place} twice: leave one")
    return problems
