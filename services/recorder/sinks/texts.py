"""How do stores that people look into write a time, and the length of a bar?"""

from datetime import UTC, datetime, timedelta

from marea.messages.envelope import Nanos

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))


def utc(ts: Nanos) -> str:
    """A time, to the microsecond."""
    return (EPOCH + timedelta(microseconds=ts // 1_000)).isoformat()


def interval(seconds: int) -> str:
    """The length of a bar: `1s`, `5m`, `1h`, `1d`."""
    for length, unit in UNITS:
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
