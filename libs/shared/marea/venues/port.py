"""What the rest of Marea needs of any venue, whatever it speaks."""

from marea.errors import BadInput

DETAIL_CHARS_MAX = 200


class UnreadableMessage(BadInput):
    """What a venue sent can't be read or can't be true: a dead letter, and the stream goes on.

    `reason` is a code (`not_json`, `bad_amount`, …), `detail` the field, what it holds and what
    is expected, cut to `DETAIL_CHARS_MAX`: what comes from outside may be of any length.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail[:DETAIL_CHARS_MAX]
        super().__init__(f"{reason}: {self.detail}")
