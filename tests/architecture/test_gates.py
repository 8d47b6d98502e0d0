"""ruff, mypy and import-linter, as tests: each must pass here, and must see what is wrong."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tidy.shape import complexity
from tests.architecture.tidy.tree import Function, Tree

BIN = Path(sys.executable).parent
GATES: dict[str, list[str | Path]] = {
    "ruff check": [BIN / "ruff", "check", "."],
    "ruff format": [BIN / "ruff", "format", "--check", "."],
    "mypy": [BIN / "mypy"],
    "import-linter": [BIN / "lint-imports", "--cache-dir", ".cache/import-linter"],
}


def run(gate: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # The path comes first, so that it is this checkout that is judged and not an installed one.
    path = os.pathsep.join([str(folder / "libs" / "shared"), str(folder)])
    return subprocess.run(
        GATES[gate],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def bare(tmp_path: Path, root: Path) -> Path:
    """The folders that the contracts know, each with nothing in it, under our settings."""
    shutil.copy(root / "pyproject.toml", tmp_path)
    libraries = "testing runtime invariants bus venues messages kernels domain"
    for folder in ["", *libraries.split()]:
        write(tmp_path / "libs/shared/marea" / folder / "__init__.py", f'"""{folder}."""\n')
    for service in ("services", "services/one", "services/two", "services/standalone"):
        write(tmp_path / service / "__init__.py", f'"""{service}."""\n')
        write(tmp_path / service / "core.py", f'"""Core of {service}."""\n')
    for module in ("errors", "kernels/compiled"):
        write(tmp_path / f"libs/shared/marea/{module}.py", f'"""{module}."""\n')
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("gate", GATES)
def test_checkout_passes(gate: str, root: Path) -> None:
    done = run(gate, root)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("gate", GATES)
def test_bare_folders_pass(gate: str, bare: Path) -> None:
    done = run(gate, bare)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("gate", "code", "complaint"),
    [
        ("ruff check", "import os\n", "F401"),
        ("ruff check", "import time\n\nNOW = time.time()\n", "TID251"),
        ("ruff format", "x  =  1\n", "would be reformatted"),
        ("mypy", "def double(x):\n    return x * 2\n", "no-untyped-def"),
        ("mypy", "x: int = 'one'\n", "assignment"),
    ],
)
def test_gate_sees_what_is_wrong(gate: str, code: str, complaint: str, bare: Path) -> None:
    write(bare / "libs/shared/marea/domain/bad.py", f'"""Bad."""\n\n{code}')
    done = run(gate, bare)
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("importer", "imported", "contract"),
    [
        ("services/one/core.py", "services.two.core", "Services talk by messages"),
        ("services/one/core.py", "services.standalone.core", "Services talk by messages"),
        ("libs/shared/marea/messages/bad.py", "marea.bus", "Imports go one way"),
        ("libs/shared/marea/venues/bad.py", "marea.bus", "Imports go one way"),
        ("libs/shared/marea/domain/bad.py", "marea.kernels", "Imports go one way"),
        ("libs/shared/marea/invariants/bad.py", "marea.runtime", "Imports go one way"),
        ("libs/shared/marea/bus/bad.py", "marea.invariants", "Imports go one way"),
        ("libs/shared/marea/elsewhere/__init__.py", "marea.domain", "Imports go one way"),
        ("libs/shared/marea/runtime/bad.py", "services.one.core", "knows no service"),
        ("services/one/main.py", "marea.testing", "What runs knows no test"),
        ("services/one/core.py", "marea.runtime", "Cores import only"),
        ("services/one/core.py", "asyncio", "Cores import only"),
        ("services/one/core/deep.py", "random", "Cores import only"),
        ("libs/shared/marea/domain/bad.py", "time", "Cores import only"),
        ("services/one/main.py", "numpy", "reaches no numba and no numpy"),
        ("libs/shared/marea/kernels/bad.py", "numba", "reaches no numba and no numpy"),
        ("services/one/main.py", "marea.kernels.compiled", "Only research"),
    ],
)
def test_contract_sees_an_import_that_breaks_it(
    importer: str, imported: str, contract: str, bare: Path
) -> None:
    if "core/" in importer:
        (bare / "services/one/core.py").unlink()
        write(bare / "services/one/core/__init__.py", "")
    write(bare / importer, f"import {imported}\n")
    done = run("import-linter", bare)
    assert done.returncode != 0
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(contract in line for line in broken), done.stdout


def test_core_is_seen_to_reach_asyncio_through_another_module(bare: Path) -> None:
    write(bare / "libs/shared/marea/messages/between.py", "import asyncio\n")
    write(bare / "services/one/core.py", "import marea.messages.between\n")
    done = run("import-linter", bare)
    assert "services.one.core is not allowed to import asyncio" in done.stdout


def test_complexity_is_measured_as_ruff_measures_it(root: Path) -> None:
    tree = Tree.of_checkout(root)
    options = "--isolated --no-cache --ignore-noqa --select=C901 --output-format=json --config"
    done = subprocess.run(
        [*GATES["ruff check"], *options.split(), "lint.mccabe.max-complexity=0"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    theirs = {
        (Path(one["filename"]).relative_to(root).as_posix(), one["location"]["row"]): int(
            one["message"].rpartition("(")[2].partition(" ")[0]
        )
        for one in json.loads(done.stdout)
    }
    ours = {
        (one.path, one.node.lineno): complexity(one.node)
        for one in tree.definitions
        if isinstance(one.node, Function)
    }
    assert ours
    assert ours == theirs


def test_what_runs_live_loads_neither_numba_nor_numpy(root: Path) -> None:
    modules = [
        path.relative_to(top).with_suffix("").as_posix().replace("/", ".")
        for top, package in ((root / "libs/shared", "marea"), (root, "services"))
        for path in sorted((top / package).rglob("*.py"))
        if path.name != "compiled.py" and "testing" not in path.parts
    ]
    assert modules
    code = (
        "import importlib, sys\n"
        f"for name in {modules}: importlib.import_module(name.removesuffix('.__init__'))\n"
        "sys.exit(' '.join(sorted({'numba', 'numpy'} & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(root / "libs/shared"), str(root)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.strip() == ""


def test_scripts_are_shell(root: Path) -> None:
    scripts = sorted(root.glob("tools/*.sh"))
    assert scripts
    subprocess.run(["bash", "-n", root / ".ci/run"], check=True)
    for script in scripts:
        subprocess.run(["sh", "-n", script], check=True)
    assert os.access(root / ".ci/run", os.X_OK)


SKIPS = {
    "a test": "import pytest\n\ndef test_one():\n    pytest.skip('why')\n",
    "a mark": "import pytest\n\n@pytest.mark.skip(reason='why')\ndef test_one(): ...\n",
    "a file": "import pytest\n\npytest.skip('why', allow_module_level=True)\n",
    "an import": "import pytest\n\npytest.importorskip('no_such_module', reason='why')\n",
}


@pytest.mark.parametrize("what", SKIPS)
@pytest.mark.parametrize(("is_ci", "code"), [("1", 1), ("", 0)])
def test_skip_is_counted_and_fails_where_ci_is_set(
    what: str, is_ci: str, code: int, tmp_path: Path, root: Path
) -> None:
    shutil.copy(root / "tests/conftest.py", tmp_path)
    write(tmp_path / "test_skip.py", SKIPS[what])
    write(tmp_path / "test_other.py", "def test_other(): ...\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        env=os.environ | {"CI": is_ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert min(done.returncode, 1) == code, done.stdout
    if is_ci:
        assert "skipped, and CI is set" in done.stdout
    else:
        assert "skipped tests: 1" in done.stdout
