"""The research driver: the very step functions that run live, compiled by numba, over arrays.

Without `fastmath` numba keeps the order of every sum and fuses nothing, so that what comes out
equals the live run bit for bit. Needs the extra `research`; live code never imports this module.
"""

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numba.extending import register_jitable

from marea.kernels.kernel import COUNT, FIELDS, FIRST_OUTPUT, WARM_UP, Kernel

# Division as IEEE 754 has it, without a test for zero (three times as fast): kernels guard theirs.
jit = njit(error_model="numpy")

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Flags: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
Places: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


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
def _compile(function: FunctionType) -> Callable[..., None]:
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
