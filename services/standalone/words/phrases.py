"""Headings and sentences of the commands, by a key."""

from services.standalone.words.services import SERVICES
from services.standalone.words.summary import SUMMARY
from services.standalone.words.text import Text

PHRASES: dict[str, Text] = {
    **SERVICES,
    **SUMMARY,
    "yes": Text("yes", "sí"),
    "no": Text("no", "no"),
    "none": Text("none", "ninguna"),
    "none_known": Text("(none known)", "(ninguno conocido)"),
    "numbers": Text(" ({observed} against {limit})", " ({observed} frente a {limit})"),
    "difference": Text(
        "{code}: {thing}, ours {ours}, the venue's {theirs}",
        "{code}: {thing}, lo nuestro {ours}, lo de la plataforma {theirs}",
    ),
    # explain RUN ID
    "because": Text("It came about because {sentence}.", "Ocurrió porque {sentence}."),
    "fills": Text("Fills: {count}; commission {fees}.", "Ejecuciones: {count}; comisión {fees}."),
    "from_begin_to_end": Text("From begin to end", "De principio a fin"),
    "by_venue_time": Text(
        "UTC by the venue's clock; + is what passed since the line above",
        "UTC según el reloj de la plataforma; + es lo que pasó desde la línea anterior",
    ),
    "strategy": Text("strategy", "estrategia"),
    "says": Text("says", "dice"),
    "score": Text("score", "puntuación"),
    "weight": Text("weight", "peso"),
    "sure": Text("confidence", "confianza"),
    "why": Text("why", "por qué"),
    "gate": Text("gate", "control"),
    "observed": Text("number", "valor"),
    "allowed": Text("limit", "límite"),
    "deciders": Text("What decided", "Qué decidió"),
    "decider": Text(
        "{producer}, epoch {epoch}, build {build}, configuration {config}",
        "{producer}, época {epoch}, versión {build}, configuración {config}",
    ),
    "show_config": Text(
        "the configurations whole: add --json", "las configuraciones enteras: añada --json"
    ),
    # explain RUN --at TIME
    "not_spoken": Text(
        "Nothing was traded: no ensemble that trades had spoken yet; its indicators were not warm,"
        " or its order book was not to be trusted.",
        "No se operó: ningún conjunto que opera había hablado aún; sus indicadores no tenían datos"
        " suficientes o su libro de órdenes no era fiable.",
    ),
    "blocked": Text("Nothing was traded: {check}.", "No se operó: {check}."),
    "denied": Text(
        "Nothing was traded: risk denied it, {reason}{numbers}.",
        "No se operó: riesgo lo denegó, {reason}{numbers}.",
    ),
    "denied_before": Text(
        "Nothing was traded: nothing had changed since risk denied it at {at}, {reason}{numbers}.",
        "No se operó: nada había cambiado desde que riesgo lo denegó a las {at}, {reason}{numbers}.",
    ),
    "refused": Text(
        "Nothing was traded: risk approved, and execution made no order, {reason}.",
        "No se operó: riesgo aprobó y ejecución no hizo ninguna orden, {reason}.",
    ),
    "traded": Text(
        "It was traded: risk approved the {side}, decision {id}.",
        "Se operó: riesgo aprobó la {side}, decisión {id}.",
    ),
    "no_decision": Text(
        "Nothing was traded: what {strategy} asked for changed nothing, so risk had nothing to"
        " decide.",
        "No se operó: lo que pidió {strategy} no cambiaba nada, así que riesgo no tuvo nada que"
        " decidir.",
    ),
    "check_action": Text(
        "{strategy} says {action} (score {score}): {reasons}",
        "{strategy} dice {action} (puntuación {score}): {reasons}",
    ),
    "check_confidence": Text(
        "the confidence of {strategy} is {confidence}, and it is acted on from {limit}",
        "la confianza de {strategy} es {confidence}, y se actúa desde {limit}",
    ),
    "check_expiry": Text(
        "the signal of {strategy} holds until {until}", "la señal de {strategy} vale hasta {until}"
    ),
    "check_halt": Text(
        "{actor} halted trading at {since}", "{actor} paró la operativa a las {since}"
    ),
    "check_no_halt": Text("no halt is in force", "no rige ninguna parada"),
    "check_breaker": Text(
        "breaker {level} is in force until {until}: the drawdown was {drawdown} %, allowed {limit} %",
        "rige el cortacircuitos {level} hasta {until}: la caída fue {drawdown} %, permitida {limit} %",
    ),
    "check_no_breaker": Text("no breaker is in force", "no rige ningún cortacircuitos"),
    "check_no_mark": Text("no price is known yet", "aún no se conoce ningún precio"),
    "check_book": Text("the order book is {status}", "el libro de órdenes está {status}"),
    "check_age": Text(
        "the best bid and ask are {age} s old, allowed {limit} s",
        "la mejor compra y venta tienen {age} s, permitidos {limit} s",
    ),
    "check_position": Text("held of the base asset: {qty}", "se tiene del activo base: {qty}"),
    "check_sale": Text(
        "only what is held can be sold, and held of the base asset is {qty}",
        "solo se vende lo que se tiene, y del activo base se tiene {qty}",
    ),
    "check_working": Text("orders that work: {orders}", "órdenes que trabajan: {orders}"),
    "check_protective": Text(
        "protective orders that wait: {count}", "órdenes de protección en espera: {count}"
    ),
    "heading_votes": Text("What each one said last", "Qué dijo cada una por última vez"),
    "heading_checks": Text("Gate by gate", "Control por control"),
    "heading_gates": Text("The last decision of risk", "La última decisión de riesgo"),
    # doctor RUN
    "all_holds": Text(
        "everything that must hold of run {run} holds", "todo lo que debe cumplir {run} se cumple"
    ),
    "expected_found": Text(
        "expected {expected}, found {found}", "esperado {expected}, hallado {found}"
    ),
    "violations": Text("violations: {count}", "incumplimientos: {count}"),
    "next": Text("Next", "Siguiente"),
}
