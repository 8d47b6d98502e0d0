"""The research driver: the very step functions that run live, compiled by numba, over arrays.

Without `fastmath` numba keeps the order of every sum and fuses nothing, so that what comes out
equals the live run bit for bit. Needs the extra `research`; live code never imports this module.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import FunctionType
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numba.extending import register_jitable

from marea.kernels.kernel import COUNT, FIELDS, FIRST_OUTPUT, WARM_UP, Kernel, Row

# Division as IEEE 754 has it, without a test for zero (three times as fast): kernels guard theirs.
jit = njit(error_model="numpy")

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Flags: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
Places: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Judge: TypeAlias = Callable[[Row], tuple[float, float, int]]
"""What a strategy is: score, confidence and the place of its reason, of a row of features."""

ABSTAINS = -1
"""The reason of a row that lacks a feature."""


def run(
    kernel: Kernel, state: Floats, rows: Floats, closes: Places | None = None
) -> tuple[Floats, Flags]:
    """What does the kernel say at each close of a bar, and is it warm then?

    `rows` has a row per event, (events, fields) as `Kernel.row` names them; `closes[j]` is how many
    of them came before bar j closed, rising; without it every row closes a bar, as the rows of bar
    kernels do. Returns the outputs, (bars, outputs), and the flags, (bars,). `state`, an array made
    of `kernel.start(…)`, moves on in place: with what is left of the rows it can go on. Raises
    ValueError for rows or closes that would make compiled code read past their end.
    """
    if closes is None:
        closes = np.arange(1, len(rows) + 1)
    if rows.shape[1] < FIELDS[kernel.row]:
        raise ValueError(
            f"rows have {rows.shape[1]} fields; a {kernel.row} has {FIELDS[kernel.row]}"
        )
    if closes.max(initial=0) > len(rows):
        raise ValueError(f"closes go up to {closes.max()}; count no more than the {len(rows)} rows")
    outputs = np.empty((len(closes), len(kernel.outputs)))
    warm = np.empty(len(closes), dtype=np.bool_)
    _loop(kernel.step, kernel.reset)(state, rows, closes, outputs, warm)
    return outputs, warm


def run_strategy(
    judge: Judge, names: Sequence[str], features: Mapping[str, Floats]
) -> tuple[Floats, Floats, Places]:
    """What does a strategy say at each bar: its scores, confidences and reasons, (bars,) each?

    `features` has an array (bars,) for each of the names that the strategy takes, and perhaps
    others. Where one of them is NaN or infinite, as before an indicator is warm, the strategy
    isn't asked: score and confidence 0, reason `ABSTAINS`. Raises ValueError for a feature that
    is missing.
    """
    for name in names:
        if name not in features:
            raise ValueError(f"features lack '{name}'; they have: {', '.join(features)}")
    rows = np.column_stack([features[name] for name in names])
    scores, confidences = np.zeros(len(rows)), np.zeros(len(rows))
    reasons = np.full(len(rows), ABSTAINS, dtype=np.int64)
    _strategy_loop(judge)(rows, scores, confidences, reasons)
    return scores, confidences, reasons


@cache
def _strategy_loop(plain_judge: FunctionType) -> Callable[..., None]:
    judge = _compile(plain_judge)

    def loop(rows: Floats, scores: Floats, confidences: Floats, reasons: Places) -> None:
        for bar in range(len(rows)):
            is_whole = True
            for place in range(rows.shape[1]):
                is_whole = is_whole and math.isfinite(rows[bar, place])
            if is_whole:
                scores[bar], confidences[bar], reasons[bar] = judge(rows[bar])

    return jit(loop)


@cache
def _loop(plain_step: FunctionType, plain_reset: FunctionType) -> Callable[..., None]:
    step, reset = _compile(plain_step), _compile(plain_reset)

    def loop(state: Floats, rows: Floats, closes: Places, outputs: Floats, warm: Flags) -> None:
        event = 0
        for bar in range(len(closes)):
            while event < closes[bar]:
                step(state, rows[event])
                event += 1
            for place in range(outputs.shape[1]):
                outputs[bar, place] = state[FIRST_OUTPUT + place]
            warm[bar] = state[COUNT] >= state[WARM_UP]
            reset(state)

    return jit(loop)


@cache
def _compile(function: FunctionType) -> Callable[..., Any]:
    for part in _parts(function):
        _admit(part)
    return jit(function)


@cache
def _admit(function: FunctionType) -> None:
    # Compiled code may call this plain function then, and what it calls in turn.
    register_jitable(function)
    for part in _parts(function):
        _admit(part)


def _parts(function: FunctionType) -> list[FunctionType]:
    named = [function.__globals__.get(name) for name in function.__code__.co_names]
    return [part for part in named if isinstance(part, FunctionType)]
