"""A store whose process is killed at one of its verbs."""

from services.recorder.sinks.store import Found, Objects


class Killed(BaseException):
    """Raised in place of a kill: nothing of ours catches it."""


class MortalObjects(Objects):
    """Objects on a store that outlives a kill."""

    dies_at = 0
    """Which write it is killed at; 0: none."""
    is_done = False
    """Whether the store has taken that write."""
    writes = 0

    async def create(self, name: str, body: bytes) -> bool:
        self._write(before=True)
        made = await super().create(name, body)
        self._write(before=False)
        return made

    async def put(self, name: str, body: bytes) -> None:
        self._write(before=True)
        await super().put(name, body)
        self._write(before=False)

    async def replace(self, name: str, body: bytes, tag: str | None) -> str | None:
        self._write(before=True)
        version = await super().replace(name, body, tag)
        self._write(before=False)
        return version

    async def get(self, name: str) -> Found | None:
        if self.dies_at and self.writes >= self.dies_at:
            raise Killed
        return await super().get(name)

    def _write(self, *, before: bool) -> None:
        if before:
            self.writes += 1
        if self.dies_at and self.writes >= self.dies_at and before != self.is_done:
            raise Killed
