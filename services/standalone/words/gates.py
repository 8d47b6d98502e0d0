"""What each gate of risk measures, with the unit of its number and its limit; a switch is 0 or 1."""

from services.standalone.words.text import Text

GATES: dict[str, Text] = {
    "PORTFOLIO_NOT_OPEN": Text("portfolio not open", "cartera sin abrir"),
    "NOT_TRADED": Text("instrument not traded here", "instrumento que aquí no se opera"),
    "HALTED": Text("halt in force", "parada vigente"),
    "DIVERGED": Text("divergence not accepted yet", "divergencia sin aceptar"),
    "BREAKER_OPEN": Text("highest breaker in force, level", "mayor cortacircuitos vigente, nivel"),
    "CONFIDENCE_TOO_LOW": Text("confidence, at least", "confianza, como mínimo"),
    "SIGNAL_EXPIRED": Text("age of the signal, s", "edad de la señal, s"),
    "SHORT_NOT_ALLOWED": Text("sale of what isn't held", "venta de lo que no se tiene"),
    "BOOK_NOT_LIVE": Text("order book not to be trusted", "libro de órdenes no fiable"),
    "PRICE_STALE": Text("age of the best bid and ask, s", "edad de la mejor compra y venta, s"),
    "ORDER_UNKNOWN": Text("orders of unknown state", "órdenes de estado desconocido"),
    "RECONCILIATION_FROZEN": Text("frozen by reconciliation", "congelado por el cotejo"),
    "ORDER_WORKING": Text("order working there", "orden que ya trabaja allí"),
    "POSITIONS_MAX": Text("positions, this one included", "posiciones, incluida esta"),
    "ORDERS_PER_S": Text(
        "orders in a second, with its own", "órdenes en un segundo, con las suyas"
    ),
    "ORDERS_PER_MIN": Text(
        "orders in a minute, with its own", "órdenes en un minuto, con las suyas"
    ),
    "COLLAR": Text("signal's price from the mid, %", "precio de la señal desde el medio, %"),
    "STOP_IMPOSSIBLE": Text("stop below the mid, %, less than", "stop bajo el medio, %, menos de"),
    "KELLY_NOT_POSITIVE": Text("notional, by Kelly's share", "importe, por la parte de Kelly"),
    "PROFILE_CAP": Text("notional, by the profile's cap", "importe, por el tope del perfil"),
    "ASSET_CAP": Text("notional, by the asset's cap", "importe, por el tope del activo"),
    "SECTOR_CAP": Text("notional, by the sector's cap", "importe, por el tope del sector"),
    "BALANCE": Text("notional, by what is free", "importe, por lo que está libre"),
    "BELOW_MINIMUM": Text("notional, at least", "importe, como mínimo"),
}
