"""How numbers are written in the report."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

from pipeline.reporting.elements import Cell

ABSENT = "–"  # an en dash where there is no number
_MINUS = "\u2212"


def is_absent(value: float | None) -> bool:
    """Whether there is no number: None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """Write a number with a fixed count of decimals, and whole numbers with commas.

    Parameters
    ----------
    value : int, float or None
        `ABSENT` is written for None and NaN.
    digits : int
        Decimals of a float.
    signed : bool
        Whether a float above zero takes a plus sign.

    Returns
    -------
    str
        With a true minus sign, as wide as the plus.
    """
    if value is None or is_absent(value):
        return ABSENT
    if isinstance(value, Integral):
        return f"{value:,}"
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", _MINUS)


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share, 0 to 1, in per cent; `ABSENT` for None and NaN."""
    return ABSENT if share is None or is_absent(share) else f"{100 * share:.{digits}f}\u00a0%"


def with_interval(figure: dict[str, Any] | None, digits: int = 3, *, signed: bool = False) -> Cell:
    """Write a figure with its interval under it.

    Parameters
    ----------
    figure : dict or None
        Keys value, low and high, the bounds None where there is no interval, as in reports/evaluation.json.
    digits : int
        Decimals.
    signed : bool
        Whether numbers above zero take a plus sign, as those of a difference do.

    Returns
    -------
    Cell
        `ABSENT` where there is no value.
    """
    if not figure or is_absent(figure["value"]):
        return Cell(ABSENT)
    text = number(figure["value"], digits, signed=signed)
    if is_absent(figure["low"]):
        return Cell(text)
    low, high = (number(figure[side], digits, signed=signed) for side in ("low", "high"))
    return Cell(text, f"{low}{' … ' if signed else '–'}{high}")
