"""One step function, two drivers: the bits are the same, over a restart too."""

import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marea.kernels.compiled import run
from marea.kernels.kernel import Kernel, State
from marea.kernels.registry import KERNELS
from tests.unit.kernels.driving import Rows, draw_closes, draw_rows, run_live

ROWS = 100_000

prices = st.floats(min_value=1e-15, max_value=1e15)
qtys = st.one_of(st.just(0.0), st.floats(min_value=0.0, max_value=1e15))
each_kernel = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)


def bits(numbers: Any) -> bytes:
    return np.asarray(numbers, dtype=np.float64).tobytes()


@each_kernel
def test_live_and_compiled_give_the_same_bits_over_100_000_rows(kernel: Kernel) -> None:
    rows, closes = draw_rows(kernel.row, ROWS, seed=3), draw_closes(kernel.row, ROWS, seed=4)
    state = kernel.start()
    outputs, warm = run_live(kernel, state, rows, closes)
    array = np.array(kernel.start())
    compiled_outputs, compiled_warm = run(
        kernel, array, np.array(rows), None if closes is None else np.array(closes)
    )
    assert bits(outputs) == compiled_outputs.tobytes()
    assert warm == compiled_warm.tolist()
    assert bits(state) == array.tobytes()
    assert all(math.isfinite(number) for numbers in outputs for number in numbers)


@each_kernel
def test_state_saved_and_restored_at_a_random_row_goes_on_with_the_same_bits(
    kernel: Kernel,
) -> None:
    rows = draw_rows(kernel.row, ROWS, seed=3)
    cut = random.Random(kernel.name).randrange(ROWS)
    state = kernel.start()
    before, _ = run_live(kernel, state, rows[:cut])
    saved = msgspec.msgpack.encode(state)
    restored = msgspec.msgpack.decode(saved, type=State)
    array = np.array(restored)
    after, _ = run_live(kernel, restored, rows[cut:])
    undisturbed, _ = run(kernel, np.array(kernel.start()), np.array(rows))
    resumed, _ = run(kernel, array, np.array(rows[cut:]))
    assert bits(before + after) == undisturbed.tobytes()
    assert bits(after) == resumed.tobytes()
    assert all(type(number) is float for number in state)


@st.composite
def extreme_runs(draw: st.DrawFn) -> tuple[Kernel, dict[str, float], Rows]:
    """A kernel, its parameters, and rows from all over its domain."""
    kernel = KERNELS[draw(st.sampled_from(sorted(KERNELS)))]
    parameters: dict[str, float] = {name: draw(st.integers(1, 7)) for name in kernel.parameters}
    if "slow" in parameters:
        parameters["slow"] += parameters["fast"]
    if "levels" in parameters:
        parameters["levels"] = draw(st.integers(1, 5))
    count = draw(st.integers(1, 40))
    return kernel, parameters, [draw(extreme_row(kernel.row, number)) for number in range(count)]


@st.composite
def extreme_row(draw: st.DrawFn, kind: str, number: int) -> list[float]:
    match kind:
        case "bar":
            low, close, high = sorted(draw(st.tuples(prices, prices, prices)))
            return [close, high, low, close, draw(qtys), 86_000.0 * number]
        case "quote":
            return [draw(prices), draw(qtys), draw(prices), draw(qtys)]
        case "trade":
            return [draw(qtys), draw(st.sampled_from([1.0, -1.0]))]
        case _:
            return [draw(qtys) for _ in range(10)]


@settings(max_examples=150, deadline=None)
@given(extreme_runs())
def test_no_row_in_the_domain_gives_nan_or_infinity_or_other_bits(
    drawn: tuple[Kernel, dict[str, float], Rows],
) -> None:
    kernel, parameters, rows = drawn
    state = kernel.start(**parameters)
    outputs, warm = run_live(kernel, state, rows)
    array = np.array(kernel.start(**parameters))
    compiled_outputs, compiled_warm = run(kernel, array, np.array(rows))
    assert all(math.isfinite(number) for number in state)
    assert bits(outputs) == compiled_outputs.tobytes()
    assert warm == compiled_warm.tolist()
    assert bits(state) == array.tobytes()


def test_compiled_run_in_two_pieces_equals_one_run() -> None:
    kernel = KERNELS["adx"]
    rows = np.array(draw_rows("bar", 1_000, seed=6))
    whole, _ = run(kernel, np.array(kernel.start()), rows)
    state = np.array(kernel.start())
    first, _ = run(kernel, state, rows[:333])
    second, _ = run(kernel, state, rows[333:])
    assert np.concatenate([first, second]).tobytes() == whole.tobytes()


def test_rows_and_closes_that_compiled_code_would_read_past_are_refused() -> None:
    kernel = KERNELS["vwap"]
    state = np.array(kernel.start())
    with pytest.raises(ValueError, match="rows have 5 fields; a bar has 6"):
        run(kernel, state, np.ones((9, 5)))
    with pytest.raises(ValueError, match="closes go up to 10; count no more than the 9 rows"):
        run(kernel, state, np.ones((9, 6)), np.array([3, 10]))


def test_live_kernels_import_neither_numba_nor_numpy(root: Path) -> None:
    code = (
        "import sys; import marea.kernels.registry; "
        "print(sorted({'numba', 'numpy', 'llvmlite'} & set(sys.modules)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root / "libs" / "shared")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "[]"
