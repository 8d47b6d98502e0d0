"""`python -m services.standalone.bound PARENT SERVICE …`: a service that ends with who started it.

Also where the parent is killed and can say nothing to it any more. Only Linux can do that; elsewhere a
service outlives such a parent, as any process does.
"""

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1
"""Of prctl(2): the signal that the kernel sends when the thread that began this process ends."""


def main() -> None:
    """Bind this process to its parent, and become the service."""
    parent, service = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it could be bound to
        sys.exit(-signal.SIGKILL)
    del sys.argv[1:3]
    runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
