"""The page for AsyncAPI is valid by the JSON schema that AsyncAPI publishes.

The schema comes from its npm package, with ajv that checks by it: pinned with their hashes in
`asyncapi/package-lock.json`, kept in the cache, and no part of Marea.
"""

import json
import os
import shutil
import subprocess
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.asyncapi import PAGE

HERE = Path(__file__).resolve().parent / "asyncapi"
INSTALL_S_MAX = 300
CHECK_S_MAX = 60


@pytest.fixture(scope="module")
def packages(root: Path) -> Path:
    """The folder with what checks."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: install Node.js")
    lock = HERE / "package-lock.json"
    cache = Path(os.environ.get("MAREA_CACHE", root / ".cache"))
    folder = cache / f"asyncapi-{blake2b(lock.read_bytes(), digest_size=4).hexdigest()}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        begun = Path(tempfile.mkdtemp(prefix="asyncapi-", dir=cache))
        for file in (HERE / "package.json", lock):
            shutil.copy(file, begun)
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=begun,
            timeout=INSTALL_S_MAX,
            check=True,
        )
        try:
            begun.rename(folder)
        except OSError:  # another worker was first
            shutil.rmtree(begun)
    return folder


def problems(packages: Path, page: dict[str, Any]) -> str:
    """What the schema says against a page."""
    checked = subprocess.run(
        ["node", HERE / "validate.mjs", packages],
        input=json.dumps(page),
        stdout=subprocess.PIPE,
        text=True,
        timeout=CHECK_S_MAX,
        check=True,
    )
    return checked.stdout


@pytest.fixture
def page(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((root / PAGE).read_text("utf-8"))
    return content


def test_page_is_valid(packages: Path, page: dict[str, Any]) -> None:
    assert problems(packages, page) == ""


def test_page_that_is_not_valid_is_seen(packages: Path, page: dict[str, Any]) -> None:
    page["channels"]["market"]["bindings"]["kafka"]["partitions"] = 0
    del page["info"]["version"]
    said = problems(packages, page)
    assert "/channels/market/bindings/kafka/partitions must be >= 1" in said
    assert "/info must have required property 'version'" in said
