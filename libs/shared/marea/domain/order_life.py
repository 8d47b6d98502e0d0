"""The life of an order: which status follows from what is said of it?

An order is `intended` once we have decided on it and written it down. What its venue reports counts
in every status that isn't final, for a report may overtake our own word that the order was sent; a
fill beats everything but an end.
"""

from collections.abc import Mapping
from typing import Final

BEGIN: Final = "intended"
"""The status that every life begins with."""

_ENDS = {"filled_all": "filled", "canceled": "canceled"}
REPORTS: Final[Mapping[str, str]] = {
    "accepted": "working",
    "rejected": "rejected",
    "amended": "working",
    "triggered": "triggered",
    "filled_part": "partly_filled",
    **_ENDS,
}
"""What a venue may say first of an order, and the status that it leads to."""
_LOOKED_UP = {"looked_up_found": "sent", "looked_up_missing": "not_sent"}

LIFE: Final[Mapping[str, Mapping[str, str]]] = {
    "intended": {
        "sent": "sent",
        "not_sent": "not_sent",
        "unknown": "unknown",
        "cancel_intended": "canceling",
        **_LOOKED_UP,
        **REPORTS,
    },
    "sent": {"cancel_intended": "canceling", **_LOOKED_UP, **REPORTS},
    "unknown": {"cancel_intended": "unknown", **_LOOKED_UP, **REPORTS},
    "not_sent": {"intended": "intended", **REPORTS},
    "working": {
        "sent": "working",
        "unknown": "working",
        "looked_up_found": "working",
        "cancel_intended": "canceling",
        "amended": "working",
        "triggered": "triggered",
        "filled_part": "partly_filled",
        **_ENDS,
    },
    "partly_filled": {
        "sent": "partly_filled",
        "unknown": "partly_filled",
        "looked_up_found": "partly_filled",
        "cancel_intended": "canceling",
        "amended": "partly_filled",
        "filled_part": "partly_filled",
        **_ENDS,
    },
    "triggered": {
        "amended": "triggered",
        "filled_part": "triggered",
        "rejected": "rejected",
        **_ENDS,
    },
    "canceling": {
        "sent": "canceling",
        "not_sent": "not_sent",
        "unknown": "unknown",
        "looked_up_found": "canceling",
        "looked_up_missing": "not_sent",
        "cancel_intended": "canceling",
        "cancel_rejected": "unknown",
        "accepted": "canceling",
        "rejected": "rejected",
        "amended": "canceling",
        "filled_part": "canceling",
        **_ENDS,
    },
    "filled": {},
    "canceled": {},
    "rejected": {},
}
"""By status, the status that each event leads to; what isn't listed can't happen."""


def next_status(status: str, event: str) -> str:
    """Which status follows from an event? Raises `ValueError` where it can't happen."""
    followers = LIFE.get(status)
    if followers is None:
        raise ValueError(f"status is '{status}': expected one of {', '.join(LIFE)}")
    if event not in followers:
        expected = f"one of {', '.join(followers)}" if followers else "nothing, it is final"
        raise ValueError(f"event is '{event}' of an order that is {status}: expected {expected}")
    return followers[event]


def is_final(status: str) -> bool:
    """Can nothing more happen to an order of this status?"""
    return not LIFE[status]
