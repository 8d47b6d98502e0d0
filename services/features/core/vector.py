"""The kernels of a feature set: how they are fed, and what their values are called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

import msgspec

from marea.domain.book import Book, top
from marea.kernels.kernel import COUNT, FIRST_OUTPUT, WARM_UP, Kernel, Row, State, is_warm, keep
from marea.kernels.registry import KERNELS
from marea.messages.features import Bar
from services.features.config import FeaturesConfig, Indicator

UNITS = tuple(float(10**places) for places in range(19))
"""How many of an amount's integers make one, by its scale."""

Step: TypeAlias = Callable[[State, Row], None]


class Fed(NamedTuple):
    """A kernel that runs on from row to row, and its place among the states."""

    place: int
    step: Step
    reset: Callable[[State], None]


class Reading(NamedTuple):
    """Where the values of a kernel stand, and whether it must look first."""

    place: int
    end: int
    """The place in its state after its last output."""
    look: Step | None
    """The step of one that looks at the instant alone; None for one that runs on."""
    levels: int
    """How many levels of a side of the book it looks at; 0: the best bid and ask."""


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The kernels of a set by what they are fed with, and the names of all their values."""

    on_bar: tuple[Fed, ...]
    on_quote: tuple[Fed, ...]
    """Each change of the best bid or ask, counted over a bar."""
    on_trade: tuple[Fed, ...]
    """Each trade, counted over a bar."""
    readings: tuple[Reading, ...]
    names: tuple[str, ...]


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


def feed(kernels: Sequence[Fed], states: list[State], row: Row) -> None:
    """Take one row into the kernels that are fed with such rows."""
    for place, step, _ in kernels:
        step(states[place], row)


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
    for place, _, reset in (*features.on_quote, *features.on_trade):
        reset(states[place])


def are_warm(features: FeatureSet, states: Sequence[State]) -> bool:
    """Have those that run on from row to row seen enough?"""
    return all(is_warm(states[place]) for place, _, look, _ in features.readings if look is None)


def read(
    features: FeatureSet, states: Sequence[State], quote: Row, book: Book, qty_unit: float
) -> dict[str, float] | None:
    """Every value by its name, as of a quote and a book; None unless all kernels are warm.

    Changes nothing: what looks at the instant does so in a copy.
    """
    values: list[float] = []
    for place, end, look, levels in features.readings:
        state = states[place]
        if look is not None:
            state = state.copy()
            look(state, _book_row(book, levels, qty_unit) if levels else quote)
        if state[COUNT] < state[WARM_UP]:
            return None
        values += state[FIRST_OUTPUT:end]
    return dict(zip(features.names, values, strict=True))


def _book_row(book: Book, count: int, qty_unit: float) -> Row:
    levels = top(book, count)
    bids = [qty / qty_unit for qty in levels.bid_qtys]
    asks = [qty / qty_unit for qty in levels.ask_qtys]
    return [*bids, *[0.0] * (count - len(bids)), *asks, *[0.0] * (count - len(asks))]


def _make(config: FeaturesConfig) -> FeatureSet:
    kernels = [_kernel(indicator) for indicator in config.indicators]
    return FeatureSet(
        on_bar=_fed(kernels, "bar"),
        on_quote=_fed(kernels, "quote"),
        on_trade=_fed(kernels, "trade"),
        readings=tuple(
            _reading(place, kernel, indicator)
            for place, (kernel, indicator) in enumerate(
                zip(kernels, config.indicators, strict=True)
            )
        ),
        names=_names(kernels, config.indicators),
    )


def _fed(kernels: Sequence[Kernel], row: str) -> tuple[Fed, ...]:
    return tuple(
        Fed(place, kernel.step, kernel.reset)
        for place, kernel in enumerate(kernels)
        if kernel.row == row and not _looks(kernel)
    )


def _reading(place: int, kernel: Kernel, indicator: Indicator) -> Reading:
    parameters = {**kernel.parameters, **indicator.parameters}
    return Reading(
        place=place,
        end=FIRST_OUTPUT + len(kernel.outputs),
        look=kernel.step if _looks(kernel) else None,
        levels=int(parameters["levels"]) if kernel.row == "book" else 0,
    )


def _looks(kernel: Kernel) -> bool:
    # What counts quotes over a bar begins anew with it; another kernel of quotes needs one only.
    return kernel.row == "book" or (kernel.row == "quote" and kernel.reset is keep)


def _names(kernels: Sequence[Kernel], indicators: Sequence[Indicator]) -> tuple[str, ...]:
    owners: dict[str, str] = {}
    for kernel, indicator in zip(kernels, indicators, strict=True):
        for name in kernel.value_names(indicator.name):
            if name in owners:
                raise ValueError(
                    f"indicators.{indicator.name}: its value '{name}' has the name of one of "
                    f"indicators.{owners[name]}; give it another name"
                )
            owners[name] = indicator.name
    return tuple(owners)


def _kernel(indicator: Indicator) -> Kernel:
    kernel = KERNELS.get(indicator.kernel)
    if kernel is None:
        known = ", ".join(sorted(KERNELS))
        raise ValueError(f"there is no kernel '{indicator.kernel}'; give one of: {known}")
    return kernel
