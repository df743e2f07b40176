"""Pictures of importance: bars by name, and the grid of an 8×8 DCT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

from pipeline.reporting.drawing import draw, new_axes, style
from pipeline.reporting.elements import Chart
from pipeline.reporting.language import say
from pipeline.reporting.svg import FAKE, INK, REAL

_GREEN = "#009E73"
_DARK = 0.6  # share of the largest from which a number stands in white
_ON_LIGHT = "#111111"  # cells are light on a dark page too, so their words must not follow it


def bars(
    names: Sequence[str],
    panels: Mapping[str, NDArray[Any]],
    intervals: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    alt: str,
) -> Chart:
    """Draw horizontal bars of the same names in panels side by side, the first name on top.

    Parameters
    ----------
    names : sequence of str, length n
        What each bar stands for.
    panels : mapping of str to float array, shape (n,)
        Length of each bar by axis label, NaN for none.
    intervals : mapping of str to pair of float arrays, shape (n,)
        Lower and upper end of a whisker by axis label, NaN for none.
    alt : str
        What a reader who cannot see the picture should know.

    Returns
    -------
    Chart
    """
    with style():
        figure, axes = new_axes(9.2, 0.9 + 0.235 * max(len(names), 2), len(panels))
        heights = np.arange(len(names))[::-1]
        for number, (label, values) in enumerate(panels.items()):
            colour = (REAL, _GREEN, FAKE)[number % 3]
            axes[number].barh(heights, np.nan_to_num(values), color=colour, height=0.68)
            if label in intervals:
                low, high = intervals[label]
                known = np.isfinite(low) & np.isfinite(high)
                axes[number].hlines(heights[known], low[known], high[known], color=INK, lw=0.8)
            axes[number].set(xlabel=label, ylim=(-0.7, len(names) - 0.3))
            axes[number].set_yticks(heights, names if number == 0 else [""] * len(names))
            axes[number].locator_params(axis="x", nbins=4)
            axes[number].tick_params(axis="y", length=0)
            axes[number].grid(axis="y", visible=False)
        return draw(figure, alt)


def dct_grid(grid: NDArray[np.float64]) -> Chart:
    """Draw what the model takes from each coefficient of the 8×8 DCT.

    Parameters
    ----------
    grid : float64 array, shape (8, 8)
        Mean |SHAP|, by vertical and horizontal frequency.

    Returns
    -------
    Chart
    """
    share = grid / max(float(grid.sum()), np.finfo(float).tiny)
    top = float(share.max())
    with style():
        figure, (axes,) = new_axes(4.8, 4.4)
        colours = LinearSegmentedColormap.from_list("blue", ["#ffffff", REAL])
        # Squares, not an image: an image would be a picture of pixels inside the SVG.
        axes.pcolormesh(share, cmap=colours, vmin=0, vmax=max(top, 1e-12), edgecolors="#e3e6ea", lw=0.7)
        for u, v in np.ndindex(*grid.shape):
            colour = "white" if share[u, v] > _DARK * top else _ON_LIGHT
            text = f"{100 * share[u, v]:.1f}"
            axes.text(v + 0.5, u + 0.5, text, ha="center", va="center", fontsize=7.5, color=colour)
        ticks = np.arange(8) + 0.5
        axes.set_xticks(ticks, range(8))
        axes.set_yticks(ticks, range(8))
        axes.set(xlabel="horizontal frequency", ylabel="vertical frequency", aspect="equal")
        axes.invert_yaxis()
        axes.grid(visible=False)
        u, v = np.unravel_index(int(share.argmax()), share.shape)
        alt = say(
            "Shares of the 8×8 DCT's coefficients, in per cent; the largest is ({u}, {v}) with {share}.",
            u=str(u),
            v=str(v),
            share=f"{100 * top:.1f}",
        )
        return draw(figure, alt)
