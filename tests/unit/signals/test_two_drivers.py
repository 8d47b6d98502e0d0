"""One function, two drivers: what a strategy or ensemble says live and compiled has the same bits."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marea.kernels.compiled import ABSTAINS, run_strategy
from marea.kernels.kernel import Row
from services.signals.core.ensembles import ENSEMBLES
from services.signals.strategies import STRATEGIES
from services.signals.strategies.strategy import Opinion
from tests.unit.signals.speaking import draw_values

ROWS = 100_000

Columns = dict[str, Any]


def draw_columns(names: Sequence[str], seed: int) -> Columns:
    """A market that is drawn, then numbers of all sizes, zeros, equal ones."""
    chance = np.random.default_rng(seed)
    market = draw_values(2_000, seed=11)
    columns = {}
    for name in names:
        drawn = [values[name] for values in market] if name in market[0] else []
        wild = chance.normal(0.0, 1.0, ROWS - len(drawn)) * 10.0 ** chance.integers(
            -12, 12, ROWS - len(drawn)
        )
        tame = chance.choice([0.0, -0.0, 1.0, 30.0, 70.0], ROWS - len(drawn))
        rest = np.where(chance.random(ROWS - len(drawn)) < 0.8, wild, tame)
        columns[name] = np.concatenate([np.array(drawn), rest])
    return columns


def assert_equal_bits(
    judge: Callable[[Row], Opinion], names: Sequence[str], columns: Columns
) -> None:
    rows = np.column_stack([columns[name] for name in names]).tolist()
    live = [judge(row) for row in rows]
    scores, confidences, reasons = run_strategy(judge, names, columns)
    assert np.array([score for score, _, _ in live]).tobytes() == scores.tobytes()
    assert np.array([confidence for _, confidence, _ in live]).tobytes() == confidences.tobytes()
    assert [reason for _, _, reason in live] == reasons.tolist()


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategy_says_the_same_live_and_compiled_over_100_000_rows(name: str) -> None:
    strategy = STRATEGIES[name]
    columns = draw_columns(strategy.features, seed=5)
    assert_equal_bits(strategy.judge, strategy.features, columns)


def test_strategy_of_the_guide_says_the_same_live_and_compiled(root: Path) -> None:
    page = (root / "docs/guides/adding-a-strategy.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    module: dict[str, Any] = {}
    exec(code, module)  # noqa: S102 # the guide's example, as a reader would write it
    strategy = module["VWAP"]
    columns = draw_columns(strategy.features, seed=5)
    assert_equal_bits(strategy.judge, strategy.features, columns)
    cheap = strategy.judge([100.0, 105.0, 1.0])
    assert (cheap[:2], strategy.reasons[cheap[2]]) == ((0.5, 0.5), "PRICE_BELOW_VWAP")


@pytest.mark.parametrize("name", ENSEMBLES)
def test_ensemble_says_the_same_live_and_compiled_over_100_000_rows(name: str) -> None:
    names = [
        f"{what}_{member}" for member in range(6) for what in ("score", "confidence", "weight")
    ]
    chance = np.random.default_rng(7)
    columns = {
        each: chance.uniform(0.0 if each.startswith("confidence") else -1.0, 1.0, ROWS)
        for each in names
    }
    assert_equal_bits(ENSEMBLES[name].judge, names, columns)


def test_compiled_strategy_abstains_where_a_feature_is_not_finite_as_live_does() -> None:
    strategy = STRATEGIES["rsi"]
    features = {
        "rsi_14": np.array([20.0, np.nan, 20.0, 20.0, np.inf]),
        "adx_14": np.array([30.0, 30.0, np.nan, 30.0, 30.0]),
    }
    scores, confidences, reasons = run_strategy(strategy.judge, strategy.features, features)
    assert scores.tolist() == [0.5, 0.0, 0.0, 0.5, 0.0]
    assert confidences.tolist() == [0.75, 0.0, 0.0, 0.75, 0.0]
    assert reasons.tolist() == [0, ABSTAINS, ABSTAINS, 0, ABSTAINS]


def test_features_that_a_strategy_takes_and_the_arrays_lack_are_named() -> None:
    strategy = STRATEGIES["rsi"]
    with pytest.raises(ValueError, match=r"^features lack 'adx_14'; they have: rsi_14, mid$"):
        run_strategy(strategy.judge, strategy.features, {"rsi_14": np.ones(3), "mid": np.ones(3)})
