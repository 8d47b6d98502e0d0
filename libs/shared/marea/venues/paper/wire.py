"""What stands on the wire between a client and the paper venue: one record as JSON in each body."""

from collections.abc import Sequence

import msgspec

from marea.messages import codec
from marea.messages.envelope import Message, Record, Writer
from marea.messages.orders import VenueReport

ORDERS, CANCELS, REPORTS, ACCOUNT = "/orders", "/cancels", "/reports", "/account"
AFTER, UNTIL, WAIT_S = "after", "until", "wait_s"
FOUND = "found"
WAIT_S_MAX = 10.0
"""A question for reports is answered after so long, with none."""
REPORTS_MAX = 500
"""In one answer."""


def encode(message: Message, producer: str) -> bytes:
    """A message as a body."""
    writer = Writer(producer=producer, epoch=0, build="")
    return codec.encode_json(Record(message=message, writer=writer, seq=0))


def decode(body: bytes) -> Message:
    """The message in a body; raises `BadMessage`."""
    return codec.decode_json(body).message


def encode_reports(reports: Sequence[VenueReport], producer: str) -> bytes:
    """Reports as one body: a JSON list."""
    return msgspec.json.encode([msgspec.Raw(encode(each, producer)) for each in reports])


def decode_reports(body: bytes) -> list[Message]:
    """The reports in a body; raises `BadMessage` or `msgspec.DecodeError`."""
    return [decode(bytes(each)) for each in msgspec.json.decode(body, type=list[msgspec.Raw])]
