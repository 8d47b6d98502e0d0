"""The life of an order: which status follows from what is said of it?

An order is `intended` when we have decided on it and written it down. Whatever the venue reports
counts in each status that isn't final, for a report may overtake our own word that the order was
sent. A fill beats everything but an end.
"""

from types import MappingProxyType
from typing import Final

BEGIN: Final = "intended"
"""The status of an order of ours that was not sent yet."""

_REPORTED: Final = {
    "accepted": "working",
    "rejected": "rejected",
    "amended": "working",
    "triggered": "triggered",
    "filled_part": "partly_filled",
    "filled_all": "filled",
    "canceled": "canceled",
}
"""What the venue may report of an order that we don't know to work."""

LIFE: Final = MappingProxyType(
    {
        "intended": {
            **_REPORTED,
            "sent": "sent",
            "not_sent": "not_sent",
            "unknown": "unknown",
            "looked_up_found": "sent",
            "looked_up_missing": "not_sent",
            "cancel_intended": "canceling",
        },
        "sent": {
            **_REPORTED,
            "looked_up_found": "sent",
            "looked_up_missing": "not_sent",
            "cancel_intended": "canceling",
        },
        "unknown": {
            **_REPORTED,
            "looked_up_found": "sent",
            "looked_up_missing": "not_sent",
            "cancel_intended": "unknown",
        },
        "not_sent": {"intended": "intended"},
        "working": {
            **_REPORTED,
            "sent": "working",
            "unknown": "working",
            "looked_up_found": "working",
            "cancel_intended": "canceling",
        },
        "partly_filled": {
            **_REPORTED,
            "amended": "partly_filled",
            "sent": "partly_filled",
            "unknown": "partly_filled",
            "looked_up_found": "partly_filled",
            "cancel_intended": "canceling",
        },
        "triggered": {
            **_REPORTED,
            "amended": "triggered",
            "filled_part": "triggered",
            "cancel_intended": "canceling",
        },
        "canceling": {
            **_REPORTED,
            "accepted": "canceling",
            "amended": "canceling",
            "triggered": "canceling",
            "filled_part": "canceling",
            "sent": "canceling",
            "not_sent": "not_sent",
            "unknown": "unknown",
            "looked_up_found": "canceling",
            "looked_up_missing": "not_sent",
            "cancel_intended": "canceling",
            "cancel_rejected": "unknown",
        },
        "filled": {},
        "canceled": {},
        "rejected": {},
    }
)
"""For each status, the status that follows from each event; what isn't there can't happen."""


def next_status(status: str, event: str) -> str:
    """Which status follows from an event, if it may happen in this one?

    Raises `ValueError` otherwise.
    """
    followers = LIFE.get(status)
    if followers is None:
        raise ValueError(f"status is '{status}': expected one of {', '.join(LIFE)}")
    if event not in followers:
        expected = f"one of {', '.join(followers)}" if followers else "nothing, for it is final"
        raise ValueError(f"event is '{event}' in status '{status}': expected {expected}")
    return followers[event]


def is_final(status: str) -> bool:
    """Can nothing more happen to an order in this status?"""
    return not LIFE[status]
