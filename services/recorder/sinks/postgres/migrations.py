"""How does a database come to have our tables, whatever it has now?

Each file of `schemas/sql` is applied once, whole or not at all. Whoever finds another process at it
waits; one that is killed leaves nothing behind.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import yoyo  # type: ignore[import-untyped] # it ships no types

from marea.errors import BadInput, Broken, Unavailable
from marea.messages.framing import SCHEMAS

SQL = SCHEMAS / "sql"
LOCK = "SELECT pg_advisory_xact_lock(hashtext('marea migrations'))"
LOCK_WAIT_S = 60
CONNECT_S = 10
MAY_CREATE = """SELECT has_database_privilege(current_database(), 'CREATE')
AND has_schema_privilege('public', 'CREATE')"""
HAS_TIMESCALE = "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"


def migrate(dsn: str, password: str = "") -> Sequence[str]:
    """Apply what is missing; give the names of those files.

    Raises `Unavailable` where the database is away or another process holds it up, and `BadInput`
    where it does not let us.
    """
    try:
        with _locked(dsn, password) as connection:
            if connection.execute(MAY_CREATE).fetchone() != (True,):
                raise BadInput(
                    "PostgreSQL: the user of postgres.dsn may not make our tables: grant it CREATE"
                    " on the database and on schema public"
                )
            has_timescale = connection.execute(HAS_TIMESCALE).fetchone() is not None
            folders = [SQL, SQL / "timescale"] if has_timescale else [SQL]
            return _apply(_uri(dsn, password), folders)
    except (psycopg.OperationalError, psycopg.errors.LockNotAvailable) as err:
        raise Unavailable(f"PostgreSQL can't be migrated: {err}; try again") from err
    except psycopg.errors.InsufficientPrivilege as err:
        raise BadInput(f"PostgreSQL: {err}: grant it to the user of postgres.dsn") from err
    except psycopg.Error as err:
        raise Broken(f"PostgreSQL can't be migrated: {err}") from err


@contextmanager
def _locked(dsn: str, password: str) -> Iterator[psycopg.Connection[Any]]:
    # For as long as a transaction lasts, which ends with whoever is killed: yoyo's own lock is a
    # row, and one of a session would stay with the pool where PgBouncer is in between.
    with psycopg.connect(dsn, password=password or None, connect_timeout=CONNECT_S) as connection:
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
        connection.execute(LOCK)
        yield connection


def _apply(uri: str, folders: Sequence[Path]) -> Sequence[str]:
    applied: list[str] = []
    with yoyo.get_backend(uri) as backend:
        backend.break_lock()  # ours is held
        for migration in backend.to_apply(yoyo.read_migrations(*map(str, folders))):
            with backend.transaction():  # with its mark: yoyo would set that in another one
                migration.process_steps(backend, "apply")
                backend.mark_one(migration, log=False)
            applied.append(migration.id)
    return applied


def _uri(dsn: str, password: str) -> str:
    parts = urlsplit(dsn)
    user, _, host = parts.netloc.rpartition("@")
    name, _, given = user.partition(":")
    secret = quote(password, safe="") or given
    netloc = f"{name}:{secret}@{host}" if secret else parts.netloc
    return urlunsplit(parts._replace(scheme="postgresql+psycopg", netloc=netloc))
