"""A process that begins while the brokers do."""

import asyncio

from deploy.local.servers import Servers
from marea.bus.kafka.link import Link
from tests.servers import need


def test_brokers_that_are_just_coming_are_waited_for(own_servers: Servers) -> None:
    need("kafka")

    async def scenario() -> None:
        link = Link(own_servers.address("kafka"), 30)
        coming = asyncio.create_task(asyncio.to_thread(own_servers.up, "kafka"))
        while own_servers.process("kafka") is None:
            await asyncio.sleep(0.05)
        try:
            await link.open()
        finally:
            await link.close()
            await coming

    asyncio.run(scenario())
