"""The install of a bare machine: what stops it is said in a line, and a second try mends it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.command import ROOT, Ended


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """What the install reads of a checkout."""
    for part in ("tools", "requirements"):
        shutil.copytree(ROOT / part, tmp_path / part)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def install(checkout: Path, python: str | Path = sys.executable) -> Ended:
    """The install where no registry answers."""
    away = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        ["sh", checkout / "tools/install.sh", "standalone"],
        env=os.environ | away | {"PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def test_install_without_a_registry_says_so_in_a_line_and_mends_what_was_cut_off(
    bare: Path,
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare / ".venv"], check=True)
    ended = install(bare)
    began, told = ended.err.splitlines()
    assert (ended.code, ended.out) == (4, "")
    assert began == "Installing Marea (standalone) into .venv ..."
    assert "needs the package registry" in told
    assert "connect to the network and run the command again" in told
    assert not list(bare.glob(".venv/installed-*"))
    subprocess.run([bare / ".venv/bin/python", "-m", "pip", "--version"], check=True)


@pytest.mark.parametrize("larger", ["distributed", "dev"])
def test_install_of_less_brings_what_was_installed_up_to_date(bare: Path, larger: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare / ".venv"], check=True)
    (bare / ".venv" / f"installed-{larger}").write_text("of an older checkout")
    ended = install(bare)
    assert ended.err.startswith(f"Installing Marea ({larger}) into .venv ...")


def test_python_that_makes_no_environment_is_named_with_its_remedy(bare: Path) -> None:
    python = bare / "python"
    python.write_text(f'#!/bin/sh\n[ "$1" = -m ] && exit 1\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    ended = install(bare, python)
    assert ended.code == 4
    assert f"'{python}' could not make one in .venv: install its venv module" in ended.err


def test_python_of_another_version_is_refused(bare: Path) -> None:
    python = bare / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    ended = install(bare, python)
    assert ended.code == 4
    assert f"Marea needs Python 3.11, 3.12 or 3.13, and '{python}' is not one" in ended.err
    assert not (bare / ".venv").exists()
