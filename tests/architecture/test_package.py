"""What an installation without a checkout holds."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from marea.errors import Unavailable
from marea.runtime.processes import SERVICES
from services.standalone.outside import PACKAGES, check_packages


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    build: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
    subprocess.run([*build, folder], cwd=root, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_wheel_holds_the_library_the_services_and_the_settings(installed: Path) -> None:
    packages = {path.name for path in installed.iterdir() if path.is_dir()}
    assert {name for name in packages if not name.endswith(".dist-info")} == {"marea", "services"}
    assert (installed / "marea" / "py.typed").exists()


def test_installed_marea_finds_the_settings_that_it_came_with(installed: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "from marea.runtime.settings import find_config_dir, load_settings\n"
        "folder = find_config_dir(None, {})\n"
        "load_settings(folder, {})\n"
        "print(folder)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert Path(done.stdout.strip()) == installed / "marea" / "config"


def test_installed_marea_finds_the_channels_and_the_schemas_of_what_was_written_before(
    installed: Path,
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "from marea.messages.channels import CHANNELS_FILE, load_channels\n"
        "from marea.messages.framing import SCHEMAS\n"
        "load_channels()\n"
        "print(CHANNELS_FILE, *SCHEMAS.glob('released/1'))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True
    )
    schemas = installed / "marea" / "schemas"
    assert done.stdout.split() == [str(schemas / "channels.yaml"), str(schemas / "released" / "1")]


def test_installed_marea_finds_the_page_of_its_report(installed: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "from services.standalone.report.page import render\n"
        "from services.standalone.report.story import Story\n"
        "from services.standalone.report.voice import Voice\n"
        "from services.standalone.runs import Run\n"
        "run = Run(created='', build='', settings_hash='', settings={}, seed=1, minutes=1, platform={})\n"
        "print(render(run, Story((), 0.5), Voice('en')))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("<!doctype html>")


def test_embedded_run_imports_nothing_that_only_a_process_needs(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    needs = project["optional-dependencies"]["process"]
    modules = [re.split(r"[^a-z-]", each)[0].replace("-", "_") for each in needs]
    assert {"aiokafka", "prometheus_client", "redis"} <= set(modules)
    code = (
        "import sys; import services.standalone.main\n"
        f"print(*sorted(set({modules}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


def test_command_looks_for_every_package_that_a_process_needs(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    embedded = _names(extras["standalone"])
    needed = {name for each in ("process", *SERVICES) for name in _names(extras[each])}
    distributions = packages_distributions()
    looked_for = {distributions[name][0].lower().replace("_", "-") for name in PACKAGES}
    assert looked_for == needed - embedded - {"marea"}


def test_package_that_is_missing_is_named_with_what_installs_it() -> None:
    with pytest.raises(
        Unavailable, match=r"not installed here \(no_such_package\).*install\.sh distributed"
    ):
        check_packages(["json", "no_such_package"])


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^a-z0-9-]", each)[0] for each in requirements}
