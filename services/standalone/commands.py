"""Which orders of people does a run get, and when?

A file lists them, each with its time, so that a run that goes on after a kill, or is played again,
gets the same ones at the same times.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from marea.errors import BadInput
from marea.messages.envelope import Log, Nanos
from marea.messages.ids import derived_id
from marea.messages.portfolio import Command, CommandAction

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the file."""

    at: str
    """ISO 8601, UTC unless it says otherwise, by the market's clock."""
    action: CommandAction
    actor: str
    role: Literal["admin", "user", "viewer"] = "admin"
    reason: str
    key: str = ""
    """Idempotency key; empty: made of the rest."""


def read_orders(file: Path) -> list[Order]:
    """What a file of commands holds. Raises `BadInput` where it can't be read or says nonsense."""
    try:
        orders = msgspec.yaml.decode(file.read_bytes(), type=list[Order])
    except OSError as err:
        raise BadInput(f"--commands: {file} can't be read ({err.strerror}): name another") from err
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise BadInput(
            f"--commands: {file}: {err}: write a list of entries such as "
            '{at: "2026-01-05T00:10:00", action: halt, actor: ana, reason: "news"}'
        ) from err
    for order in orders:
        nanos("--commands: at", order.at)
    return orders


def command_of(order: Order, portfolio: str) -> tuple[Nanos, Command]:
    """The message of a line, and when it is due."""
    at = nanos("--commands: at", order.at)
    key = order.key or f"{order.at}:{order.action}:{order.actor}"
    message = Command(
        id=derived_id("operator", Log("trading", portfolio), "Command", key),
        ts_event=at,
        portfolio=portfolio,
        action=order.action,
        actor=order.actor,
        role=order.role,
        reason=order.reason,
        key=key,
    )
    return at, message


def stored(orders: list[Order]) -> list[dict[str, Any]]:
    """As a run keeps them."""
    return [msgspec.to_builtins(each) for each in orders]


def nanos(option: str, text: str) -> Nanos:
    """ns UTC of an ISO 8601 time, UTC unless it says otherwise. Raises `BadInput`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"{option} is '{text}', which is no time; write one such as 2026-01-05T00:01:30"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(microseconds=1) * 1_000
