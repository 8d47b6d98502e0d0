"""What a process tells while it runs: a JSON object a line, `{"time", "level", "service", …}`.

What libraries tell by `logging` comes out in the same form. No line holds a secret, wherever it
came from.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import orjson
import structlog
from pydantic import SecretStr
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import EventDict

from marea.runtime.log_outputs import LogFile, Output, StandardOutput, writing
from marea.runtime.processes import LogSettings

HIDDEN = "**********"
MEGABYTE = 1_000_000
LOUD = "aiokafka"
"""It tells the same again and again while a broker is away; what that means to us is raised, or told."""
_FIRST = ("time", "level", "service", "instance", "event")
_INT_MAX = 2**63


@contextmanager
def opened_logs(
    settings: LogSettings, service: str, instance: str, secrets: Iterable[SecretStr | None] = ()
) -> Iterator[BoundLogger]:
    """The logger of this process: everything told inside goes to stdout, and to the file if one is set.

    Raises `BadInput` where the file can't be written.
    """
    root, former = logging.getLogger(), logging.getLogger().handlers[:]
    former_level = root.level
    outputs: list[Output] = [StandardOutput()]
    if settings.file:
        outputs.append(LogFile(Path(settings.file), settings.file_mb_max * MEGABYTE))
    handlers = [writing(output) for output in outputs]
    formatter = _formatter({"service": service, "instance": instance}, _shown(secrets))
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(lambda record: not record.name.startswith(LOUD))
    root.handlers[:] = handlers
    root.setLevel(settings.level.upper())
    try:
        yield structlog.wrap_logger(
            logging.getLogger(f"marea.{service}"),
            processors=[structlog.stdlib.filter_by_level, ProcessorFormatter.wrap_for_formatter],
            wrapper_class=BoundLogger,
        )
    finally:
        root.handlers[:] = former
        root.setLevel(former_level)
        for handler in handlers:
            handler.close()


def _shown(secrets: Iterable[SecretStr | None]) -> tuple[str, ...]:
    return tuple(each.get_secret_value() for each in secrets if each is not None)


def _formatter(process: Mapping[str, str], hidden: tuple[str, ...]) -> logging.Formatter:
    def line(_: object, __: str, event: EventDict) -> str:
        event.update(process)
        first = {key: event.pop(key, "") for key in _FIRST}
        return orjson.dumps(_plain({**first, **event}, hidden)).decode()

    return ProcessorFormatter(
        processors=[
            _stamp,
            structlog.processors.format_exc_info,
            ProcessorFormatter.remove_processors_meta,
            line,
        ],
    )


def _stamp(_: object, __: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    told = datetime.fromtimestamp(record.created, UTC)
    event["time"] = told.isoformat(timespec="microseconds").replace("+00:00", "Z")
    event["level"] = record.levelname.lower()
    if not event["_from_structlog"]:
        event["library"] = record.name
    return event


def _plain(given: object, hidden: tuple[str, ...]) -> object:
    # Only what JSON can hold, whatever was told: a line is never lost to what stands in it.
    if given is None or isinstance(given, bool | float):
        return given
    if isinstance(given, int) and -_INT_MAX <= given < _INT_MAX:
        return given
    if isinstance(given, Mapping):
        return {_text(key, hidden): _plain(inner, hidden) for key, inner in given.items()}
    if isinstance(given, list | tuple):
        return [_plain(inner, hidden) for inner in given]
    return _text(given, hidden)


def _text(given: object, hidden: tuple[str, ...]) -> str:
    text = str(given).encode(errors="replace").decode()
    for secret in hidden:
        text = text.replace(secret, HIDDEN)
    return text
