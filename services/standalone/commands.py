"""Which orders of people does a run get, and when?

A file lists them, each with its time, so that a run that goes on after a kill, or is played again,
gets the same ones at the same times.
"""

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from marea.errors import BadInput
from marea.messages.envelope import Log, Nanos
from marea.messages.ids import derived_id
from marea.messages.portfolio import Command, CommandAction
from services.standalone.moments import parse_time


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
    for number, order in enumerate(orders, 1):
        parse_time(f"--commands: {file}: at of entry {number}", order.at)
    return orders


def command_of(order: Order, place: int, portfolio: str) -> tuple[Nanos, Command]:
    """The message of the line at a place of the file, and when it is due."""
    at = parse_time("--commands: at", order.at)
    key = order.key or f"{order.at}:{order.action}:{order.actor}"
    message = Command(
        id=derived_id("operator", Log("trading", portfolio), "Command", str(place)),
        ts_event=at,
        portfolio=portfolio,
        action=order.action,
        actor=order.actor,
        role=order.role,
        reason=order.reason,
        key=key,
    )
    return at, message
