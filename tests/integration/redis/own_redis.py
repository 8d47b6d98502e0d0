"""A Redis server of a test's own, to be killed, stopped, filled and flushed."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

READY_S_MAX = 30.0


class OwnRedis:
    """A server on a free port, that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty, on its port."""
        listening = ("--bind", "127.0.0.1", "--port", str(self.port))
        keeping = ("--save", "", "--appendonly", "no", "--dir", str(self._folder))
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", *listening, *keeping], stdout=log, stderr=log
            )
        deadline = time.monotonic() + READY_S_MAX
        while self._answered() != self._process.pid:
            assert self._process.poll() is None, (self._folder / "redis.log").read_text()
            assert time.monotonic() < deadline, f"no Redis at {self.url} in {READY_S_MAX} s"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it at once; what it held is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let it stand still for a while, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        """A client that knows nothing of Marea."""
        return redis.Redis(port=self.port, decode_responses=True)

    def _answered(self) -> int:
        try:
            with self.client() as client:
                return int(client.info("server")["process_id"])
        except redis.ConnectionError:
            return 0
