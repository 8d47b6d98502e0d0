"""Ids: derived from what they name, never drawn, so that every run gives the same ones."""

from hashlib import blake2b

from marea.messages.envelope import Log, Message, Record

ID_BYTES = 20
TRACE_BYTES = 16  # what W3C Trace Context and OpenTelemetry take


def market_id(instrument: str, kind: str, number: int, revision: int = 0) -> str:
    """The id of a market event: venue and instrument, kind, the venue's own number, revision.

    `instrument` names its venue (`BTC-USDT.BINANCE`), so the id does too.
    """
    if revision:
        return f"{instrument}:{kind}:{number}:{revision}"
    return f"{instrument}:{kind}:{number}"


def content_number(source: str, ts_known: int, content: bytes) -> int:
    """A number for a market event to which its venue gave none; 63 bits, ≥ 0."""
    text = f"{source}\x1f{ts_known}\x1f".encode()
    return int.from_bytes(blake2b(text + content, digest_size=8).digest()) >> 1


def derived_id(service: str, log: Log, kind: str, parent: str, discriminator: str = "") -> str:
    """The id of a message that follows from another: 40 hex digits of BLAKE2b-160.

    `kind` is the message's type; `discriminator` names the strategy, limit, leg or bar that tells
    it from its siblings, and is never a place in a list.
    """
    parts = (service, log.channel, log.partition, kind, parent, discriminator)
    return blake2b("\x1f".join(parts).encode(), digest_size=ID_BYTES).hexdigest()


def output_id(service: str, log: Log, output: Message, parent: str) -> str:
    """The id that `output` gets as a consequence of the message `parent`, written to `log`."""
    told = ":".join(str(getattr(output, name)) for name in output.discriminator)
    return derived_id(service, log, type(output).__name__, parent, told)


def trace_id(record: Record) -> str:
    """The trace that a record belongs to: 32 hex digits made from its root's id."""
    if record.trace:
        return record.trace
    return blake2b(record.message.id.encode(), digest_size=TRACE_BYTES).hexdigest()
