"""The options and arguments that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

from services.ingestion.shell.markets import CRASH_PCT_MAX
from services.standalone.distributed import Place
from services.standalone.words.text import Language

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Config = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder of the settings' YAML files.")
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's folder, id, begin of its id, or 'last'.")
]

Crash = Annotated[
    int,
    typer.Option(
        min=0,
        max=CRASH_PCT_MAX,
        metavar="PCT",
        help="Halfway, prices of the simulated market fall by so many percent.",
    ),
]
CommandsFile = Annotated[
    Path | None,
    typer.Option(
        "--commands", metavar="FILE", help="Who orders what, and when: halt, resume, reset."
    ),
]
Lang = Annotated[Language | None, typer.Option("--lang", help="Of the texts; else as LANG says.")]


RunOrNone = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="A run's folder, id, begin of its id, or 'last'."),
]
Source = Annotated[
    Place | None,
    typer.Option(help="In place of RUN: where a portfolio's processes have their logs."),
]
Portfolio = Annotated[
    str | None, typer.Option(metavar="P", help="With --source: whose logs, by name.")
]
Since = Annotated[
    str | None, typer.Option(metavar="T", help="ISO 8601, UTC unless it says otherwise.")
]
Until = Annotated[str | None, typer.Option(metavar="T", help="Up to then, not included.")]


def examples(*commands: str) -> str:
    """What a command's help ends with."""
    return "\n\n".join(["Examples:", *(f"  [bold]{command}[/bold]" for command in commands)])
