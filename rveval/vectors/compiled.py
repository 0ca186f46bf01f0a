"""Loops over the entries of a piece, compiled: one pass over a piece that lies in a cache, where torch and numpy need
one pass for every operation.

Numba compiles a function when it is first called and keeps the machine code beside the source (or in the user's
cache), so that a machine compiles it once. The functions let the other threads run. They compute what their lines say
in IEEE arithmetic: nothing is fused or reordered, so a piece gives the same bits on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba
from llvmlite.binding import ffi

# vLLM 0.32 looks for kernels in the `__dict__` of whatever any module holds when it starts on a CPU. llvmlite's handle
# of LLVM makes up a function for every name it is asked for, `__dict__` too, which ends vLLM where numba came first.
getattr(ffi.lib, "_fntab", {}).setdefault("__dict__", {})

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of numpy arrays and numbers; a division by zero is infinite or NaN, as numpy has it.

    What it calls must stand in its own file: only that file's changes make what is kept worthless.
    """
    settings = {"nogil": True, "error_model": "numpy"}
    try:
        made = numba.njit(function, cache=True, **settings)
    except RuntimeError:  # there is nowhere to keep it: every process compiles
        made = numba.njit(function, **settings)
    return cast(Callable[P, R], made)
