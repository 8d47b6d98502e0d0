"""What each message says, in one sentence; in braces the fields of its wire form."""

from services.standalone.words.text import Text

DENIED = "RiskDecision denied"

SENTENCES: dict[str, Text] = {
    # market
    "InstrumentChanged": Text(
        "{instrument} is {kind} at {venue}: prices in steps of {price_increment}, quantities in"
        " steps of {qty_increment}, orders of at least {notional_min} {quote}",
        "{instrument} es {kind} en {venue}: precios en pasos de {price_increment}, cantidades en"
        " pasos de {qty_increment}, órdenes de {notional_min} {quote} como mínimo",
    ),
    "Trade": Text(
        "{qty} traded at {price}; the taker's side was {taker_side}",
        "se negociaron {qty} a {price}; el lado agresor fue {taker_side}",
    ),
    "Quote": Text(
        "best bid {bid_price} for {bid_qty}, best ask {ask_price} for {ask_qty}",
        "mejor compra {bid_price} por {bid_qty}, mejor venta {ask_price} por {ask_qty}",
    ),
    "BookDelta": Text(
        "the order book changed, updates {first_update_id} to {last_update_id}",
        "el libro de órdenes cambió, actualizaciones {first_update_id} a {last_update_id}",
    ),
    "BookSnapshot": Text(
        "the venue gave its order book as of update {last_update_id}",
        "la plataforma dio su libro de órdenes a fecha de la actualización {last_update_id}",
    ),
    "VenueBar": Text(
        "the venue's own bar of {interval_s} s: close {close}, volume {volume}",
        "la barra propia de la plataforma, de {interval_s} s: cierre {close}, volumen {volume}",
    ),
    "MarkPrice": Text(
        "{instrument} is marked at {mark_price}, index {index_price}",
        "{instrument} se valora a {mark_price}, índice {index_price}",
    ),
    "BookStatusChanged": Text(
        "the order book of {instrument} is {status}: {reason}",
        "el libro de órdenes de {instrument} está {status}: {reason}",
    ),
    "RequestSnapshot": Text(
        "the order book of {instrument} is asked for: {reason}",
        "se pide el libro de órdenes de {instrument}: {reason}",
    ),
    # features
    "Bar": Text(
        "the bar of {interval_s} s closed at {close}: open {open}, high {high}, low {low},"
        " volume {volume}; {status}",
        "la barra de {interval_s} s cerró a {close}: apertura {open}, máximo {high}, mínimo {low},"
        " volumen {volume}; {status}",
    ),
    "BarCorrection": Text(
        "a trade came late for a bar of {interval_s} s: with it the close is {close}",
        "una operación llegó tarde a una barra de {interval_s} s: con ella el cierre es {close}",
    ),
    "FeatureVector": Text(
        "the features of {instrument} at that instant; its order book was {book_status}",
        "los valores de {instrument} en ese instante; su libro de órdenes estaba {book_status}",
    ),
    # signals
    "Signal": Text(
        "{strategy} says {action}: score {score}, confidence {confidence}, at {price}; {reasons}",
        "{strategy} dice {action}: puntuación {score}, confianza {confidence}, a {price}; {reasons}",
    ),
    # portfolio
    "PortfolioOpened": Text(
        "portfolio {portfolio} of {owner} began at {venue} as {mode}, with {balances}",
        "la cartera {portfolio} de {owner} empezó en {venue} como {mode}, con {balances}",
    ),
    "Mark": Text(
        "{instrument} is worth {bid_price} to {ask_price}; its order book is {book_status}",
        "{instrument} vale de {bid_price} a {ask_price}; su libro de órdenes está {book_status}",
    ),
    "Command": Text(
        "{actor} ({role}) orders: {action}; why: {reason}",
        "{actor} ({role}) ordena: {action}; por qué: {reason}",
    ),
    "CommandTaken": Text(
        "the command of {actor} to {action}: {reason}",
        "el mando de {actor}, {action}: {reason}",
    ),
    "RiskDecision": Text(
        "risk approved the {purpose} ({side}) of {qty} {instrument} for {strategy}, at"
        " {collar_price} at worst; stop {stop_price}, target {target_price}",
        "riesgo aprobó la {purpose} ({side}) de {qty} {instrument} para {strategy}, a"
        " {collar_price} en el peor caso; stop {stop_price}, objetivo {target_price}",
    ),
    DENIED: Text(
        "risk denied the {purpose} ({side}) of {instrument} for {strategy}: {reason}{numbers}",
        "riesgo denegó la {purpose} ({side}) de {instrument} para {strategy}: {reason}{numbers}",
    ),
    "BreakerTripped": Text(
        "the drawdown of {drawdown_pct} % passed {drawdown_pct_max} %: breaker {level} stops"
        " openings until {ts_until}; equity {equity} {asset}, from {reference}",
        "la caída de {drawdown_pct} % superó {drawdown_pct_max} %: el cortacircuitos {level} frena"
        " las entradas hasta {ts_until}; capital {equity} {asset}, desde {reference}",
    ),
    "BreakerEnded": Text(
        "breaker {level} ended ({cause}); it measures from {reference} {asset} now",
        "el cortacircuitos {level} terminó ({cause}); mide desde {reference} {asset} a partir de ahora",
    ),
    "JournalPosted": Text(
        "posted to the ledger ({cause}): {entries}",
        "asiento en el libro mayor ({cause}): {entries}",
    ),
    "PositionClosed": Text(
        "the position of {strategy} in {instrument} closed by {exit_reason}: {qty} bought at"
        " {entry_price}, sold at {exit_price}; result {realized_pnl} {asset} after {fees} of fees",
        "la posición de {strategy} en {instrument} se cerró por {exit_reason}: {qty} comprados a"
        " {entry_price}, vendidos a {exit_price}; resultado {realized_pnl} {asset} tras {fees} de"
        " comisiones",
    ),
    "PortfolioValued": Text(
        "portfolio {portfolio} is worth {equity} {asset}, {exposure} of it invested; drawdown"
        " {drawdown_pct} %",
        "la cartera {portfolio} vale {equity} {asset}, {exposure} invertidos; caída {drawdown_pct} %",
    ),
    # orders
    "OrderIntended": Text(
        "order {client_order_id} ({leg}): {side} {qty} {instrument} at {price} or better",
        "orden {client_order_id} ({leg}): {side} de {qty} {instrument} a {price} o mejor",
    ),
    "CancelIntended": Text(
        "order {client_order_id} is to be canceled: {reason}",
        "la orden {client_order_id} debe cancelarse: {reason}",
    ),
    "LookUpOrder": Text(
        "the venue is asked whether it knows order {client_order_id}",
        "se pregunta a la plataforma si conoce la orden {client_order_id}",
    ),
    "ReportAccount": Text(
        "the venue is asked what account {account} holds",
        "se pregunta a la plataforma qué contiene la cuenta {account}",
    ),
    "ApprovalRefused": Text(
        "approved, and yet no order was made: {reason}",
        "aprobada, y aun así no se hizo ninguna orden: {reason}",
    ),
    "OrderCompleted": Text(
        "the {leg} is over: {filled_qty} of {qty} filled at {avg_price} on average; decided at"
        " {decision_price}, sent at {arrival_price}, slippage {slippage_bps} bps",
        "la {leg} terminó: {filled_qty} de {qty} ejecutados a {avg_price} de media; decidida a"
        " {decision_price}, enviada a {arrival_price}, deslizamiento {slippage_bps} pb",
    ),
    "ReconciliationDone": Text(
        "held against account {account} of the venue; differences: {differences}",
        "cotejado con la cuenta {account} de la plataforma; diferencias: {differences}",
    ),
    "OrderSent": Text(
        "order {client_order_id} was sent, attempt {attempt}; best bid {bid_price}, best ask"
        " {ask_price} then",
        "la orden {client_order_id} se envió, intento {attempt}; mejor compra {bid_price}, mejor"
        " venta {ask_price} entonces",
    ),
    "OrderNotSent": Text(
        "order {client_order_id} was not sent: {reason}",
        "la orden {client_order_id} no se envió: {reason}",
    ),
    "OrderUnknown": Text(
        "nobody knows whether the venue has order {client_order_id}: {reason}",
        "nadie sabe si la plataforma tiene la orden {client_order_id}: {reason}",
    ),
    "OrderLookedUp": Text(
        "the venue has order {client_order_id}: {found}",
        "la plataforma tiene la orden {client_order_id}: {found}",
    ),
    "OrderAccepted": Text(
        "the venue accepted order {client_order_id} of {qty}",
        "la plataforma aceptó la orden {client_order_id} de {qty}",
    ),
    "OrderRejected": Text(
        "the venue rejected order {client_order_id}: {reason}",
        "la plataforma rechazó la orden {client_order_id}: {reason}",
    ),
    "OrderAmended": Text(
        "order {client_order_id} is of {qty} now",
        "la orden {client_order_id} es ahora de {qty}",
    ),
    "OrderTriggered": Text(
        "the price of the protective stop {client_order_id} was reached",
        "se alcanzó el precio del stop de protección {client_order_id}",
    ),
    "OrderFilled": Text(
        "filled ({side}, {liquidity}): {last_qty} at {last_price} of order {client_order_id};"
        " {cum_qty} so far, {leaves_qty} to go; commission {commission} {commission_asset}",
        "ejecutado ({side}, {liquidity}): {last_qty} a {last_price} de la orden {client_order_id};"
        " {cum_qty} hasta ahora, faltan {leaves_qty}; comisión {commission} {commission_asset}",
    ),
    "OrderCanceled": Text(
        "order {client_order_id} was canceled: {reason}",
        "la orden {client_order_id} se canceló: {reason}",
    ),
    "CancelRejected": Text(
        "order {client_order_id} could not be canceled: {reason}",
        "la orden {client_order_id} no pudo cancelarse: {reason}",
    ),
    "AccountReported": Text(
        "account {account} holds {balances} at the venue",
        "la cuenta {account} contiene {balances} en la plataforma",
    ),
    # the paper venue
    "AccountOpened": Text(
        "the virtual account {account} began with {balances}",
        "la cuenta virtual {account} empezó con {balances}",
    ),
    "PlaceOrder": Text(
        "the venue is asked to {side} {qty} {instrument} at {price} (order {client_order_id})",
        "se pide a la plataforma la {side} de {qty} {instrument} a {price} (orden"
        " {client_order_id})",
    ),
    "CancelOrder": Text(
        "the venue is asked to cancel order {client_order_id}",
        "se pide a la plataforma cancelar la orden {client_order_id}",
    ),
    "ExecutionReport": Text(
        "at the venue order {client_order_id} was {kind} {reason}; {cum_qty} of {qty} filled",
        "en la plataforma la orden {client_order_id} fue {kind} {reason}; {cum_qty} de {qty}"
        " ejecutados",
    ),
    # the system
    "Clock": Text("the clock of {stream}", "el reloj de {stream}"),
    "ClockOffset": Text(
        "our clock and the venue's are {offset_ns} ns apart, from {sample_count} stamps",
        "nuestro reloj y el de la plataforma distan {offset_ns} ns, según {sample_count} sellos",
    ),
    "Started": Text("{service} started, build {build}", "{service} arrancó, versión {build}"),
    "Heartbeat": Text(
        "{service} runs at {instance}, and goes on from its input {resumes_at}",
        "{service} corre en {instance}, y sigue desde su entrada {resumes_at}",
    ),
    "OwnerLeft": Text(
        "{service} ends at {instance}, and leaves its inputs from {resumes_at} on to the next one",
        "{service} termina en {instance}, y deja sus entradas desde la {resumes_at} a la siguiente",
    ),
    "CoreDiverged": Text(
        "{service} decides otherwise today than is recorded: {detail}",
        "{service} decide hoy otra cosa que lo registrado: {detail}",
    ),
    "GapFound": Text(
        "records {first_missing} to {last_missing} of {producer} are missing",
        "faltan los registros {first_missing} a {last_missing} de {producer}",
    ),
    "Degraded": Text(
        "the record of {producer} is {behind_count} events, {behind_ms} ms behind;"
        " caught up: {is_over}",
        "el registro de {producer} lleva {behind_count} eventos, {behind_ms} ms de atraso;"
        " al día: {is_over}",
    ),
    "QualityCheckFailed": Text(
        "a check of the data of {instrument} failed, {check}: {observed}, allowed {limit}",
        "falló un control de los datos de {instrument}, {check}: {observed}, permitido {limit}",
    ),
    "DeadLetter": Text(
        "a message of {source} at {place} could not be taken, {reason}: {detail}",
        "un mensaje de {source} en {place} no pudo tomarse, {reason}: {detail}",
    ),
}
