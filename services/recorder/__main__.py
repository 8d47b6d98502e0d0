"""`python -m services.recorder`: the record in the stores, in a process of its own."""

import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

from marea.runtime.footing import Ground, Unit
from marea.runtime.process import run
from marea.runtime.secrets import load_secrets
from services.recorder.main import SERVICE, recorder


async def wire(ground: Ground, _: AsyncExitStack) -> Sequence[Unit]:
    """Every sink beside the others."""
    return [recorder(ground, load_secrets(os.environ))]


if __name__ == "__main__":
    sys.exit(run(SERVICE, wire))
