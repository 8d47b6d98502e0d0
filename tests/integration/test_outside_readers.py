"""Programs that know nothing of Marea read its topics: kcat, and fastavro with the committed files."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from os import urandom
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from marea.bus.kafka.bus import open_kafka
from marea.bus.kafka.topics import create_topics
from marea.messages.channels import Channels, load_channels
from marea.messages.codec import encode_json
from marea.messages.envelope import Log, Record
from marea.messages.framing import frame, framing, id_in, schema_id
from marea.messages.system import DeadLetter
from marea.testing.examples import EXAMPLES, record_of

GUIDE = "docs/guides/reading-marea-from-outside.md"
TIMEOUT_S = 30.0
LOG = "some log"

CHANNELS = Channels(
    {
        name: replace(channel, kafka=replace(channel.kafka, partitions=1))
        for name, channel in load_channels().by_name.items()
    }
)
"""One log of each, which a broker makes soon."""
ON_CHANNELS = {
    name: [record_of(EXAMPLES[kind]) for kind in (*channel.outside, *channel.derived)]
    for name, channel in CHANNELS.by_name.items()
}
"""A record of every type on every channel that may hold it."""


async def write(kafka: str, *names: str, registry_url: str = "") -> str:
    """Put the records of these channels there, as services do; give what topics begin with."""
    prefix = f"outside-{urandom(6).hex()}."
    channels = Channels({name: CHANNELS.by_name[name] for name in names})
    await create_topics(kafka, prefix, 1, channels)
    bus = await open_kafka(
        kafka, prefix, channels=channels, timeout_s=TIMEOUT_S, registry_url=registry_url
    )
    try:
        for name in names:
            await bus.append(Log(name, LOG), ON_CHANNELS[name])
            assert await bus.read(Log(name, LOG), 0, 1_000) == ON_CHANNELS[name]
    finally:
        await bus.close()
    return prefix


@pytest.fixture(scope="module")
def written(kafka: str) -> str:
    """What begins the names of topics that hold the records."""
    return asyncio.run(write(kafka, *ON_CHANNELS))


def kcat(kafka: str, topic: str, *options: str) -> bytes:
    """What kcat prints of a whole topic."""
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed: apt-get install kcat")
    command = ["kcat", "-C", "-e", "-q", "-b", kafka, "-t", topic, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=True)
    return done.stdout


def told(record: Record) -> dict[str, Any]:
    """What a stranger is to read, who shows bytes as hex."""
    wire: dict[str, Any] = json.loads(encode_json(record))
    if isinstance(record.message, DeadLetter):
        wire["payload"] = record.message.payload.hex()
    return wire


@pytest.fixture(scope="module")
def program(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the guide, in a file."""
    [code] = re.findall(r"^```python\n(.*?)^```", (root / GUIDE).read_text("utf-8"), re.M | re.S)
    assert "marea" not in code
    file = tmp_path_factory.mktemp("outside") / "read.py"
    file.write_text(code, "utf-8")
    return file


@pytest.mark.parametrize("channel", ON_CHANNELS)
def test_program_of_the_guide_reads_every_record_as_it_was_written(
    kafka: str, written: str, program: Path, root: Path, channel: str
) -> None:
    printed = subprocess.run(
        [sys.executable, "-I", program],
        input=kcat(kafka, written + channel, "-f", "%S %s"),
        stdout=subprocess.PIPE,
        cwd=root,
        timeout=TIMEOUT_S,
        check=True,
    )
    read = [json.loads(line) for line in printed.stdout.splitlines()]
    assert read == [told(record) for record in ON_CHANNELS[channel]]


def test_kcat_tells_keys_positions_and_schemas(kafka: str, written: str) -> None:
    options = ("-f", "%k %o %s\n", "-s", "value=>bI")
    lines = kcat(kafka, f"{written}trading", *options).decode().splitlines()
    kinds = [type(record.message) for record in ON_CHANNELS["trading"]]
    assert lines == [
        f"{LOG} {position} 0{schema_id(kind.__name__, kind.schema_version)}"
        for position, kind in enumerate(kinds)
    ]


@pytest.fixture
def own_ids() -> Iterator[None]:
    """What a registry tells is forgotten after the test."""
    framing.cache_clear()
    yield
    framing.cache_clear()


@pytest.mark.usefixtures("own_ids")
def test_bus_with_a_registry_writes_by_its_ids(kafka: str, apicurio: str) -> None:
    prefix = asyncio.run(write(kafka, "quality", registry_url=apicurio))
    record = ON_CHANNELS["quality"][0]
    kind = type(record.message)
    number = id_in(frame(record))
    assert number != schema_id(kind.__name__, kind.schema_version)
    assert kcat(kafka, f"{prefix}quality", "-c", "1", "-f", "%s") == frame(record)
