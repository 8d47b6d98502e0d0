"""What comes to a portfolio from outside: its opening, and what people order."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from marea.messages.envelope import Message, Nanos
from marea.messages.portfolio import Command, PortfolioOpened
from services.risk.core.state import RiskState

DueCommand = tuple[Nanos, Command]
"""When a command is given, and the command."""


def arrivals_of(
    opened: Callable[[Nanos], PortfolioOpened], commands: Sequence[DueCommand]
) -> Callable[[RiskState, Nanos], Awaitable[Sequence[Message]]]:
    """The portfolio's opening, and each command when it is due; nothing that the state has taken."""

    async def arrivals(state: RiskState, now: Nanos) -> Sequence[Message]:
        if not now:
            return ()  # the market has not begun
        found: list[Message] = [] if state.portfolio else [opened(now)]
        met: Counter[str] = Counter()
        for ts, command in commands:
            met[command.key] += 1  # one that repeats a key is told so, and so it is brought too
            if ts <= now and met[command.key] > state.command_keys.get(command.key, 0):
                found.append(command)
        return found

    return arrivals
