"""A run, played from its begin or from where it was cut off, with all that a person is told meanwhile."""

import asyncio
from contextlib import closing

from marea.bus.sqlite import SqliteBus
from marea.errors import Interrupted, MareaError, Unavailable
from services.standalone import demo as demos
from services.standalone import screen
from services.standalone.report.write import REPORT_FILE, write_report
from services.standalone.runs import Result, Run, RunFolder
from services.standalone.words.text import Language


def play_run(folder: RunFolder, run: Run, language: Language) -> Result:
    """Play it to its end, and leave its result and its report in its folder.

    Raises `MareaError` where it can't be; what was done until then is kept.
    """
    settings = demos.settings_of(run)
    market = demos.open_market(demos.wish_of(run), settings)
    run.status = "failed"  # until it is known to be otherwise
    try:
        with screen.progress(f"run {run.id}") as show:
            result = asyncio.run(demos.play(folder, run, market, settings, show))
        run.result, run.status = result, "done"
    except KeyboardInterrupt:
        run.status = "interrupted"
        raise Interrupted(f"stopped; go on with: marea demo --resume {folder.path}") from None
    except Unavailable:
        screen.notes.print(f"Go on later with: marea demo --resume {folder.path}")
        raise
    except MareaError:
        screen.notes.print(f"What came before is on the log: marea log {folder.path}")
        raise
    finally:
        folder.write(run)
    with closing(SqliteBus(folder.log_path)) as bus:
        write_report(bus, run, language, folder.path / REPORT_FILE)
    return result
