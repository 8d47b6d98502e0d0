"""The table of indicators: every kernel is described alike, and says what it can't take."""

import pytest

from marea.kernels.kernel import COUNT, FIRST_OUTPUT, Kernel
from marea.kernels.registry import KERNELS

each_kernel = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)


@each_kernel
def test_fresh_state_has_seen_nothing_and_is_made_of_floats(kernel: Kernel) -> None:
    state = kernel.start()
    assert state[COUNT] == 0.0
    assert len(state) >= FIRST_OUTPUT + len(kernel.outputs)
    assert kernel.read(state) == [0.0] * len(kernel.outputs)
    assert all(type(number) is float for number in state)


@each_kernel
def test_parameters_may_be_whole_floats(kernel: Kernel) -> None:
    as_floats = {name: float(number) for name, number in kernel.parameters.items()}
    assert kernel.start(**as_floats) == kernel.start()


def test_names_of_outputs_tell_kernels_apart_or_stand_under_their_kernel() -> None:
    alone = [kernel.outputs[0] for kernel in KERNELS.values() if len(kernel.outputs) == 1]
    assert alone == [kernel.name for kernel in KERNELS.values() if len(kernel.outputs) == 1]


def test_unknown_parameter_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="macd has no parameter span; it takes: fast, slow, sig"):
        KERNELS["macd"].start(span=3)
    with pytest.raises(ValueError, match="obv has no parameter period; it takes: none"):
        KERNELS["obv"].start(period=3)


@pytest.mark.parametrize("rows", [0, -1, 2.5, 10_001, float("nan"), float("inf")])
def test_period_that_is_not_a_number_of_rows_is_refused(rows: float) -> None:
    with pytest.raises(ValueError, match=r"period is .*; give a whole number of rows in 1…10000"):
        KERNELS["sma"].start(period=rows)


def test_fast_mean_that_is_not_faster_is_refused() -> None:
    with pytest.raises(ValueError, match="fast is 26; give fewer bars than slow has, 26"):
        KERNELS["macd"].start(fast=26)


@pytest.mark.parametrize("deviations", [0.0, -2.0, 100.5, float("nan")])
def test_band_without_a_width_is_refused(deviations: float) -> None:
    with pytest.raises(ValueError, match=r"deviations is .*; give a number above 0, up to 100"):
        KERNELS["bollinger"].start(deviations=deviations)


@pytest.mark.parametrize("anchor_s", [-1, 0.5, 1e9, float("nan")])
def test_anchor_that_is_not_whole_seconds_is_refused(anchor_s: float) -> None:
    with pytest.raises(ValueError, match=r"anchor_s is .*; give whole seconds up to a year, 0 for"):
        KERNELS["vwap"].start(anchor_s=anchor_s)
