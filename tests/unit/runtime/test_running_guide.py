"""The guide to running a service tells all that a process can be told and shows."""

import re
from pathlib import Path

import msgspec
import pytest

from marea.errors import BadInput, Broken, Refused, Unavailable
from marea.runtime.facts import Health, LoopFacts
from marea.runtime.metrics import Metrics
from marea.runtime.processes import ProcessSettings
from marea.runtime.sources import SECRET_VARIABLES


@pytest.fixture
def guide(root: Path) -> str:
    return (root / "docs/guides/running-a-service.md").read_text()


def test_guide_shows_the_health_as_it_is_answered(guide: str) -> None:
    (shown, *_) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    assert list(msgspec.json.decode(shown)) == list(Health.__struct_fields__)
    health = msgspec.json.decode(shown, type=Health)
    (loop,) = msgspec.json.decode(shown)["loops"]
    assert list(loop) == list(LoopFacts.__struct_fields__)
    assert msgspec.json.decode(msgspec.json.encode(health)) == msgspec.json.decode(shown)


def test_guide_names_every_section_and_every_secret(guide: str) -> None:
    for name in (*ProcessSettings.model_fields, *SECRET_VARIABLES):
        assert f"`{name}`" in guide


def test_guide_names_every_figure(guide: str) -> None:
    metrics = Metrics("risk", tuple)
    metrics.hop("risk/main", "read", 1, 1)
    metrics.count_error("risk/main", Unavailable("Kafka is away"))
    named = set(re.findall(r"`(marea_\w+)`", guide))
    shown = {family.name for family in metrics.registry.collect()}
    ours = {name for name in shown if name.startswith("marea_")}
    assert {name.removesuffix("_total") for name in named} == ours


def test_guide_names_every_exit_code_that_a_service_has(guide: str) -> None:
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", guide, re.MULTILINE)]
    errors = (BadInput, Unavailable, Refused, Broken)
    assert codes == [0, 2, *(each.exit_code for each in errors)]
