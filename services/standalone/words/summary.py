"""What a run's end is told in, by a key; whole numbers show with their thousands apart."""

from services.standalone.words.text import Text

SUMMARY: dict[str, Text] = {
    "simulated": Text(
        "simulated market, seed {seed}, {minutes} min",
        "mercado simulado, semilla {seed}, {minutes} min",
    ),
    # the market
    "row_messages": Text("messages", "mensajes"),
    "passed_on": Text("{count:,} passed on", "{count:,} transmitidos"),
    "row_aside": Text("set aside", "apartados"),
    "aside": Text(
        "{dead_letters:,} dead letters, {duplicates:,} duplicates, {conflated:,} conflated",
        "{dead_letters:,} ilegibles, {duplicates:,} duplicados, {conflated:,} fundidos",
    ),
    "row_stamps": Text("stamps", "sellos"),
    "steps_back": Text(
        "{count:,} lower than one on a line above", "{count:,} menores que uno anterior"
    ),
    "row_bars": Text("bars", "barras"),
    "row_vectors": Text("vectors", "vectores"),
    "row_no_vector": Text("no vector", "sin vector"),
    "no_vector": Text(
        "{not_warm:,} bars before all indicators were warm, {not_live:,} without a trusted book",
        "{not_warm:,} barras antes de que los indicadores tuvieran datos, {not_live:,} sin un"
        " libro fiable",
    ),
    "row_book": Text("order book", "libro"),
    "book": Text(
        "{name} {status}, equal to the venue's quote {agreed:,} of {compared:,} times",
        "{name} {status}, igual a la cotización de la plataforma {agreed:,} de {compared:,} veces",
    ),
    "row_quality": Text("quality", "calidad"),
    "quality": Text("checks that failed: {failed}", "controles fallidos: {failed}"),
    # the trading
    "row_signals": Text("signals", "señales"),
    "row_decisions": Text("decisions", "decisiones"),
    "decisions": Text("{count:,}, {denied:,} of them denied", "{count:,}, {denied:,} denegadas"),
    "row_denied": Text("denied", "denegado"),
    "row_orders": Text("orders", "órdenes"),
    "orders": Text(
        "{orders:,} sent, {fills:,} fills ({partial:,} partial), {cancels:,} canceled,"
        " {rejects:,} rejected, {stops:,} protective stops fired",
        "{orders:,} enviadas, {fills:,} ejecuciones ({partial:,} parciales), {cancels:,}"
        " canceladas, {rejects:,} rechazadas, {stops:,} stops de protección activados",
    ),
    "row_positions": Text("positions", "posiciones"),
    "positions": Text(
        "{closed:,} closed, {won:,} with a gain", "{closed:,} cerradas, {won:,} con ganancia"
    ),
    "row_breakers": Text("breaker", "cortacircuitos"),
    "breaker_tripped": Text(
        "level {level} tripped, times: {count:,}", "saltó el nivel {level}, veces: {count:,}"
    ),
    "row_commands": Text("commands", "mandos"),
    "late_commands": Text(
        "commands whose time the market did not reach: {count:,}",
        "mandos a cuya hora el mercado no llegó: {count:,}",
    ),
    "row_equity": Text("equity", "capital"),
    "equity": Text(
        "{start} at the start, {end} {asset} at the end; worst drawdown {drawdown} %",
        "{start} al empezar, {end} {asset} al terminar; peor caída {drawdown} %",
    ),
    "row_costs": Text("costs", "costes"),
    "costs": Text(
        "fees {fees} {asset}; closed positions made {realized} {asset} after them",
        "comisiones {fees} {asset}; lo cerrado dejó {realized} {asset} tras ellas",
    ),
    # the run
    "row_speed": Text("speed", "velocidad"),
    "speed": Text("{rate:,} messages/s, {seconds} s", "{rate:,} mensajes/s, {seconds} s"),
    "row_hash": Text("log hash", "huella"),
    "row_run": Text("run", "carpeta"),
    "row_report": Text("report", "informe"),
    "look": Text("look at this: {trouble}", "mire esto: {trouble}"),
    "trouble_dead_letters": Text(
        "messages that could not be read: {count:,}", "mensajes que no pudieron leerse: {count:,}"
    ),
    "trouble_divergences": Text(
        "outputs unlike what is on the log: {count:,}",
        "salidas distintas de lo registrado: {count:,}",
    ),
    "trouble_book": Text(
        "the order book of {name} is {status} at the end",
        "el libro de órdenes de {name} está {status} al terminar",
    ),
    "trouble_quotes": Text(
        "the order book of {name} was unlike the quote at equal updates, times: {count:,}",
        "el libro de órdenes de {name} difirió de la cotización a igual actualización, veces:"
        " {count:,}",
    ),
    # what to try
    "after": Text(", after `. {activate}`", ", tras `. {activate}`"),
    "try_decisions": Text("what risk decided, and why", "qué decidió riesgo, y por qué"),
    "try_orders": Text(
        "orders; `marea explain` tells of each by its id",
        "órdenes; `marea explain` cuenta de cada una por su id",
    ),
    "try_bars": Text("the bars, as they were closed", "las barras, según cerraron"),
    "try_vectors": Text("every feature by its name", "cada valor por su nombre"),
    "try_breakers": Text(
        "how far equity fell, and until when nothing opens",
        "cuánto cayó el capital, y hasta cuándo no se abre nada",
    ),
    "try_commands": Text(
        "who ordered what, and what became of it", "quién mandó qué, y qué fue de ello"
    ),
    "try_quality": Text("what looked wrong, and when", "qué pareció mal, y cuándo"),
    "try_dead_letters": Text("what could not be read, and why", "qué no pudo leerse, y por qué"),
    "try_another": Text("another market", "otro mercado"),
}
