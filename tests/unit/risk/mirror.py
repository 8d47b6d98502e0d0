"""A second desk that is told what a first one was told, changed, and what both said to it."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, get_args, get_type_hints

from msgspec import Meta
from msgspec.structs import fields, replace

from marea.messages.envelope import Message
from marea.messages.portfolio import JournalPosted
from marea.messages.system import Clock
from services.risk.config import RiskConfig
from services.risk.core import RiskOutput
from tests.unit.risk.desk import T0, Desk

Change = Callable[[Any], Any]
"""Of a message: how it is told otherwise."""
DERIVED = re.compile(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{8}(?=-)")
"""An id that was derived from others, whole, and as the desk shortens it for an order's name."""


class Mirror:
    """It calls what the first desk said by the names that the second one gives to the same."""

    def __init__(self, change: Change, given: RiskConfig) -> None:
        self.desk = Desk(given)
        self.change = change
        self.names: dict[str, str] = {}

    def play(self, log: Sequence[Message]) -> list[tuple[Message, Message]]:
        """What the first desk said, each with what the second said in its place."""
        pairs: list[tuple[Message, Message]] = []
        place = 0
        while place < len(log):
            event = log[place]
            place += 1
            said = []
            while place < len(log) and isinstance(log[place], RiskOutput):
                said.append(log[place])
                place += 1
            answers = self.tell(event)
            assert len(answers) == len(said), (event, said, answers)
            for first, second in zip(said, answers, strict=True):
                self._name(first.id, second.id)
                pairs.append((first, second))
        return pairs

    def tell(self, event: Message) -> list[Message]:
        """Tell the second desk what the first was told."""
        told = texts(self.change(event), lambda text: DERIVED.sub(self._named, text))
        if isinstance(told, Clock):
            self.desk.now = told.ts_event - T0
        return self.desk.tell(told)

    def expected(self, first: Message) -> Any:
        """What the second desk should have said in the place of this."""
        return texts(self.change(first), lambda text: DERIVED.sub(self._named, text))

    def _name(self, first: str, second: str) -> None:
        self.names[first], self.names[first[:8]] = second, second[:8]

    def _named(self, found: re.Match[str]) -> str:
        return self.names.get(found[0], found[0])


def texts(value: Any, change: Callable[[str], str]) -> Any:
    """The same with every text in it changed."""
    match value:
        case str():
            return change(value)
        case tuple():
            return tuple(texts(each, change) for each in value)
        case dict():
            return {texts(key, change): texts(each, change) for key, each in value.items()}
        case Message():
            return replace(
                value,
                **{each.name: texts(getattr(value, each.name), change) for each in fields(value)},
            )
        case _:
            return value


@cache
def scales_of(kind: type[Message]) -> dict[str, str]:
    """By field, the scale that its units are of, for those that have one."""
    hints = get_type_hints(kind, include_extras=True)
    found = {name: _scale_of(hint) for name, hint in hints.items()}
    return {name: scale for name, scale in found.items() if scale}


def _scale_of(hint: Any) -> str:
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.extra:
            return str(meta.extra["scale"])
    return next(filter(None, map(_scale_of, get_args(hint))), "")


def scaled(message: Any, scale: str, factor: int) -> Any:
    """The message with its prices, or its quantities, so many times as large."""
    kind: type[Message] = type(message)
    changed = {
        name: _times(getattr(message, name), factor)
        for name, each in scales_of(kind).items()
        if each == scale
    }
    return replace(message, **changed)


def _times(value: Any, factor: int) -> Any:
    return tuple(each * factor for each in value) if isinstance(value, tuple) else value * factor


def money_scaled(message: Any, asset: str, factor: int) -> Any:
    """The message with all money of one asset so many times as large."""
    kind: type[Message] = type(message)
    changed: dict[str, Any] = {}
    for name, scale in scales_of(kind).items():
        value = getattr(message, name)
        if scale != "asset_scale":
            continue
        if isinstance(value, dict):
            changed[name] = {key: each * _of(key, asset, factor) for key, each in value.items()}
        elif isinstance(message, JournalPosted):
            parts = zip(message.assets, message.amounts, strict=True)
            changed[name] = tuple(each * _of(key, asset, factor) for key, each in parts)
        else:
            own = message.commission_asset if name == "commission" else message.asset
            changed[name] = value * _of(own, asset, factor)
    return replace(message, **changed)


def _of(asset: str, meant: str, factor: int) -> int:
    return factor if asset == meant else 1
