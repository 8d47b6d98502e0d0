"""The kernels of a feature set: how they are fed, and what their values are called."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, TypeAlias

import msgspec

from marea.domain.book import Book, top
from marea.kernels.kernel import COUNT, FIRST_OUTPUT, WARM_UP, Kernel, Row, State, is_warm, keep
from marea.kernels.registry import KERNELS
from marea.messages.features import Bar
from services.features.config import FeaturesConfig, Indicator

Feed: TypeAlias = Literal["bar", "quote", "trade", "quote_now", "book_now"]
"""What a kernel is fed with: each closed bar; each change of the best bid or ask, or each trade,
counted over a bar; the quote or the order book of the vector's instant alone."""

UNITS = tuple(float(10**places) for places in range(19))
"""How many of an amount's integers make one, by its scale."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kernel of a set, and its place among the states."""

    place: int
    kernel: Kernel
    feed: Feed
    end: int
    """The place in its state after its last output."""
    levels: int
    """How many levels of a side of the book it looks at; 0: none."""


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The kernels of a set and the names of all their values, in order."""

    names: tuple[str, ...]
    parts: tuple[Part, ...]
    on_bar: tuple[Part, ...]
    on_quote: tuple[Part, ...]
    on_trade: tuple[Part, ...]


_SETS: dict[str, FeatureSet] = {}


def set_version(config: FeaturesConfig) -> str:
    """What tells a set of features from another: 16 hex digits of BLAKE2b-64."""
    text = msgspec.json.encode((config.vector_interval_s, config.indicators), order="sorted")
    return blake2b(text, digest_size=8).hexdigest()


def feature_set(version: str, config: FeaturesConfig) -> FeatureSet:
    """The set that a configuration describes; each is made once.

    Raises `ValueError` for a kernel that there isn't, or two values of one name.
    """
    known = _SETS.get(version)
    if known is None:
        known = _SETS[version] = _make(config)
    return known


def start(config: FeaturesConfig) -> list[State]:
    """The states that the kernels of a set begin with, in the set's order.

    Raises `ValueError` for a kernel that there isn't or a parameter that it doesn't take.
    """
    states = []
    for indicator in config.indicators:
        try:
            states.append(_kernel(indicator).start(**indicator.parameters))
        except ValueError as err:
            raise ValueError(f"indicators.{indicator.name}: {err}") from err
    return states


def feed(parts: Sequence[Part], states: list[State], row: Row) -> None:
    """Take one row into the kernels that are fed with such rows."""
    for part in parts:
        part.kernel.step(states[part.place], row)


def bar_row(bar: Bar) -> Row:
    """A bar as kernels take it, in whole assets."""
    price_unit, qty_unit = UNITS[bar.price_scale], UNITS[bar.qty_scale]
    return (
        bar.open / price_unit,
        bar.high / price_unit,
        bar.low / price_unit,
        bar.close / price_unit,
        bar.volume / qty_unit,
        bar.ts_open / 1e9,
    )


def begin_bar(features: FeatureSet, states: list[State]) -> None:
    """Let those that count over a bar begin anew."""
    for part in (*features.on_quote, *features.on_trade):
        part.kernel.reset(states[part.place])


def are_warm(features: FeatureSet, states: Sequence[State]) -> bool:
    """Have those that run on from row to row seen enough?"""
    return all(
        is_warm(states[part.place])
        for part in features.parts
        if part.feed not in ("quote_now", "book_now")
    )


def look(
    features: FeatureSet, states: Sequence[State], quote: Row, book: Book, qty_unit: float
) -> dict[str, float] | None:
    """Every value by its name, as of a quote and a book; None unless all kernels are warm.

    Changes nothing: what looks at the instant does so in a copy.
    """
    values: list[float] = []
    for part in features.parts:
        state = states[part.place]
        if part.feed == "quote_now":
            state = state.copy()
            part.kernel.step(state, quote)
        elif part.feed == "book_now":
            state = state.copy()
            part.kernel.step(state, _book_row(book, part.levels, qty_unit))
        if state[COUNT] < state[WARM_UP]:
            return None
        values += state[FIRST_OUTPUT : part.end]
    return dict(zip(features.names, values, strict=True))


def _book_row(book: Book, count: int, qty_unit: float) -> Row:
    levels = top(book, count)
    bids = [qty / qty_unit for qty in levels.bid_qtys]
    asks = [qty / qty_unit for qty in levels.ask_qtys]
    return [*bids, *[0.0] * (count - len(bids)), *asks, *[0.0] * (count - len(asks))]


def _make(config: FeaturesConfig) -> FeatureSet:
    parts = tuple(_part(place, indicator) for place, indicator in enumerate(config.indicators))
    return FeatureSet(
        names=_names(config.indicators, parts),
        parts=parts,
        on_bar=tuple(part for part in parts if part.feed == "bar"),
        on_quote=tuple(part for part in parts if part.feed == "quote"),
        on_trade=tuple(part for part in parts if part.feed == "trade"),
    )


def _names(indicators: Sequence[Indicator], parts: Sequence[Part]) -> tuple[str, ...]:
    owners: dict[str, str] = {}
    for indicator, part in zip(indicators, parts, strict=True):
        for output in part.kernel.outputs:
            name = _value_name(indicator.name, part.kernel.name, output)
            if name in owners:
                raise ValueError(
                    f"indicators.{indicator.name}: its value '{name}' has the name of one of "
                    f"indicators.{owners[name]}; give it another name"
                )
            owners[name] = indicator.name
    return tuple(owners)


def _part(place: int, indicator: Indicator) -> Part:
    kernel = _kernel(indicator)
    levels = {**kernel.parameters, **indicator.parameters}.get("levels", 0)
    end = FIRST_OUTPUT + len(kernel.outputs)
    return Part(place=place, kernel=kernel, feed=_feed(kernel), end=end, levels=int(levels))


def _feed(kernel: Kernel) -> Feed:
    match kernel.row:
        case "book":
            return "book_now"
        case "quote" if kernel.reset is keep:
            return "quote_now"
        case row:
            return row


def _kernel(indicator: Indicator) -> Kernel:
    kernel = KERNELS.get(indicator.kernel)
    if kernel is None:
        known = ", ".join(sorted(KERNELS))
        raise ValueError(f"there is no kernel '{indicator.kernel}'; give one of: {known}")
    return kernel


def _value_name(name: str, kernel: str, output: str) -> str:
    if output == kernel:
        return name
    return f"{name}_{output.removeprefix(kernel + '_')}"
