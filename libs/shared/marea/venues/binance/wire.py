"""What Binance sends, in its own field names; what is not listed here is ignored.

Documentation: see `venue.toml`. Times are ms since 1970 UTC; amounts are text.
"""

from typing import Annotated, Generic, Literal, TypeAlias, TypeVar

from msgspec import Meta, Raw, Struct

Number: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Millis: TypeAlias = Annotated[int, Meta(ge=0, le=9_999_999_999_999)]
"""No more than 13 digits: microseconds (`timeUnit=MICROSECOND`) would be misread as ms."""
Code: TypeAlias = Annotated[str, Meta(max_length=32)]
"""A word of the venue that goes into our messages."""
Levels: TypeAlias = list[tuple[str, str]]
"""Price and quantity of each."""


class Head(Struct, gc=False):
    """What tells the kind of a payload: the stream of an envelope, or what a bare event shows."""

    stream: str = ""
    data: Raw = Raw()
    e: str = ""
    u: int | None = None
    lastUpdateId: int | None = None  # noqa: N815 # the venue's name


E = TypeVar("E")


class Envelope(Struct, Generic[E], gc=False):
    """A payload of a stream whose kind is known. It refuses what `Head` refuses."""

    stream: str
    data: E
    e: str = ""
    u: int | None = None
    lastUpdateId: int | None = None  # noqa: N815 # the venue's name


class Trade(Struct, gc=False):
    """`<symbol>@trade`: one match; futures say which kind in `X`."""

    e: Literal["trade"]
    s: str
    t: Number
    p: str
    q: str
    T: Millis
    m: bool
    X: Code = "MARKET"


class AggTrade(Struct, gc=False):
    """`<symbol>@aggTrade`: the matches of one taker order at one price."""

    e: Literal["aggTrade"]
    s: str
    a: Number
    p: str
    q: str
    f: Number
    l: Number  # noqa: E741 # the venue's name
    T: Millis
    m: bool


class SpotQuote(Struct, gc=False):
    """`<symbol>@bookTicker` of spot: no kind of event, no time."""

    s: str
    u: Number
    b: str
    B: str
    a: str
    A: str


class UsdmQuote(Struct, gc=False):
    """`<symbol>@bookTicker` of USD-M."""

    e: Literal["bookTicker"]
    s: str
    u: Number
    b: str
    B: str
    a: str
    A: str
    T: Millis


class SpotDelta(Struct, gc=False):
    """`<symbol>@depth` of spot: it names no predecessor."""

    e: Literal["depthUpdate"]
    s: str
    E: Millis
    U: Number
    u: Number
    b: Levels
    a: Levels


class UsdmDelta(Struct, gc=False):
    """`<symbol>@depth` of USD-M: `pu` names its predecessor."""

    e: Literal["depthUpdate"]
    s: str
    T: Millis
    U: Number
    u: Number
    pu: Number
    b: Levels
    a: Levels


class SpotSnapshot(Struct, gc=False):
    """The venue does not say whose it is: `s` stays empty."""

    lastUpdateId: Number  # noqa: N815 # the venue's name
    bids: Levels
    asks: Levels
    s: str = ""


class UsdmSnapshot(Struct, gc=False):
    """The venue does not say whose it is: `s` stays empty."""

    lastUpdateId: Number  # noqa: N815 # the venue's name
    T: Millis
    bids: Levels
    asks: Levels
    s: str = ""


class BarBody(Struct, gc=False):
    """The figures of a bar, `k` of the event."""

    t: Millis
    i: str
    f: int
    L: int
    o: str
    h: str
    l: str  # noqa: E741 # the venue's name
    c: str
    v: str
    n: Number
    x: bool


class Bar(Struct, gc=False):
    """`<symbol>@kline_<interval>`: the bar as it stands at `E`."""

    e: Literal["kline"]
    E: Millis
    s: str
    k: BarBody


class MarkPrice(Struct, gc=False):
    """`<symbol>@markPrice`: mark, index and settlement price, and the funding rate."""

    e: Literal["markPriceUpdate"]
    E: Millis
    s: str
    p: str
    i: str
    P: str
    r: str
    T: Millis
