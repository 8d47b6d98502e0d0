"""Of which market of Binance is a tape, and which symbols are on it?"""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from marea.venues.binance.parse import Market
from marea.venues.tape import BadTape, Tape

SURVEYED_LINES_MAX = 1000
"""Lines of each file that are looked at."""


class Survey(NamedTuple):
    """What the first lines of a tape's files show."""

    market: Market
    named: tuple[str, ...]
    """The venue's symbols that are named on it, sorted."""
    venue_symbol_of_file: Mapping[str, str]
    """By `Frame.file`: whose a bare snapshot in it is; empty where it names none or several."""


def survey(files: Sequence[Path]) -> Survey:
    """What the first lines of each file show.

    Raises `BadTape` for a tape that can't be read, of no market that Marea knows, or of two.
    """
    market: Market | None = None
    named: set[str] = set()
    venue_symbol_of_file: dict[str, str] = {}
    for file in files:
        named_here: set[str] = set()
        for frame in islice(Tape([file]), SURVEYED_LINES_MAX):
            market_here, venue_symbol = _shown_by(frame.payload)
            if market and market_here and market_here != market:
                raise BadTape(
                    str(file),
                    frame.line,
                    f"it is of {market_here}, the lines above are of {market}",
                    "run the markets one by one",
                )
            market = market or market_here
            named_here.update([venue_symbol] if venue_symbol else [])
        named |= named_here
        venue_symbol_of_file[str(file)] = named_here.pop() if len(named_here) == 1 else ""
    if market is None:
        raise BadTape(
            ", ".join(map(str, files)) or "tape",
            0,
            "its first lines hold no event of Binance spot or USD-M",
            "name a capture of their market streams",
        )
    return Survey(market, tuple(sorted(named)), venue_symbol_of_file)


def _shown_by(payload: bytes) -> tuple[Market | None, str]:
    try:
        event = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, ""
    if not isinstance(event, dict):
        return None, ""
    body = event.get("data", event)
    if not isinstance(body, dict):
        return None, ""
    venue_symbol = body.get("s") or str(event.get("stream", "")).partition("@")[0].upper()
    return _market_of(body), venue_symbol if isinstance(venue_symbol, str) else ""


def _market_of(event: dict[str, Any]) -> Market | None:
    match event.get("e"):
        case "depthUpdate":
            return "usdm" if "pu" in event else "spot"
        case "trade" | "aggTrade":
            return "spot" if "M" in event else "usdm"
        case "bookTicker" | "markPriceUpdate":
            return "usdm"
        case None if "lastUpdateId" in event:
            return "usdm" if "T" in event else "spot"
        case None if {"u", "b", "a"} <= event.keys():
            return "spot"
        case _:
            return None
