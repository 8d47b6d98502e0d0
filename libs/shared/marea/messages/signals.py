"""What a strategy thinks of an instrument at the close of a bar."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta

from marea.messages.envelope import Message, Nanos
from marea.messages.market import Price

Action: TypeAlias = Literal["buy", "sell", "hold"]


class Signal(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """One strategy's or ensemble's opinion; it knows no position, and whether it is acted on is risk's."""

    discriminator: ClassVar[tuple[str, ...]] = ("strategy",)

    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    strategy: Annotated[str, Meta(description="the strategy, the combiner or the ensemble")]
    interval_s: Annotated[int, Meta(description="length of the bars it rests on, s")]
    action: Annotated[Action, Meta(description="the side of the score; hold at 0")]
    score: Annotated[float, Meta(description="the target it asks for, -1 to 1 of what it may hold")]
    confidence: Annotated[float, Meta(description="how sure it is, 0 to 1")]
    reasons: Annotated[tuple[str, ...], Meta(description="codes, the strongest first")]
    features: Annotated[dict[str, float], Meta(description="the values it used, by name")]
    votes: Annotated[
        dict[str, float], Meta(description="of an ensemble: each member's score, by its name")
    ]
    weights: Annotated[
        dict[str, float], Meta(description="of an ensemble: what each vote counted, by its name")
    ]
    price_scale: Annotated[int, Meta(description="places of the price")]
    price: Annotated[Price, Meta(description="the close it was made at, in the quote asset")]
    ts_expiry: Annotated[Nanos, Meta(description="not to be acted on from then on, ns UTC")]
