"""Whose logs does a command read: those of a run, or of a portfolio that runs as several processes?"""

import os
from dataclasses import replace
from pathlib import Path

import typer

from marea.runtime.processes import load_process_settings
from marea.runtime.secrets import load_secrets
from marea.runtime.settings import find_config_dir, load_settings
from services.standalone.distributed import DistributedHistory, Place, Wish
from services.standalone.history import FOR_EVER, History, RunHistory
from services.standalone.moments import parse_time
from services.standalone.recorded_portfolio import RecordedPortfolio
from services.standalone.recorded_run import RecordedRun
from services.standalone.replaying import Subject
from services.standalone.runs import find_folder, runs_dir


def wish_of(source: Place | None, portfolio: str | None) -> Wish | None:
    """What the options ask for; None: a run. Raises `typer.BadParameter` for one without the other."""
    if source is None and portfolio is None:
        return None
    if source is None or portfolio is None:
        raise typer.BadParameter("--source and --portfolio go together: give both, or RUN")
    return Wish(place=source, portfolio=portfolio)


def between(wish: Wish | None, since: str | None, until: str | None) -> Wish | None:
    """The same, of a time only. Raises `BadInput` for a bad one; `typer.BadParameter` with a run."""
    if wish is None:
        if since or until:
            raise typer.BadParameter("a run is read whole: --since and --until go with --source")
        return None
    return replace(
        wish,
        since=parse_time("--since", since) if since else 0,
        until=parse_time("--until", until) if until else FOR_EVER,
    )


def choose_history(run: str | None, wish: Wish | None, config: Path | None = None) -> History:
    """The logs that are asked for.

    Raises `BadInput` where there is no such run, or the settings can't be used; `typer.BadParameter`
    for both, or neither.
    """
    if wish is None:
        return RunHistory(find_folder(_named(run), runs_dir(os.environ)))
    return _distributed(run, wish, config)


def choose_subject(run: str | None, wish: Wish | None, config: Path | None) -> Subject:
    """What is to be replayed. Raises as `choose_history`."""
    if wish is None:
        if config is not None:
            raise typer.BadParameter("a run has its own settings: --config goes with --source")
        return RecordedRun(find_folder(_named(run), runs_dir(os.environ)))
    history = _distributed(run, wish, config)
    return RecordedPortfolio(
        history, load_settings(find_config_dir(config, os.environ), os.environ)
    )


def _named(run: str | None) -> str:
    if run is None:
        raise typer.BadParameter("give RUN, or --source and --portfolio")
    return run


def _distributed(run: str | None, wish: Wish, config: Path | None) -> DistributedHistory:
    if run is not None:
        raise typer.BadParameter("RUN and --source are two places: give one of them")
    own = load_process_settings(find_config_dir(config, os.environ), os.environ)
    return DistributedHistory(wish, own, load_secrets(os.environ))
