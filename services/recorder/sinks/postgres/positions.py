"""What does each portfolio hold after these fills, by average cost?"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from asyncpg import Connection

from marea.domain.instrument import assets_of
from marea.domain.ledger import ASSET_SCALE, fill_of
from marea.domain.money import Rounding, average_price, format_amount
from marea.domain.position import Position, apply_fill
from marea.messages.orders import OrderFilled
from services.recorder.sinks.postgres.rows import Refusal, Taken, lineage_of
from services.recorder.sinks.postgres.tables import Row
from services.recorder.sinks.texts import utc

Held = tuple[str, str]
"""A portfolio, and an instrument that it holds."""

SELECT = """
SELECT portfolio, symbol, net_qty, cost, realized_pnl, fees
FROM trading.positions
WHERE (portfolio, symbol) IN (SELECT * FROM unnest($1::TEXT[], $2::TEXT[]))
"""


async def position_rows(
    connection: Connection, fills: Sequence[Taken], refused: list[Refusal]
) -> list[Row]:
    """The positions after fills that are in none of them yet, in the order they were taken.

    A fill that can't be told in a position, as one of what was bought before this record begins,
    leaves it as it was and goes to `refused`.
    """
    found: dict[Held, Row] = {}
    held = await _positions(connection, sorted({_held_by(_fill(taken)) for taken in fills}))
    for taken in fills:
        fill = _fill(taken)
        key = _held_by(fill)
        try:
            apply_fill(held[key], fill_of(fill, *assets_of(fill.instrument)), fill.ts_event)
        except (ValueError, OverflowError) as err:
            refused.append(Refusal(taken, f"not in positions: {err}"))
            continue
        lineage = lineage_of(taken.log, taken.position, fill)
        portfolio, instrument = key
        found[key] = (*lineage, utc(fill.ts_event), portfolio, instrument, *_figures(held[key]))
    return list(found.values())


def _fill(taken: Taken) -> OrderFilled:
    fill = taken.record.message
    assert isinstance(fill, OrderFilled)
    return fill


def _held_by(fill: OrderFilled) -> Held:
    return fill.portfolio, fill.instrument


async def _positions(connection: Connection, keys: Sequence[Held]) -> Mapping[Held, Position]:
    held = {key: Position() for key in keys}
    for row in await connection.fetch(SELECT, [key[0] for key in keys], [key[1] for key in keys]):
        held[row["portfolio"], row["symbol"]] = Position(
            net_qty=_units(row["net_qty"]),
            cost=_units(row["cost"]),
            realized_pnl=_units(row["realized_pnl"]),
            fees=_units(row["fees"]),
        )
    return held


def _units(amount: Decimal) -> int:
    return int(amount.scaleb(ASSET_SCALE))


def _figures(position: Position) -> Row:
    paid = None
    if position.net_qty:
        scales = (ASSET_SCALE, ASSET_SCALE, ASSET_SCALE)
        average = average_price(position.cost, position.net_qty, *scales, Rounding.NEAREST_EVEN)
        paid = format_amount(average, ASSET_SCALE)
    return (
        format_amount(position.net_qty, ASSET_SCALE),
        paid,
        format_amount(position.cost, ASSET_SCALE),
        format_amount(position.realized_pnl, ASSET_SCALE),
        format_amount(position.fees, ASSET_SCALE),
    )
