"""`python -m tests.chaos.relay LISTEN=TARGET …`: pass on what comes to one address to another.

Each is HOST:PORT. What stands behind a wire that was cut hears nothing of it, as over a real one.
"""

import asyncio
import sys
from contextlib import suppress
from functools import partial

CHUNK_BYTES = 65_536


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def _serve(
    target: tuple[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        far_reader, far_writer = await asyncio.open_connection(*target)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))


async def pass_on(pairs: list[str]) -> None:
    """Pass on what comes, for ever."""
    servers = []
    for pair in pairs:
        listen, target = (part.rpartition(":")[::2] for part in pair.split("="))
        servers.append(await asyncio.start_server(partial(_serve, target), *listen))
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(pass_on(sys.argv[1:]))
