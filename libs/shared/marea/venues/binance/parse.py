"""What does a payload of Binance say? One message, or `UnreadableMessage`; never anything else."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from marea.domain.instrument import Instrument
from marea.domain.money import BadAmountError
from marea.messages.market import BookSnapshot, Observation, Quote
from marea.venues.binance import build, wire
from marea.venues.port import UnreadableMessage

Market: TypeAlias = Literal["spot", "usdm"]


class Kind(NamedTuple):
    """How events of a kind are decoded, and which message is built of them."""

    decode: Callable[[bytes | msgspec.Raw], Any]
    decode_envelope: Callable[[bytes], wire.Envelope[Any]]
    build: Callable[[build.Listed, Any, int], Observation]


class Route(NamedTuple):
    """What one stream carries, of which instrument."""

    stream: str
    venue_symbol: str
    listed: build.Listed
    kind: Kind


def _kind(event: type[msgspec.Struct], builder: Callable[..., Observation]) -> Kind:
    envelope: Any = wire.Envelope[event]  # type: ignore[valid-type] # a type that is made here
    return Kind(msgspec.json.Decoder(event).decode, msgspec.json.Decoder(envelope).decode, builder)


_TRADE = _kind(wire.Trade, build.trade)
_AGG_TRADE = _kind(wire.AggTrade, build.agg_trade)
_BAR = _kind(wire.Bar, build.venue_bar)
_BARS = {f"kline_{interval}": _BAR for interval in build.INTERVALS_S}
_SPOT_DELTA = _kind(wire.SpotDelta, build.spot_delta)
_USDM_DELTA = _kind(wire.UsdmDelta, build.usdm_delta)
_MARK_PRICE = _kind(wire.MarkPrice, build.mark_price)

STREAMS: Mapping[Market, Mapping[str, Kind]] = {
    "spot": {
        "trade": _TRADE,
        "aggTrade": _AGG_TRADE,
        "bookTicker": _kind(wire.SpotQuote, build.spot_quote),
        "depth": _SPOT_DELTA,
        "depth@100ms": _SPOT_DELTA,
        "restDepthSnapshot": _kind(wire.SpotSnapshot, build.spot_snapshot),
        **_BARS,
    },
    "usdm": {
        "trade": _TRADE,
        "aggTrade": _AGG_TRADE,
        "bookTicker": _kind(wire.UsdmQuote, build.usdm_quote),
        "depth": _USDM_DELTA,
        "depth@0ms": _USDM_DELTA,
        "depth@100ms": _USDM_DELTA,
        "depth@500ms": _USDM_DELTA,
        "restDepthSnapshot": _kind(wire.UsdmSnapshot, build.usdm_snapshot),
        "markPrice": _MARK_PRICE,
        "markPrice@1s": _MARK_PRICE,
        **_BARS,
    },
}
"""By market, then by what follows `<symbol>@` in the stream's name; `restDepthSnapshot` is no
stream of the venue: recorders wrap its answer to a request so.
"""
UNSTAMPED: Mapping[Market, frozenset[type[Observation]]] = {
    "spot": frozenset({Quote, BookSnapshot}),
    "usdm": frozenset(),
}
"""Messages to which the venue gives no time."""
_STREAM_OF_EVENT = {
    "trade": "trade",
    "aggTrade": "aggTrade",
    "bookTicker": "bookTicker",
    "depthUpdate": "depth",
    "kline": "kline_1m",
    "markPriceUpdate": "markPrice",
}
_STREAM_AT = len(b'{"stream":"')
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode_head = msgspec.json.Decoder(wire.Head).decode


class BinanceParser:
    """Reads the payloads of one market, bare or in the envelope of a combined stream."""

    def __init__(self, instruments: Mapping[str, Instrument], market: Market) -> None:
        self.unstamped = UNSTAMPED[market]
        self._streams = STREAMS[market]
        self._listed = {
            venue_symbol: build.Listed.of(instrument)
            for venue_symbol, instrument in instruments.items()
        }
        self._routes: dict[bytes, Route] = {}
        """By the stream's name, as it stands in a payload."""

    def parse(self, payload: bytes, ts_known: int, venue_symbol: str | None = None) -> Observation:
        """The message that the payload says.

        `ts_known`, ns, stands for a time that the venue does not give; `venue_symbol` names whose a bare
        snapshot is. Raises `UnreadableMessage` only.
        """
        route = self._routes.get(payload[_STREAM_AT : payload.find(b'"', _STREAM_AT)])
        if route is not None:  # as nearly always: what it is can be told before it is decoded
            try:
                envelope = route.kind.decode_envelope(payload)
                event = envelope.data
                if envelope.stream == route.stream and event.s == route.venue_symbol:
                    return route.kind.build(route.listed, event, ts_known)
            except (BadAmountError, *_UNREADABLE):
                pass  # the long way tells what is wrong
        return self._parse_any(payload, ts_known, venue_symbol)

    def _parse_any(
        self, payload: bytes, ts_known: int, venue_symbol: str | None = None
    ) -> Observation:
        try:
            head = _decode_head(payload)
            if not head.stream:
                return self._parse_bare(head, payload, ts_known, venue_symbol)
            route = self._route_of(head.stream)
            event = route.kind.decode(head.data)
            if event.s and event.s != route.venue_symbol:
                raise UnreadableMessage("foreign_symbol", f"s {event.s} on stream {head.stream}")
            return route.kind.build(route.listed, event, ts_known)
        except BadAmountError as err:
            raise UnreadableMessage("bad_amount", str(err)) from err
        except msgspec.ValidationError as err:
            raise UnreadableMessage("ill_typed", str(err)) from err
        except _UNREADABLE as err:
            raise UnreadableMessage("not_json", str(err)) from err

    def _parse_bare(
        self, head: wire.Head, payload: bytes, ts_known: int, venue_symbol: str | None
    ) -> Observation:
        kind = self._kind_of(head)
        event = kind.decode(payload)
        return kind.build(self._listed_as(event.s or venue_symbol), event, ts_known)

    def _route_of(self, stream: str) -> Route:
        name, _, kind_name = stream.partition("@")
        kind = self._streams.get(kind_name)
        if kind is None:
            raise UnreadableMessage(
                "unknown_event", f"stream {stream}: expected one of {', '.join(self._streams)}"
            )
        venue_symbol = name.upper()
        # Only streams of known kinds and instruments come to stand here: their number is bounded.
        route = Route(stream, venue_symbol, self._listed_as(venue_symbol), kind)
        self._routes[stream.encode()] = route
        return route

    def _kind_of(self, head: wire.Head) -> Kind:
        name = _STREAM_OF_EVENT.get(head.e)
        if not head.e:
            if head.lastUpdateId is not None:
                name = "restDepthSnapshot"
            elif head.u is not None:
                name = "bookTicker"
        kind = self._streams.get(name or "")
        if kind is None:
            raise UnreadableMessage(
                "unknown_event", f"e {head.e!r}: expected one of {', '.join(_STREAM_OF_EVENT)}"
            )
        return kind

    def _listed_as(self, venue_symbol: str | None) -> build.Listed:
        if not venue_symbol:
            raise UnreadableMessage("no_symbol", "a bare snapshot, and nothing says whose it is")
        listed = self._listed.get(venue_symbol)
        if listed is None:
            raise UnreadableMessage(
                "unknown_instrument", f"s {venue_symbol}: expected one of {', '.join(self._listed)}"
            )
        return listed
