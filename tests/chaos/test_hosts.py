"""The second host: what it can call, and that nothing passes a wire that was cut."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import ports as port_choice
from tests.chaos import hosts
from tests.chaos.hosts import Host

ASK = "import urllib.request, sys; urllib.request.urlopen(sys.argv[1], timeout=1)"


@pytest.mark.skipif(bool(hosts.missing()), reason=hosts.missing())
def test_second_host_calls_ours_until_the_wire_is_cut_and_again_when_it_is_mended(
    tmp_path: Path,
) -> None:
    ports = port_choice.free({"here": 0, "there": 0})
    words = [
        sys.executable,
        "-m",
        "http.server",
        "--bind",
        hosts.LOCAL,
        "--directory",
        str(tmp_path),
    ]
    with Host() as host:
        host.join([ports["here"]], [ports["there"]])
        ours, theirs = (
            subprocess.Popen(
                [*through, *words, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            for through, port in (((), ports["here"]), (host.through, ports["there"]))
        )

        def reaches(through: tuple[str, ...], port: int) -> bool:
            url = f"http://127.0.0.1:{port}/"
            command = [*through, sys.executable, "-c", ASK, url]
            return not subprocess.run(command, capture_output=True, check=False).returncode

        def both_reach() -> bool:
            return reaches(host.through, ports["here"]) and reaches((), ports["there"])

        try:
            for _ in range(50):
                if both_reach():
                    break
            assert both_reach()
            host.cut()
            assert not reaches(host.through, ports["here"])
            assert not reaches((), ports["there"])
            host.mend()
            assert both_reach()
        finally:
            for server in (ours, theirs):
                server.kill()
                server.wait()
