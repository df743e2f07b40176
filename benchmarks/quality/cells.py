"""Markdown tables and their cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Numbers = dict[str, Any]


def table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """Title and rows of cells, each under its name."""
    lines = [["", *columns], ["---"] * (len(columns) + 1), *([name, *cells] for name, cells in rows.items())]
    return f"### {title}\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def interval(figure: Mapping[str, float | None] | None) -> str:
    """A figure with its 95 % interval, where it has one."""
    if figure is None:
        return "–"
    low, high = figure["low"], figure["high"]
    return plain(figure["value"], "{:.3f}") + ("" if low is None else f" ({low:.3f}–{high:.3f})")


def plain(value: float | None, form: str) -> str:
    """A number in a format; a dash for none."""
    return "–" if value is None or not np.isfinite(value) else form.format(value)
