"""What a report says, by a key; the gaps of one text are those of the other."""

from services.standalone.words.summary import SUMMARY
from services.standalone.words.text import Text

REPORT: dict[str, Text] = {
    "title": Text("Marea: report of run {run}", "Marea: informe de la sesión {run}"),
    "simulated": SUMMARY["simulated"],
    "span": Text(
        "{market} · {begin} to {end} UTC · build {build}",
        "{market} · de {begin} a {end} UTC · versión {build}",
    ),
    "unfinished": Text(
        "The run did not reach its end (status: {status}); this is what it wrote until then.",
        "No llegó a su fin (estado: {status}); esto es lo que escribió hasta entonces.",
    ),
    "paper": Text(
        "Paper money. No order left this machine: a simulated venue filled them against the"
        " market of the log. What came of it is no promise of what would come of it with real"
        " money.",
        "Dinero ficticio. Ninguna orden salió de este equipo: una bolsa simulada las ejecutó"
        " contra el mercado del registro. Lo que resultó no promete nada de lo que resultaría"
        " con dinero real.",
    ),
    "verdict": Text(
        "Equity went from {start} to {end} {asset}, all costs paid: {change} ({change_pct} %).",
        "El patrimonio pasó de {start} a {end} {asset}, con todos los costes pagados: {change}"
        " ({change_pct} %).",
    ),
    "market": Text(
        "{market_events} market events were seen.", "Se vieron {market_events} sucesos de mercado."
    ),
    "story": Text(
        "Of {signals} signals of the ensembles that trade, {acts} were sure enough to act on."
        " Risk approved {approved} decisions and denied {denied}; {orders} orders of entry and"
        " exit brought {fills} fills, and {closed} positions were closed.",
        "De {signals} señales de los conjuntos que operan, {acts} eran bastante seguras para"
        " actuar. Riesgos aprobó {approved} decisiones y denegó {denied}; {orders} órdenes de"
        " entrada y salida dieron {fills} ejecuciones, y se cerraron {closed} posiciones.",
    ),
    "cost": Text(
        "It cost {fees} in fees and {slippage} in slippage ({asset}); below zero is a gain.",
        "Costó {fees} en comisiones y {slippage} en deslizamiento ({asset}); bajo cero es"
        " ganancia.",
    ),
    "held": Text(
        "Still held at the end: {exposure} {asset}, at the last marks.",
        "Aún en cartera al final: {exposure} {asset}, a los últimos precios.",
    ),
    "untraded": Text(
        "Nothing was valued in this run: its log holds a market and its features, and no trading.",
        "Nada se valoró en esta sesión: su registro tiene un mercado y sus indicadores, y"
        " ninguna operación.",
    ),
    "equity_end": Text("Equity at the end", "Patrimonio al final"),
    "equity_from": Text("from {start} ({change_pct} %)", "desde {start} ({change_pct} %)"),
    "costs": Text("Costs", "Costes"),
    "costs_of": Text(
        "fees {fees}, slippage {slippage}", "comisiones {fees}, deslizamiento {slippage}"
    ),
    "drawdown_worst": Text("Worst drawdown", "Mayor caída"),
    "pauses": Text(
        "breakers tripped: {breakers}; halts: {halts}",
        "cortacircuitos: {breakers}; paradas: {halts}",
    ),
    "positions_closed": Text("Positions closed", "Posiciones cerradas"),
    "won_lost": Text("{won} with a gain, {lost} without", "{won} con ganancia, {lost} sin ella"),
    "orders": Text("orders", "órdenes"),
    "orders_sent": Text("Orders", "Órdenes"),
    "orders_of": Text(
        "{fills} fills ({partial} partial), {stops} stops fired",
        "{fills} ejecuciones ({partial} parciales), {stops} stops disparados",
    ),
    "denied": Text("Denied by risk", "Denegadas por riesgos"),
    "approved_of": Text("{approved} approved", "{approved} aprobadas"),
    "zoom_in": Text("Zoom in", "Acercar"),
    "zoom_out": Text("Zoom out", "Alejar"),
    "earlier": Text("Earlier", "Antes"),
    "later": Text("Later", "Después"),
    "everything": Text("All", "Todo"),
    "how": Text(
        "Times are UTC. To look closer, drag the mouse across a chart or use the buttons; to"
        " read it, tap or point.",
        "Las horas son UTC. Para acercarse, arrastre el ratón sobre un gráfico o use los"
        " botones; para leerlo, toque o señale.",
    ),
    "no_script": Text(
        "The charts need JavaScript, which is off; the tables stand without it.",
        "Los gráficos necesitan JavaScript, que está apagado; las tablas se ven sin él.",
    ),
    "portfolio": Text("Portfolio", "Cartera"),
    "equity": Text("Equity, {asset}", "Patrimonio, {asset}"),
    "drawdown": Text("Drawdown from the peak, %", "Caída desde el máximo, %"),
    "exposure": Text("Exposure, {asset}", "Exposición, {asset}"),
    "price": Text("Price: mid of bid and ask", "Precio: medio entre compra y venta"),
    "price_bars": Text("Price: close of the bars", "Precio: cierre de las barras"),
    "signal": Text("Signal of {names}, -1 to 1", "Señal de {names}, de -1 a 1"),
    "imbalance": Text(
        "Order book imbalance, first 10 levels, -1 to 1",
        "Desequilibrio del libro de órdenes, 10 primeros niveles, de -1 a 1",
    ),
    "score": Text("score", "puntuación"),
    "act": Text(
        "sure enough to act on: buy up, sell down",
        "bastante segura para actuar: compra hacia arriba, venta hacia abajo",
    ),
    "buy": Text("buy", "compra"),
    "sell": Text("sell", "venta"),
    "entry": Text("entry", "entrada"),
    "exit": Text("exit", "salida"),
    "stop": Text("stop", "stop"),
    "target": Text("target", "objetivo"),
    "fill": Text("{side} {qty} at {price}", "{side} {qty} a {price}"),
    "fills_buy": Text("fill: buy", "ejecución: compra"),
    "fills_sell": Text("fill: sell", "ejecución: venta"),
    "order_entry": Text("entry order", "orden de entrada"),
    "order_stop": Text("protective stop", "stop de protección"),
    "order_target": Text("target", "objetivo"),
    "halt": Text("halt", "parada"),
    "breaker": Text("breaker {level}", "cortacircuitos {level}"),
    "halt_shade": Text("halted: nothing opens", "parada: nada se abre"),
    "breaker_shade": Text(
        "breaker tripped: nothing opens", "cortacircuitos disparado: nada se abre"
    ),
    "pauses_title": Text("When nothing could open", "Cuándo no se podía abrir nada"),
    "cause": Text("Cause", "Causa"),
    "begin": Text("From", "Desde"),
    "end": Text("To", "Hasta"),
    "thinned": Text(
        "too many to draw: 1 of {stride} of {count} {what}",
        "demasiadas para dibujarlas: 1 de cada {stride} de {count} {what}",
    ),
    "fills": Text("fills", "ejecuciones"),
    "nothing": Text("Nothing of it is on the log.", "No hay nada de ello en el registro."),
    "closed_title": Text("Closed positions", "Posiciones cerradas"),
    "closed_last": Text("The last {shown} of {count}.", "Las últimas {shown} de {count}."),
    "no_closed": Text("No position was closed.", "No se cerró ninguna posición."),
    "instrument": Text("Instrument", "Instrumento"),
    "opened_at": Text("Opened", "Abierta"),
    "closed_at": Text("Closed", "Cerrada"),
    "closed_by": Text("Closed by", "Cerrada por"),
    "qty": Text("Quantity", "Cantidad"),
    "entry_price": Text("Entry", "Entrada"),
    "exit_price": Text("Exit", "Salida"),
    "fees": Text("Fees", "Comisiones"),
    "slippage_entry": Text("Slippage of entry, bps", "Deslizamiento de entrada, pb"),
    "slippage_exit": Text("Slippage of exit, bps", "Deslizamiento de salida, pb"),
    "slippage": Text("Slippage", "Deslizamiento"),
    "realized_pnl": Text("Realized PnL, after fees", "Resultado realizado, tras comisiones"),
    "legs_title": Text("Slippage by leg", "Deslizamiento por tramo"),
    "legs_how": Text(
        "Fill against the price decided on; above zero is what it cost.",
        "Lo pagado frente al precio decidido; sobre cero es lo que costó.",
    ),
    "leg": Text("Leg", "Tramo"),
    "completed": Text("Completed", "Completadas"),
    "unfilled": Text("Unfilled", "Sin ejecutar"),
    "slippage_bps": Text("Slippage, bps", "Deslizamiento, pb"),
    "denied_title": Text("Why not: denials by reason", "Por qué no: denegaciones por motivo"),
    "denied_risk": Text("Denied by risk", "Denegadas por riesgos"),
    "denied_execution": Text("Approved, and not carried out", "Aprobadas, y no llevadas a cabo"),
    "denied_venue": Text("Rejected by the venue", "Rechazadas por la bolsa"),
    "no_denied": Text("Nothing was denied.", "Nada fue denegado."),
    "footer": Text(
        "One file, which loads nothing. The log hash of its run: {log_hash}",
        "Un solo archivo, que no carga nada. La huella del registro de su sesión: {log_hash}",
    ),
}
