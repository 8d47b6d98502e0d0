"""What does it mean when PostgreSQL says no?"""

import asyncpg

from marea.errors import BadInput, Broken, MareaError, Unavailable

REFUSED_ROWS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,  # what can't be told as a row
)
"""Of one record: the others can be written without it."""

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,  # the connection is closed
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it is told to stop, or comes up
    asyncpg.InsufficientResourcesError,  # its disk is full, or its connections are
    asyncpg.TransactionRollbackError,  # a deadlock, or another writer
    asyncpg.ObjectNotInPrerequisiteStateError,  # what it would lock is locked
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
)
_NOT_OURS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
FAILURES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""All that asyncpg raises."""


def translated(error: Exception) -> MareaError:
    """The error by its remedy; give what asyncpg raised."""
    told = f"PostgreSQL: {str(error).strip() or type(error).__name__}"
    if isinstance(error, _NOT_OURS):
        return BadInput(f"{told}: mend postgres.dsn or MAREA_POSTGRES_PASSWORD, or its rights")
    if isinstance(error, _AWAY):
        return Unavailable(f"{told}: what came of it is unknown; try again")
    return Broken(f"{told} ({type(error).__name__})")
