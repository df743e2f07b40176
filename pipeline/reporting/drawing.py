"""How the report's pictures look, and how one becomes part of a page."""

from __future__ import annotations

import base64
import io
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from pipeline.reporting.elements import Drawing

# Okabe and Ito's palette, told apart with every common kind of colour blindness.
REAL, FAKE = "#0072B2", "#D55E00"
SERIES = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
INK, FAINT = "#1f2328", "#8a9099"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "faketrace",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.parse_math": False,  # a source or feature name may hold a dollar sign
}


def style() -> AbstractContextManager[None]:
    """Settings of matplotlib that hold while a picture is set up."""
    return matplotlib.rc_context(STYLE)


def draw(figure: Figure, alt: str) -> Drawing:
    """Write a picture as SVG, the same bytes every time.

    Parameters
    ----------
    figure : matplotlib Figure
        The picture.
    alt : str
        What a reader who cannot see it should know.

    Returns
    -------
    Drawing
        As wide on the page as the figure says, at 96 pixels an inch.
    """
    FigureCanvasSVG(figure)
    out = io.BytesIO()
    with style():
        figure.savefig(out, format="svg", bbox_inches="tight", pad_inches=0.06, metadata={"Date": None})
    uri = "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode("ascii")
    return Drawing(uri=uri, alt=alt, width=round(figure.get_figwidth() * 96))


def new_axes(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    """Set up a figure with axes side by side.

    Parameters
    ----------
    width, height : float
        Of the figure, inches.
    columns : int
        How many axes.

    Returns
    -------
    matplotlib Figure
    list of matplotlib Axes
        From left to right.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, [figure.add_subplot(1, columns, number + 1) for number in range(columns)]


def series_style(number: int) -> dict[str, Any]:
    """Colour, dashes and width of a line: the first one stands out."""
    colour, dash = SERIES[number % len(SERIES)], DASHES[number % len(DASHES)]
    return {"color": colour, "ls": dash, "lw": 1.8 if number == 0 else 1.4}
