"""What each code says, in words."""

from services.standalone.words.text import Text

_SAID = {
    # sides and what a signal asks for
    "buy": Text("buy", "compra"),
    "sell": Text("sell", "venta"),
    "hold": Text("hold", "mantener"),
    # what an order is for
    "entry": Text("entry", "entrada"),
    "exit": Text("exit", "salida"),
    "stop": Text("protective stop", "stop de protección"),
    "target": Text("profit target", "objetivo de beneficio"),
    "signal": Text("a signal", "una señal"),
    # how it was filled
    "maker": Text("it rested", "en espera en el libro"),
    "taker": Text("it took", "tomó del libro"),
    # instruments, portfolios, people
    "spot": Text("spot", "al contado"),
    "perpetual": Text("a perpetual", "un perpetuo"),
    "advisory": Text("advice only", "solo consejo"),
    "sim": Text("a simulation", "simulación"),
    "paper": Text("virtual money", "dinero virtual"),
    "live": Text("real money", "dinero real"),
    "halt": Text("halt", "parar"),
    "resume": Text("resume", "reanudar"),
    "reset": Text("reset", "restablecer"),
    # bars and order books
    "complete": Text("complete", "completa"),
    "partial": Text("incomplete", "incompleta"),
    "empty": Text("without a trade", "sin operaciones"),
    "LIVE": Text("LIVE", "al día (LIVE)"),
    "SYNCING": Text("not synchronised yet (SYNCING)", "aún sin sincronizar (SYNCING)"),
    "BROKEN": Text("not to be trusted (BROKEN)", "no fiable (BROKEN)"),
    "start": Text("at the start", "al empezar"),
    "synchronised": Text("it holds what the venue holds", "contiene lo que la plataforma"),
    "gap": Text("a change is missing", "falta un cambio"),
    "crossed": Text("a bid is at or above an ask", "una compra iguala o supera una venta"),
    "resync": Text("it begins anew", "empieza de nuevo"),
    "too_old": Text("the one given was too old", "el que se dio era demasiado antiguo"),
    "unanswered": Text("the request was not answered", "la petición quedó sin respuesta"),
}

_SIGNALS = {
    "EMA_20_ABOVE_EMA_50": Text(
        "the short mean is above the long one", "la media corta está sobre la larga"
    ),
    "EMA_20_BELOW_EMA_50": Text(
        "the short mean is below the long one", "la media corta está bajo la larga"
    ),
    "EMA_20_AT_EMA_50": Text("the two means are equal", "las dos medias son iguales"),
    "RSI_OVERSOLD": Text("it was sold too far (RSI below 30)", "sobrevendido (RSI bajo 30)"),
    "RSI_OVERBOUGHT": Text("it was bought too far (RSI above 70)", "sobrecomprado (RSI sobre 70)"),
    "RSI_NEUTRAL": Text("the RSI is between 30 and 70", "el RSI está entre 30 y 70"),
    "MACD_RISING": Text("the MACD rises above its line", "el MACD sube sobre su línea"),
    "MACD_FALLING": Text("the MACD falls below its line", "el MACD baja de su línea"),
    "MACD_FLAT": Text("the MACD is on its line", "el MACD está en su línea"),
    "MACD_TURNING_UP": Text(
        "the MACD turns up, still below zero", "el MACD gira al alza, aún bajo cero"
    ),
    "MACD_TURNING_DOWN": Text(
        "the MACD turns down, still above zero", "el MACD gira a la baja, aún sobre cero"
    ),
    "BELOW_LOWER_BAND": Text("it fell through the lower band", "cayó bajo la banda inferior"),
    "ABOVE_UPPER_BAND": Text("it rose through the upper band", "subió sobre la banda superior"),
    "INSIDE_BANDS": Text("it is between the bands", "está entre las bandas"),
    "PRICE_ABOVE_SMA": Text("the price is above its mean", "el precio está sobre su media"),
    "PRICE_BELOW_SMA": Text("the price is below its mean", "el precio está bajo su media"),
    "PRICE_AT_SMA": Text("the price is at its mean", "el precio está en su media"),
    "SMA_NOT_CONFIRMED": Text(
        "the bars don't confirm the side of the mean", "las barras no confirman el lado de la media"
    ),
    "BUYERS_PRESS": Text(
        "buyers press, in the book and with trades",
        "presionan los compradores, en el libro y con operaciones",
    ),
    "SELLERS_PRESS": Text(
        "sellers press, in the book and with trades",
        "presionan los vendedores, en el libro y con operaciones",
    ),
    "FLOW_BALANCED": Text("neither side presses", "ningún lado presiona"),
    "FLOW_MIXED": Text(
        "book and trades don't press the same way", "libro y operaciones no presionan igual"
    ),
    "COMBINED_BULLISH": Text("combined, they look up", "combinadas, miran al alza"),
    "COMBINED_BEARISH": Text("combined, they look down", "combinadas, miran a la baja"),
    "COMBINED_BALANCED": Text("combined, they cancel out", "combinadas, se anulan"),
    "MAJORITY_BULLISH": Text("most look up", "la mayoría mira al alza"),
    "MAJORITY_BEARISH": Text("most look down", "la mayoría mira a la baja"),
    "NO_MAJORITY": Text("there is no majority", "no hay mayoría"),
    "WEIGHTED_BULLISH": Text("weighed, they look up", "ponderadas, miran al alza"),
    "WEIGHTED_BEARISH": Text("weighed, they look down", "ponderadas, miran a la baja"),
    "WEIGHTED_BALANCED": Text("weighed, they cancel out", "ponderadas, se anulan"),
    "CONFIDENT_BULLISH": Text("the surest look up", "las más seguras miran al alza"),
    "CONFIDENT_BEARISH": Text("the surest look down", "las más seguras miran a la baja"),
    "CONFIDENT_BALANCED": Text("the surest cancel out", "las más seguras se anulan"),
    "BEST_BULLISH": Text("the best so far looks up", "la mejor hasta ahora mira al alza"),
    "BEST_BEARISH": Text("the best so far looks down", "la mejor hasta ahora mira a la baja"),
    "BEST_HOLDS": Text("the best so far holds", "la mejor hasta ahora mantiene"),
    "ABSTAIN_MISSING_FEATURE": Text(
        "it abstains: a value it needs is missing", "se abstiene: falta un valor que necesita"
    ),
    "ABSTAIN_MISSING_BAR": Text("it abstains: the bar is missing", "se abstiene: falta la barra"),
    "ABSTAIN_DEGRADED": Text(
        "it abstains: the record is too far behind",
        "se abstiene: el registro va demasiado atrasado",
    ),
    "RECORDS_TOO_SHORT": Text(
        "too few closed trades to weigh by record",
        "pocas operaciones cerradas para ponderar por historial",
    ),
}

_RISK = {
    "PORTFOLIO_NOT_OPEN": Text("the portfolio isn't open yet", "la cartera aún no está abierta"),
    "NOT_TRADED": Text("the portfolio doesn't trade it", "la cartera no lo opera"),
    "DIVERGED": Text(
        "a service decides otherwise than is recorded",
        "un servicio decide distinto de lo registrado",
    ),
    "CONFIDENCE_TOO_LOW": Text("the signal isn't sure enough", "la señal no es bastante segura"),
    "SIGNAL_EXPIRED": Text("the signal is too old", "la señal es demasiado antigua"),
    "SHORT_NOT_ALLOWED": Text("nothing of it is held to sell", "no se tiene nada que vender"),
    "BOOK_NOT_LIVE": Text("the order book can't be trusted", "el libro de órdenes no es fiable"),
    "PRICE_STALE": Text("the price is too old", "el precio es demasiado antiguo"),
    "ORDER_UNKNOWN": Text(
        "nobody knows what became of an order of it", "se ignora qué fue de una orden suya"
    ),
    "RECONCILIATION_FROZEN": Text(
        "the venue's account differs from ours", "la cuenta de la plataforma difiere de la nuestra"
    ),
    "POSITIONS_MAX": Text("there are too many positions", "hay demasiadas posiciones"),
    "ORDERS_PER_S": Text("too many orders in a second", "demasiadas órdenes en un segundo"),
    "ORDERS_PER_MIN": Text("too many orders in a minute", "demasiadas órdenes en un minuto"),
    "COLLAR": Text(
        "the price has moved too far from the signal's",
        "el precio se alejó demasiado del de la señal",
    ),
    "STOP_IMPOSSIBLE": Text(
        "no protective stop can be set for it", "no se le puede fijar un stop de protección"
    ),
    "KELLY_NOT_POSITIVE": Text(
        "its closed trades promise no gain", "sus operaciones cerradas no prometen ganancia"
    ),
    "PROFILE_CAP": Text("the profile allows no more", "el perfil no permite más"),
    "ASSET_CAP": Text("the cap of the asset is reached", "se alcanzó el tope del activo"),
    "SECTOR_CAP": Text("the cap of the sector is reached", "se alcanzó el tope del sector"),
    "BELOW_MINIMUM": Text(
        "it would be worth less than the venue takes",
        "valdría menos de lo que admite la plataforma",
    ),
}

_COMMANDS_AND_LEDGER = {
    "APPROVED": Text("approved", "aprobado"),
    "ROLE_NOT_ALLOWED": Text("the role may not do that", "el rol no puede hacerlo"),
    "REASON_MISSING": Text("it gave no reason", "no dio ningún motivo"),
    "DUPLICATE": Text("it was taken before", "ya se había tomado antes"),
    "NO_EFFECT": Text("it changes nothing", "no cambia nada"),
    "elapsed": Text("its time is over", "pasó su tiempo"),
    "opening": Text("opening balance", "saldo inicial"),
    "fill": Text("fill", "ejecución"),
    "cross": Text("between strategies", "entre estrategias"),
    "adjustment": Text("adjustment", "ajuste"),
}

_ORDERS = {
    # why execution cancels, or makes no order
    "passive_over": Text(
        "it rested long enough, the next one crosses the spread",
        "esperó lo suficiente, la siguiente cruza el diferencial",
    ),
    "expired": Text("its time is over", "venció su plazo"),
    "halted": Text("trading is halted", "la operativa está parada"),
    "breaker": Text("a drawdown breaker is in force", "rige un cortacircuitos por caída"),
    "EXPIRED": Text("its time is over", "venció su plazo"),
    "HALTED": Text("trading is halted", "la operativa está parada"),
    "BREAKER_OPEN": Text("a drawdown breaker is in force", "rige un cortacircuitos por caída"),
    "ORDER_WORKING": Text("another order works there", "ya trabaja otra orden allí"),
    "NOT_LIVE": Text("the order book can't be trusted", "el libro de órdenes no es fiable"),
    "ADVISORY": Text("the portfolio only gives advice", "la cartera solo aconseja"),
    "FROZEN": Text(
        "an order is unknown or an account differs", "una orden se desconoce o una cuenta difiere"
    ),
    "BUILDS_DIFFER": Text(
        "services of different versions share the log",
        "servicios de versiones distintas comparten el registro",
    ),
    # what differs between ours and the venue's
    "ORDER": Text("an order", "una orden"),
    "UNPROTECTED": Text("a position without its stop", "una posición sin su stop"),
    "UNSETTLED": Text("an order that nobody can vouch for", "una orden de la que nadie responde"),
    "MISFIT": Text("a report that can't be", "un informe que no puede ser"),
    "NO_ANSWER": Text("the venue did not answer", "la plataforma no respondió"),
    # why a request did not leave, or nobody knows
    "late": Text("it came too late to be sent", "llegó tarde para enviarse"),
    "timeout": Text("no answer came in time", "no llegó respuesta a tiempo"),
    "unparsable": Text("the answer can't be read", "la respuesta no puede leerse"),
    "venue": Text("the venue itself doesn't know", "la propia plataforma no lo sabe"),
    # what the venue says
    "accepted": Text("accepted", "aceptada"),
    "rejected": Text("rejected", "rechazada"),
    "amended": Text("amended", "modificada"),
    "triggered": Text("triggered", "activada"),
    "filled": Text("filled", "ejecutada"),
    "canceled": Text("canceled", "cancelada"),
    "cancel_rejected": Text("not canceled", "no cancelada"),
    "PRICE_TICK": Text(
        "the price is no multiple of its step", "el precio no es múltiplo de su paso"
    ),
    "LOT_SIZE": Text(
        "the quantity is no multiple of its step", "la cantidad no es múltiplo de su paso"
    ),
    "MIN_NOTIONAL": Text("it is worth less than the least", "vale menos que el mínimo"),
    "BALANCE": Text("the account doesn't hold enough", "la cuenta no tiene suficiente"),
    "POST_ONLY": Text(
        "it would have taken instead of resting", "habría tomado del libro en lugar de esperar"
    ),
    "REDUCE_ONLY": Text("it would have enlarged the position", "habría aumentado la posición"),
    "DUPLICATE_ID": Text("the venue has that id already", "la plataforma ya tiene ese id"),
    "UNKNOWN_INSTRUMENT": Text("the venue doesn't trade it", "la plataforma no lo negocia"),
    "TIMESTAMP": Text("it was signed too long ago", "se firmó hace demasiado"),
    "MARKET_CLOSED": Text("the market is closed", "el mercado está cerrado"),
    "requested": Text("as we asked", "como pedimos"),
    "replaced": Text("another order took its place", "otra orden tomó su lugar"),
    "sibling_filled": Text(
        "the order beside it was filled", "se ejecutó la orden que la acompañaba"
    ),
    "entry_ended": Text("its entry ended", "terminó su entrada"),
    "ENDED": Text("it had ended", "ya había terminado"),
    "UNKNOWN_ORDER": Text("the venue doesn't know it", "la plataforma no la conoce"),
}

_QUALITY = {
    # checks of incoming data
    "sequence": Text("the sequence of updates", "la secuencia de actualizaciones"),
    "jump": Text("a jump of the price", "un salto del precio"),
    "stale": Text("silence", "silencio"),
    "skew": Text("stamps that are off", "sellos de tiempo desviados"),
    "agreement": Text("agreement with the venue", "acuerdo con la plataforma"),
    # why a message is a dead letter
    "not_json": Text("it is no JSON", "no es JSON"),
    "ill_typed": Text("a field has another type", "un campo es de otro tipo"),
    "bad_amount": Text("an amount can't be right", "una cantidad no puede ser correcta"),
    "bad_order": Text("its levels are not in order", "sus niveles no están en orden"),
    "bad_sequence": Text("its numbers can't be right", "sus números no pueden ser correctos"),
    "bad_time": Text("its time can't be right", "su hora no puede ser correcta"),
    "no_symbol": Text("it names no instrument", "no nombra ningún instrumento"),
    "foreign_symbol": Text("it names another instrument", "nombra otro instrumento"),
    "unknown_event": Text("it is of no kind that is expected", "no es de ninguna clase esperada"),
    "unknown_interval": Text("its interval is unknown", "su intervalo es desconocido"),
    "unknown_instrument": Text("its instrument is unknown", "su instrumento es desconocido"),
}

CODES: dict[str, Text] = {
    **_SAID,
    **_SIGNALS,
    **_RISK,
    **_COMMANDS_AND_LEDGER,
    **_ORDERS,
    **_QUALITY,
}
"""Every code that is shown; one that isn't here (a service says when it begins) shows as it is."""

ACCOUNTS: dict[str, Text] = {
    "wallet": Text("wallet", "monedero"),
    "venue": Text("venue", "plataforma"),
    "fees": Text("fees", "comisiones"),
    "opening": Text("opening", "apertura"),
}
"""Accounts of the ledger."""
