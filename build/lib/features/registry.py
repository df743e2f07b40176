"""The spectral blocks by name: each registered once, with its columns and its source."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.signals import Signals

Compute = Callable[[Signals], NDArray[np.float32]]

COLUMN = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")  # with the block's name before the first point


@dataclass(frozen=True)
class Block:
    """Named numbers of a face that are computed together.

    Attributes
    ----------
    name : str
        Name of the block, also that of its module.
    columns : tuple of str
        `block.column`, in the order of the values.
    source : str
        Papers that the formulas come from, each with its arXiv number or doi.
    compute : callable
        `Signals` -> float32 array, shape (len(columns),): finite, or NaN where nothing can be measured.
    """

    name: str
    columns: tuple[str, ...]
    source: str
    compute: Compute

    @property
    def target(self) -> str:
        """`module:qualified name` of the function, from which a fingerprint of the block's code starts."""
        return f"{self.compute.__module__}:{self.compute.__qualname__}"


BLOCKS: dict[str, Block] = {}  # filled as the modules of `features.blocks` are imported


def block(*, name: str, columns: Iterable[str], source: str) -> Callable[[Compute], Compute]:
    """Register the decorated function of `Signals` as a block.

    Parameters
    ----------
    name : str
        Name of the block, that of its module.
    columns : iterable of str
        Names of the values in order, without the block's name.
    source : str
        Papers that the formulas come from, each with its arXiv number or doi.

    Returns
    -------
    callable
        Decorator that returns the function as it is.

    Raises
    ------
    ValueError
        The name is taken, a column is badly named or repeated, or the function has no docstring.
    """

    def register(function: Compute) -> Compute:
        new = Block(name, tuple(f"{name}.{column}" for column in columns), source, function)
        _check(new)
        BLOCKS[name] = new
        return function

    return register


def _check(new: Block) -> None:
    where = f"block '{new.name}' of {new.target}"
    if new.name in BLOCKS:
        raise ValueError(
            f"{where}: {BLOCKS[new.name].target} has registered that name, a name belongs to one block; "
            "choose another name"
        )
    malformed = [column for column in new.columns if not COLUMN.fullmatch(column)]
    if malformed or not new.columns:
        raise ValueError(
            f"{where}: columns are {malformed or 'none'}; allowed are one or more of a-z, 0-9, _ in each name, "
            "joined by points; rename them"
        )
    repeated = [column for column, times in Counter(new.columns).items() if times > 1]
    if repeated:
        raise ValueError(f"{where}: columns {repeated} are repeated, each must be distinct; rename them")
    if not (new.compute.__doc__ or "").strip():
        raise ValueError(f"{where}: no docstring; write one with the formula and its References")
