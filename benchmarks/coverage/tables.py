"""From counts of runs to Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

SELDOM = 0.1  # a design whose interval is shown in fewer runs is counted with the others of its kind


def coverage_table(rows: Sequence[dict[str, Any]]) -> str:
    """Coverage of the intervals that are shown, by figure, reals and groups.

    Parameters
    ----------
    rows : sequence of dict
        As `runs.cover` returns them.

    Returns
    -------
    str
        Markdown: in how many of the designs the interval is shown in at least a tenth of the runs, lowest and highest
        coverage among them, and the coverage of all intervals shown.
    """
    lines = [
        "| figure | reals | groups | designs shown | coverage, lowest–highest | all that are shown |",
        "|---|---|---|---|---|---|",
    ]
    table = pd.DataFrame(rows)
    for (figure, reals, groups), cells in table.groupby(["figure", "reals", "groups"], sort=True):
        shown, often = cells["shown"].sum(), cells[cells["shown"] >= SELDOM * cells["runs"]]
        of_cells = often["covers"] / often["shown"]
        span = f"{of_cells.min():.3f}–{of_cells.max():.3f}" if len(often) else "–"
        whole = f"{cells['covers'].sum() / shown:.3f} of {shown:,}" if shown else "never shown"
        lines.append(f"| {figure} | {reals:,} | {groups} | {len(often)} of {len(cells)} | {span} | {whole} |")
    return "\n".join(lines)


def threshold_table(rows: Sequence[dict[str, Any]]) -> str:
    """How often thresholds keep their promise, by wanted rate, correlation and sizes.

    Parameters
    ----------
    rows : sequence of dict
        As `runs.keep` returns them.
    """
    lines = [
        "| rate wanted | limit | designs | kept, lowest | kept, all | true rate, mean |",
        "|---|---|---|---|---|---|",
    ]
    table = pd.DataFrame(rows)
    for (rate, side), cells in table.groupby(["rate", "side"], sort=False):
        share, given = cells["kept"] / cells["given"], cells["given"].sum()
        mean = (cells["error"] * cells["given"]).sum() / given
        lines.append(
            f"| {rate:g} | {side} | {len(cells)} | {share.min():.3f} | {cells['kept'].sum() / given:.3f} of {given:,} "
            f"| {mean:.4f} |"
        )
    return "\n".join(lines)
