"""How a tool or a benchmark ends: as the `marea` command does, with a line for what is wrong."""

import signal
import sys
from collections.abc import Callable

from marea.errors import MareaError

EXIT_TOLD = 128 + signal.SIGTERM


def end_with(main: Callable[[], int | None]) -> None:
    """Run it and end with its exit code; bad input and what is away is a line on stderr.

    One that is told to end (SIGTERM) first ends the servers that it began.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TOLD))
    try:
        code = main()
    except MareaError as err:
        print(err, file=sys.stderr)
        code = err.exit_code
    sys.exit(code)
