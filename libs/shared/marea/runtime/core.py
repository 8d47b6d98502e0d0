"""What is a core to the loop that runs it?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from marea.messages.envelope import Message, Nanos

State = TypeVar("State")
Config = TypeVar("Config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Core(Generic[State]):
    """The decisions of one service: two functions over plain state.

    `decide` only reads and gives what follows from an event; `apply` alone changes the state, for
    inputs and for the core's own outputs alike. For each input the loop calls `decide`, then
    `apply` with the input, then `apply` with each output. An output that is the input itself is
    passed on, and not applied twice.

    The events are typed `Any` here because each core closes its own union of them.
    """

    service: str
    state_type: type[State]
    initial: Callable[[], State]
    decide: Callable[[State, Any], Sequence[Message]]
    apply: Callable[[State, Any], None]
    next_deadline: Callable[[State], Nanos | None] | None = None
    """When the core must be told the time at the latest, ns UTC; None: it waits for nothing."""
    config_type: type[Any] | None = None
    """Of the configuration that its `Started` carries; None: it is told nothing."""
    configure: Callable[[State, Any], None] | None = None
    """Has the state go on under a configuration, which may be the one that it has."""
    hears: frozenset[type[Message]] | None = None
    """The inputs that decide anything or change the state; None: perhaps all."""


class Configured(Protocol[Config]):
    """A state that holds its configuration."""

    config: Config


def replace_config(state: Configured[Config], config: Config) -> None:
    """Have a state go on under a configuration that nothing else in it was made of."""
    state.config = config
