"""How a tool or a benchmark ends: as the `marea` command does, with a line for what is wrong."""

import sys
from collections.abc import Callable

from marea.errors import MareaError


def end_with(main: Callable[[], int | None]) -> None:
    """Run it and end with its exit code; bad input and what is away is a line on stderr."""
    try:
        code = main()
    except MareaError as err:
        print(err, file=sys.stderr)
        code = err.exit_code
    sys.exit(code)
