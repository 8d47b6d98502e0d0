"""What becomes of what people order."""

import asyncio
from collections.abc import Awaitable, Sequence

import pytest

from marea.messages.envelope import Message
from marea.messages.portfolio import Command, CommandTaken
from services.risk.shell.outside import arrivals_of
from services.standalone.commands import Order, command_of
from tests.unit.risk.desk import MS, T0, Desk, approved, denied, only, opened


def reason(taken: CommandTaken) -> str:
    assert taken.accepted == (taken.reason == "APPROVED")
    return taken.reason


def test_halt_denies_openings_until_it_is_resumed() -> None:
    desk = Desk.ready()
    assert reason(desk.command("halt")) == "APPROVED"
    assert denied(desk.signal("buy")).reason == "HALTED"
    assert reason(desk.command("resume")) == "APPROVED"
    assert approved(desk.signal("buy")).side == "buy"


def test_exit_is_let_through_while_trading_is_halted() -> None:
    desk = Desk.ready()
    desk.enter()
    desk.command("halt")
    assert approved(desk.signal("sell")).purpose == "exit"


@pytest.mark.parametrize(
    ("role", "why", "expected"),
    [
        ("viewer", "news", "ROLE_NOT_ALLOWED"),
        ("nobody", "news", "ROLE_NOT_ALLOWED"),
        ("admin", " \n", "REASON_MISSING"),
        ("user", "news", "APPROVED"),
    ],
)
def test_command_is_judged_by_role_and_reason(role: str, why: str, expected: str) -> None:
    desk = Desk.ready()
    assert reason(desk.command("halt", role, why)) == expected
    assert desk.state.is_halted == (expected == "APPROVED")


def test_key_counts_once_whatever_became_of_it() -> None:
    desk = Desk.ready()
    assert reason(desk.command("halt", "viewer", key="k")) == "ROLE_NOT_ALLOWED"
    assert reason(desk.command("halt", key="k")) == "DUPLICATE"
    assert not desk.state.is_halted


def test_reset_is_an_admins_and_needs_an_open_level() -> None:
    desk = Desk.ready()
    assert reason(desk.command("reset", "user")) == "ROLE_NOT_ALLOWED"
    assert reason(desk.command("reset")) == "NO_EFFECT"
    assert reason(desk.command("resume")) == "NO_EFFECT"


def line(at: str, key: str = "") -> Order:
    return Order(at=at, action="halt", actor="ana", reason="news", key=key)


async def _awaited(arriving: Awaitable[Sequence[Message]]) -> Sequence[Message]:
    return await arriving


def test_each_command_is_brought_once_also_one_that_repeats_a_key() -> None:
    lines = [line("2026-01-05T00:00:01", "k"), line("2026-01-05T00:00:03", "k")]
    due = [command_of(each, place, "main") for place, each in enumerate(lines)]
    desk = Desk.ready()
    arrivals = arrivals_of(lambda _: opened(), due)
    reasons = []
    for ms in (500, 1_000, 2_000, 3_000, 4_000):
        for command in asyncio.run(_awaited(arrivals(desk.state, T0 + ms * MS))):
            assert isinstance(command, Command)
            reasons.append((ms, reason(only(CommandTaken, desk.tell(command)))))
    assert reasons == [(1_000, "APPROVED"), (3_000, "DUPLICATE")]
    assert len({command.id for _, command in due}) == 2
