"""What a person is told of the services that run, by a key."""

from services.standalone.words.text import Text

SERVICES: dict[str, Text] = {
    # the columns
    "up_service": Text("service", "servicio"),
    "up_state": Text("state", "estado"),
    "up_role": Text("role", "papel"),
    "up_lag": Text("lag", "retraso"),
    "up_rate": Text("records/s", "registros/s"),
    "up_epoch": Text("epoch", "época"),
    "up_hop": Text("slowest hop, p50/p99 ms", "paso más lento, p50/p99 ms"),
    "up_time": Text("up", "activo"),
    "up_restarts": Text("restarts", "reinicios"),
    "up_error": Text("last error", "último error"),
    # the states
    "up_starts": Text("starts", "arranca"),
    "up_silent": Text("does not answer", "no responde"),
    "up_ended": Text("ended", "terminó"),
    "up_left_alone": Text("ended, left alone", "terminó, no se reinicia"),
    "up_has_not_started": Text("has not started", "no ha empezado"),
    "up_recovers": Text("recovers", "se recupera"),
    "up_follows": Text("follows", "sigue"),
    "up_runs": Text("runs", "en marcha"),
    "up_degraded": Text(", degraded", ", degradado"),
    # the roles
    "up_owner": Text("owner", "titular"),
    "up_standby": Text("standby", "reserva"),
    "up_both": Text("both", "ambos"),
    # the command itself
    "up_logs": Text("logs: {folder}", "registros: {folder}"),
    "up_drained": Text("drained", "terminado en orden"),
    "up_ended_with": Text("ended with {code}", "terminó con {code}"),
}
