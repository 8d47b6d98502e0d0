"""How does PostgreSQL read what a message holds, from text, exactly?"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from marea.domain.money import format_amount
from services.recorder.sinks.postgres.tables import Row

REPLACEMENT = "\ufffd"
"""PostgreSQL has no character 0 in its texts."""

_SPECIAL = re.compile(r"[\\\n\r\0]")
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\0": REPLACEMENT})
_encode_json = msgspec.json.Encoder().encode


def boolean(is_so: bool) -> str:
    """A yes or no."""
    return "t" if is_so else "f"


def json(content: Any) -> str:  # noqa: ANN401 # whatever msgspec can write
    """Any content as JSON."""
    text = _encode_json(content).decode()
    return text.replace(r"\u0000", REPLACEMENT) if r"\u0000" in text else text


def levels(prices: Sequence[int], qtys: Sequence[int], scales: tuple[int, int]) -> str:
    """One side of an order book, as an array of pairs of price and quantity."""
    price_scale, qty_scale = scales
    pairs = [
        f"{{{format_amount(price, price_scale)},{format_amount(qty, qty_scale)}}}"
        for price, qty in zip(prices, qtys, strict=True)
    ]
    return f"{{{','.join(pairs)}}}"


def copied(rows: Sequence[Row]) -> bytes:
    """Rows as `COPY … FROM STDIN` reads them."""
    lines = [_plain(row) or "\t".join(map(_escaped, row)) for row in rows]
    lines.append("")
    return "\n".join(lines).encode()


def _plain(row: Row) -> str:
    # Nearly every row needs no escape; looking at it whole costs a tenth of escaping each column.
    if None in row:
        return ""
    line = "\t".join(row)  # type: ignore[arg-type] # none of them is None
    is_plain = line.count("\t") == len(row) - 1 and not _SPECIAL.search(line)
    return line if is_plain else ""


def _escaped(text: str | None) -> str:
    return r"\N" if text is None else text.translate(_ESCAPES)
