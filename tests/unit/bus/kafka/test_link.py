"""Where no broker is, it is told which one was looked for, within its time."""

import asyncio
import socket

import pytest

from marea.bus.kafka.link import Link
from marea.errors import Unavailable


def test_brokers_that_do_not_answer_are_named() -> None:
    async def scenario(address: str) -> None:
        link = Link(address, 1.0)
        try:
            async with asyncio.timeout(60):  # it gives up by itself
                await link.open()
        finally:
            await link.close()

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listened on
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        told = (
            rf"Kafka: connecting to {address} \(kafka\.servers\): "
            ".*Unable to bootstrap.*: see to its brokers"
        )
        with pytest.raises(Unavailable, match=told):
            asyncio.run(scenario(address))
