"""Where a process answers whether it is well (`/health`) and what it measures (`/metrics`)."""

from collections.abc import Callable

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from marea.errors import BadInput
from marea.runtime.facts import Health

STOP_S_MAX = 1.0
"""So long a stop waits for whoever is still being answered."""


class HealthServer:
    """Answers over HTTP for one process, for as long as it is started."""

    def __init__(
        self, host: str, port: int, facts: Callable[[], Health], registry: CollectorRegistry
    ) -> None:
        """`port` 0 takes any free one, which `port` names once it is started."""
        self.port = port
        self.app = web.Application()
        """What else the process answers is added to it before the start."""
        self._host = host
        self._facts = facts
        self._registry = registry
        self.app.router.add_get("/health", self._health)
        self.app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=STOP_S_MAX)

    async def start(self) -> None:
        """Listen. Raises `BadInput` where the port is taken, or is not ours to take."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self.port).start()
        except OSError as err:
            await self._runner.cleanup()
            raise BadInput(
                f"{self._host}:{self.port} can't be listened on ({err.strerror or err}): end who"
                " does, or give another port (--port, http.ports; 0 for any) or http.host"
            ) from err
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        health = self._facts()
        return web.Response(
            status=200 if health.live and health.ready else 503,
            body=msgspec.json.encode(health),
            content_type="application/json",
        )

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
        )
