"""Times, as a person writes and reads them."""

from datetime import UTC, datetime, timedelta

from marea.errors import BadInput
from marea.messages.envelope import Nanos


def time_text(ts: Nanos) -> str:
    """A time to the millisecond: `2026-01-05T00:01:30.250Z`."""
    return f"{_second(ts):%Y-%m-%dT%H:%M:%S}.{ts % 1_000_000_000 // 1_000_000:03d}Z"


def time_of_second(ts: Nanos) -> str:
    """A time in UTC to the second, as a table has it: `2026-01-05 00:01:30`."""
    return f"{_second(ts):%Y-%m-%d %H:%M:%S}"


def parse_time(option: str, text: str) -> Nanos:
    """The time that an option names, in ISO 8601; UTC, unless it says otherwise.

    Raises `BadInput` where it names none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"{option} is '{text}', which is no time; write one such as 2026-01-05T00:01:30"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000


def _second(ts: Nanos) -> datetime:
    return datetime.fromtimestamp(ts // 1_000_000_000, UTC)
