"""Nothing goes on to play for a command that is gone."""

import os
import subprocess
import sys
from pathlib import Path

WAITED_S_MAX = 30
COMMAND = """
import os, time
from tests.simulation.workers import workers

with workers(1) as pool:
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 3600).result()
"""


def test_workers_end_with_a_command_that_is_killed(root: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        cwd=root,
        env=os.environ | {"PYTHONPATH": f"{root}/libs/shared:{root}"},
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        assert int(command.stdout.readline()) != command.pid
        command.kill()
        # The worker has the same stdout: it ends when both are gone.
        assert command.communicate(timeout=WAITED_S_MAX)[0] == ""
