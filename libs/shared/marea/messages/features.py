"""What is made of the market: bars and the vector of features at an instant."""

from typing import Annotated, ClassVar

from msgspec import Meta

from marea.domain.bars import BarStatus
from marea.domain.book import BookStatus
from marea.messages.envelope import Message, Nanos
from marea.messages.market import Price, Qty


class Bar(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """The trades of one interval, closed by the stream's clock and never changed after."""

    discriminator: ClassVar[tuple[str, ...]] = ("interval_s", "ts_open")

    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    interval_s: Annotated[int, Meta(description="length, s")]
    ts_open: Annotated[Nanos, Meta(description="begin, ns UTC, a multiple of the interval")]
    open: Annotated[Price, Meta(description="first price, in the quote asset")]
    high: Annotated[Price, Meta(description="highest price, in the quote asset")]
    low: Annotated[Price, Meta(description="lowest price, in the quote asset")]
    close: Annotated[Price, Meta(description="last price, in the quote asset")]
    volume: Annotated[Qty, Meta(description="in the base asset")]
    trade_count: Annotated[int, Meta(description="trade messages in it")]
    first_trade_id: Annotated[int, Meta(description="the venue's number; -1: no trade")]
    last_trade_id: Annotated[int, Meta(description="the venue's number; -1: no trade")]
    status: Annotated[
        BarStatus,
        Meta(description="partial: the stream began or missed trades in it; empty: no trade"),
    ]


class BarCorrection(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A closed bar as it would have been with a trade that came too late for it."""

    discriminator: ClassVar[tuple[str, ...]] = ("interval_s", "ts_open")

    bar_id: Annotated[str, Meta(description="the bar that it corrects")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    interval_s: Annotated[int, Meta(description="length, s")]
    ts_open: Annotated[Nanos, Meta(description="begin, ns UTC")]
    open: Annotated[Price, Meta(description="first price, in the quote asset")]
    high: Annotated[Price, Meta(description="highest price, in the quote asset")]
    low: Annotated[Price, Meta(description="lowest price, in the quote asset")]
    close: Annotated[Price, Meta(description="last price, in the quote asset")]
    volume: Annotated[Qty, Meta(description="in the base asset")]
    trade_count: Annotated[int, Meta(description="trade messages in it")]
    first_trade_id: Annotated[int, Meta(description="the venue's number; -1: no trade")]
    last_trade_id: Annotated[int, Meta(description="the venue's number; -1: no trade")]
    status: Annotated[BarStatus, Meta(description="of the bar with the trades that came late")]


class FeatureVector(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """Every feature of an instrument at one instant."""

    discriminator: ClassVar[tuple[str, ...]] = ("interval_s", "bar_id")

    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    interval_s: Annotated[int, Meta(description="length of the bars it rests on, s")]
    set_version: Annotated[str, Meta(description="names, parameters and order of the values")]
    bar_id: Annotated[str, Meta(description="the bar that closed here; empty: between two bars")]
    book_status: Annotated[BookStatus, Meta(description="no opening unless LIVE")]
    values: Annotated[dict[str, float], Meta(description="by name; finite; units in the glossary")]
