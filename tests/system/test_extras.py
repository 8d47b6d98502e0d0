"""Each service with the packages of its own extra and no others, as they stand in its image."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from marea.runtime.processes import SERVICES
from tools.command import ROOT, Ended

BIN = Path(sys.executable).parent
EACH_SERVICE = pytest.mark.parametrize("service", SERVICES)

EVERY_MODULE = """
import importlib, pkgutil, sys
service = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(service.__path__, f"{sys.argv[1]}."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
    print(module.name)
"""

Python = Callable[..., Ended]


def run(*command: str | Path) -> None:
    cache = Path(os.environ.get("MAREA_CACHE", ROOT / ".cache")) / "uv"
    subprocess.run(
        command, env={"UV_CACHE_DIR": str(cache)} | os.environ, check=True, capture_output=True
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Marea as it is installed without a checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def python(service: str, wheel: Path, tmp_path: Path) -> Python:
    """Runs the Python of an environment that holds the wheel and the service's extra."""
    uv, program = BIN / "uv", tmp_path / "venv" / "bin" / "python"
    run(uv, "venv", "--python", sys.executable, tmp_path / "venv")
    locked = ROOT / "requirements" / f"{service}.txt"
    run(uv, "pip", "sync", "--python", program, "--require-hashes", locked)
    run(uv, "pip", "install", "--python", program, "--no-deps", "--offline", wheel)

    def start(*arguments: str, **variables: str) -> Ended:
        done = subprocess.run(
            [program, "-W", "error", *arguments],
            cwd=tmp_path,
            env={"PATH": os.defpath, "MAREA__KAFKA__SERVERS": "127.0.0.1:9"} | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return start


@EACH_SERVICE
def test_extra_alone_imports_all_of_its_service(service: str, python: Python) -> None:
    told = python("-c", EVERY_MODULE, f"services.{service}")
    assert (told.code, told.err) == (0, "")
    assert told.out.split()


@EACH_SERVICE
def test_extra_alone_starts_its_service(service: str, python: Python) -> None:
    told = python("-m", f"services.{service}", "--help")
    assert (told.code, told.err) == (0, "")
    assert "--instance" in told.out
    refused = python("-m", f"services.{service}", MAREA__KAFKA__TIMEOUT_S="soon")
    assert refused.code == 3
    assert "kafka.timeout_s is 'soon': write a number" in refused.err
