"""The spectral blocks by name: each registered once, with its columns and its source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.signals import Signals

COLUMN = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


@dataclass(frozen=True)
class Block:
    """One family of named numbers of a face.

    compute : Signals -> float32 (len(columns),), finite, or NaN for "cannot be measured here".
    version : raised by hand whenever the numbers change; part of the cache's address.
    source : the paper that the formula comes from.
    """

    name: str
    columns: tuple[str, ...]
    version: int
    source: str
    compute: Callable[[Signals], NDArray[np.float32]]


BLOCKS: dict[str, Block] = {}  # filled as the modules of `features.blocks` are imported


def block(
    *, name: str, columns: Iterable[str], version: int, source: str
) -> Callable[[Callable[[Signals], NDArray[np.float32]]], Callable[[Signals], NDArray[np.float32]]]:
    """Register a function of `Signals` as a block; `columns` are given without the block's name.

    Raises ValueError for a name that is taken, a column that is not `[a-z0-9_.]+` or repeated, or a
    function without a docstring.
    """

    def register(
        function: Callable[[Signals], NDArray[np.float32]],
    ) -> Callable[[Signals], NDArray[np.float32]]:
        full = tuple(f"{name}.{column}" for column in columns)
        bad = [c for c in full if not COLUMN.fullmatch(c)]
        if name in BLOCKS:
            raise ValueError(f"block '{name}' is registered twice; choose another name")
        if bad or len(set(full)) != len(full):
            raise ValueError(f"block '{name}': columns {bad or 'repeat'}; allowed are distinct [a-z0-9_.]+")
        if not (function.__doc__ or "").strip():
            raise ValueError(f"block '{name}' has no docstring; give its formula and source")
        BLOCKS[name] = Block(name=name, columns=full, version=version, source=source, compute=function)
        return function

    return register
