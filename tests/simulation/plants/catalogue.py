"""Every planted bug by its name, with the unit tests that were measured to see it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from tests.simulation.plants import doubling, following, limits, market, money, ordering, running
from tests.simulation.plants.plant import Plant

SEEN_BY = Path(__file__).with_name("seen_by.json")
"""Written by `python -m tests.simulation.plants`; a bug that isn't in it was not measured."""

MEASURED: Mapping[str, list[str]] = json.loads(SEEN_BY.read_text(encoding="utf-8"))

PLANTS: Mapping[str, Plant] = MappingProxyType(
    {
        each.name: replace(each, seen_by=tuple(MEASURED.get(each.name, ())))
        for module in (running, following, doubling, ordering, money, limits, market)
        for each in module.PLANTS
    }
)
