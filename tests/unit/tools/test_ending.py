"""A tool that is told to end leaves nothing behind that it began."""

import subprocess
import sys

TOOL = """
import time
from tools.ending import end_with

def main():
    try:
        print("begun", flush=True)
        time.sleep(60)
    finally:
        print("put away", flush=True)

end_with(main)
"""


def test_tool_that_is_told_to_end_puts_away_what_it_began() -> None:
    with subprocess.Popen([sys.executable, "-c", TOOL], stdout=subprocess.PIPE, text=True) as tool:
        assert tool.stdout is not None
        assert tool.stdout.readline() == "begun\n"
        tool.terminate()
        assert tool.stdout.read() == "put away\n"
        assert tool.wait() == 143
