"""How the recorder is wired: a feed for each sink that the settings name."""

from collections.abc import Callable

from msgspec.structs import replace
from pydantic import SecretStr

from marea.errors import BadInput
from marea.runtime.footing import Ground
from marea.runtime.processes import ProcessSettings
from marea.runtime.secrets import Secrets
from services.recorder.config import InfluxConfig, ObjectsConfig, Pace
from services.recorder.shell.copying import Feed
from services.recorder.shell.figures import Figures
from services.recorder.shell.recording import Recorder
from services.recorder.shell.tail import Direct, Tail
from services.recorder.sinks import mirrors, tables
from services.recorder.sinks.archive import CHANNELS, Archive
from services.recorder.sinks.dead_letters import DeadLetterSink
from services.recorder.sinks.influx import InfluxSink
from services.recorder.sinks.mirrors import Mirrors
from services.recorder.sinks.objects import ObjectSink
from services.recorder.sinks.postgres.sink import PostgresSink
from services.recorder.sinks.store import Objects, open_store

SERVICE = "recorder"
ARCHIVE_ENDS_S = 10.0
"""Where the archive ends is asked no more often, for it takes a listing."""


def recorder(ground: Ground, secrets: Secrets) -> Recorder:
    """The recorder, with the sinks that its settings name."""
    own, bus = ground.own, ground.bus
    tail = Tail(bus, bus)
    objects = Objects(open_store(objects_config(own, secrets)))
    feeds: dict[str, Callable[[], Feed]] = {
        "postgres": lambda: Feed(
            sink=PostgresSink(own.postgres.dsn, _text(secrets.postgres_password)), reading=tail
        ),
        "influx": lambda: Feed(sink=InfluxSink(influx_config(own, secrets)), reading=tail),
        "objects": lambda: Feed(
            sink=ObjectSink(objects),
            reading=tail,
            pace=archive_pace(own.recorder.objects_every_s),
            channels=CHANNELS,
        ),
        "tables": lambda: Feed(
            sink=tables.TableSink(objects),
            reading=Direct(Archive(objects), ARCHIVE_ENDS_S),
            pace=tables_pace(own.recorder.tables_every_s),
            channels=tables.CHANNELS,
        ),
        "mirrors": lambda: Feed(
            sink=Mirrors(own.redis.url, own.redis.prefix, bus.ends),
            reading=tail,
            channels=mirrors.CHANNELS,
        ),
        "dead-letters": lambda: Feed(
            sink=DeadLetterSink(bus, ground.snapshots, ground.build, ground.instance), reading=tail
        ),
    }
    figures = Figures(ground.telemetry, ground.log, ground.telemetry.registry)
    return Recorder([feeds[name]() for name in own.recorder.sinks], figures)


def influx_config(own: ProcessSettings, secrets: Secrets) -> InfluxConfig:
    """What the settings and the secrets say of InfluxDB."""
    return InfluxConfig(**own.influx.model_dump(), token=_text(secrets.influx_token))


def objects_config(own: ProcessSettings, secrets: Secrets) -> ObjectsConfig:
    """What the settings and the secrets say of the S3 store.

    Raises `BadInput` where a server that is not Amazon's is named, and no key to it.
    """
    key, secret = _text(secrets.s3_key), _text(secrets.s3_secret)
    for name, given in (("MAREA_S3_KEY", key), ("MAREA_S3_SECRET", secret)):
        if own.objects.endpoint and "objects" in own.recorder.sinks and not given:
            raise BadInput(
                f"{name} is not set, and objects.endpoint is {own.objects.endpoint}: set it, or take "
                "objects and tables out of recorder.sinks"
            )
    return ObjectsConfig(**own.objects.model_dump(), key=key, secret=secret)


def archive_pace(every_s: float) -> Pace:
    """An object a log every so often, or as soon as it is large."""
    return Pace(
        wait_ms=int(every_s * 1_000),
        enough_records=20_000,
        records_max=20_000,
        behind_records_max=40_000,
    )


def tables_pace(every_s: float) -> Pace:
    """Every so often and no sooner, as whole days are written again."""
    return replace(archive_pace(every_s), enough_records=0)


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
