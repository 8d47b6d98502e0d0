"""One realistic record of each message type: for tests, and for the golden samples of `schemas/`."""

from typing import TypeVar, cast

from marea.messages.envelope import Message, Nanos, Record, Writer
from marea.messages.ids import trace_id
from marea.testing.market_examples import (
    CLOCK,
    FEATURES_WRITER,
    FROM_FEATURES,
    FROM_INGESTION,
    FROM_VENUE,
    INGESTION_WRITER,
    MS,
)
from marea.testing.order_examples import (
    EXECUTION_WRITER,
    FROM_EXECUTION,
    FROM_EXECUTION_SHELL,
    FROM_PAPER,
    FROM_PAPER_SHELL,
    PAPER_WRITER,
)
from marea.testing.trading_examples import (
    FROM_RISK,
    FROM_RISK_SHELL,
    FROM_SIGNALS,
    RISK_WRITER,
    SIGNALS_WRITER,
)

M = TypeVar("M", bound=Message)

_SAID_BY: tuple[tuple[Writer, int, tuple[Message, ...]], ...] = (
    (INGESTION_WRITER, -1, FROM_VENUE + FROM_INGESTION),
    (FEATURES_WRITER, 1207, FROM_FEATURES),
    (SIGNALS_WRITER, 318, FROM_SIGNALS),
    (RISK_WRITER, -1, FROM_RISK_SHELL),
    (RISK_WRITER, 2411, FROM_RISK),
    (EXECUTION_WRITER, -1, FROM_EXECUTION_SHELL),
    (EXECUTION_WRITER, 2412, FROM_EXECUTION),
    (PAPER_WRITER, -1, FROM_PAPER_SHELL),
    (PAPER_WRITER, 90_210, FROM_PAPER),
)
"""Who says what, and on which position of its input; -1 for what comes from outside."""

EXAMPLES: dict[str, Message] = {
    type(message).__name__: message for _, _, messages in _SAID_BY for message in messages
}
_PLACES: dict[str, tuple[Writer, int]] = {
    type(message).__name__: (writer, offset)
    for writer, offset, messages in _SAID_BY
    for message in messages
}
LATENCY_NS: Nanos = 9 * MS


def example(kind: type[M]) -> M:
    """What is a realistic message of this type?"""
    return cast(M, EXAMPLES[kind.__name__])


def record_of(message: Message, seq: int = 41) -> Record:
    """How would this message stand on a log, as its usual service writes it?"""
    writer, offset = _PLACES.get(type(message).__name__, (INGESTION_WRITER, -1))
    return Record(
        message=message,
        writer=writer,
        seq=seq,
        input_offset=offset,
        ts_known=message.ts_event + LATENCY_NS,
        ts_origin=message.ts_event + LATENCY_NS,
        trace="" if offset < 0 else trace_id_of(CLOCK),
    )


def trace_id_of(root: Message) -> str:
    """The trace of everything that follows from this message."""
    return trace_id(Record(message=root, writer=INGESTION_WRITER, seq=0))
