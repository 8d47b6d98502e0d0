"""What PostgreSQL says no with is told by its remedy."""

import asyncpg
import pytest

from marea.errors import BadInput, Broken, MareaError, Unavailable
from services.recorder.sinks.postgres.failures import translated


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (asyncpg.DiskFullError("no space left"), Unavailable, r"no space left: .*try again"),
        (asyncpg.TooManyConnectionsError("too many"), Unavailable, r"too many: .*try again"),
        (asyncpg.DeadlockDetectedError("deadlock"), Unavailable, r"deadlock: .*try again"),
        (asyncpg.SerializationError("serialize"), Unavailable, r"serialize: .*try again"),
        (asyncpg.AdminShutdownError("told to stop"), Unavailable, r"told to stop: .*try again"),
        (asyncpg.QueryCanceledError("canceled"), Unavailable, r"canceled: .*try again"),
        (asyncpg.InterfaceError("connection is closed"), Unavailable, r"closed: .*try again"),
        (ConnectionResetError("reset by peer"), Unavailable, r"reset by peer: .*try again"),
        (TimeoutError(), Unavailable, r"TimeoutError: .*try again"),
        (asyncpg.InvalidPasswordError("password"), BadInput, r"mend postgres\.dsn or MAREA_"),
        (asyncpg.InvalidCatalogNameError("no database"), BadInput, r"mend postgres\.dsn or MAREA_"),
        (asyncpg.InsufficientPrivilegeError("denied"), BadInput, r"denied: mend .* or its rights"),
        (asyncpg.UndefinedTableError("no table"), Broken, r"no table \(UndefinedTableError\)"),
    ],
)
def test_error_is_told_by_its_remedy(error: Exception, kind: type[MareaError], text: str) -> None:
    with pytest.raises(kind, match=text):
        raise translated(error)
