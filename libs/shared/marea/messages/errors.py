"""What can go wrong between bytes and messages."""

from marea.errors import BadInput

VALUE_SHOWN_MAX = 120
"""Characters of a refused value that an error shows."""


class BadMessage(BadInput):
    """What can't be a message: which field, what it held, and what would have been right.

    It goes to the dead letters with its bytes, and the stream goes on.
    """

    def __init__(self, field: str, received: object, remedy: str) -> None:
        super().__init__(field, received, remedy)
        self.field = field
        self.received = received
        self.remedy = remedy

    def __str__(self) -> str:
        shown = repr(self.received)
        if len(shown) > VALUE_SHOWN_MAX:
            shown = shown[: VALUE_SHOWN_MAX - 1] + "…"
        return f"{self.field} is {shown}: {self.remedy}"
