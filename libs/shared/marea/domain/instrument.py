"""What is traded: its assets, the scales of its amounts and the increments its venue takes."""

from dataclasses import dataclass
from typing import Literal

from marea.domain.book import Sequencing


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One version of an instrument; amounts are integers in units of 10^-scale."""

    id: str
    """Ours and for ever, with the venue: `BTC-USDT.BINANCE`."""
    venue: str
    venue_symbol: str
    kind: Literal["spot", "perpetual"]
    base: str
    quote: str
    price_scale: int
    """Places of a price in the quote asset."""
    qty_scale: int
    """Places of a quantity in the base asset."""
    price_increment: int
    """Prices are multiples of it, in price units."""
    qty_increment: int
    """Quantities are multiples of it, in quantity units."""
    notional_min: int
    """The least that an order is worth, in price units of the quote asset; 0: no limit."""
    book_sequencing: Sequencing
    """How the venue numbers the changes of its order book."""


def assets_of(instrument: str) -> tuple[str, str]:
    """The base and the quote asset that an id names: `BTC-USDT.BINANCE`. Raises `ValueError`."""
    parts = instrument.partition(".")[0].split("-")
    if len(parts) < 2:  # two assets
        raise ValueError(f"instrument is '{instrument}': expected BASE-QUOTE.VENUE")
    return parts[0], parts[1]


def venue_of(instrument: str) -> str:
    """The venue that an id names."""
    return instrument.partition(".")[2]
