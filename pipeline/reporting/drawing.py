"""How the report's pictures look, and how one becomes part of a page."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from pipeline.reporting.elements import Chart
from pipeline.reporting.language import Text
from pipeline.reporting.svg import FAINT, GRID, INK, SERIES, VARIABLES, in_every_language

DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "faketrace",
    "svg.fonttype": "none",  # words stay words
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
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.parse_math": False,  # a source or feature name may hold a dollar sign
}


def style() -> AbstractContextManager[None]:
    """Settings of matplotlib that hold while a picture is set up."""
    return matplotlib.rc_context(STYLE)


def draw(figure: Figure, alt: str, words: Sequence[Text] = ()) -> Chart:
    """Write a picture as an svg element for a page, the same every time.

    Parameters
    ----------
    figure : matplotlib Figure
        The picture.
    alt : str
        What a reader who cannot see it should know.
    words : sequence of Text
        Words in the picture that values were filled into; others are looked up in the catalogue as they stand.

    Returns
    -------
    Chart
        As wide on the page as the figure says, at 96 pixels an inch.
    """
    FigureCanvasSVG(figure)
    out = io.BytesIO()
    with style():
        kept: dict[str, Any] = {
            "bbox_inches": "tight",
            "pad_inches": 0.06,
            "metadata": {"Date": None},
            "transparent": True,
        }
        figure.savefig(out, format="svg", **kept)
    svg = _element(out.getvalue().decode("utf-8"), {str(word): word for word in words})
    return Chart(svg=svg, alt=alt, width=round(figure.get_figwidth() * 96))


def _element(text: str, words: dict[str, Text]) -> str:
    """The svg element of a file by matplotlib, fit to stand beside others on one page."""
    svg = text[text.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", svg, count=1)
    name = hashlib.sha256(svg.encode()).hexdigest()[:8]  # ids are those of one picture, not of the page
    svg = re.sub(r'\bid="|url\(#|xlink:href="#', lambda found: f"{found[0]}{name}-", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour.lower(), f"var({variable})")
    svg = svg.replace("font-family: 'DejaVu Sans'; ", "")
    return re.sub(r"(<text[^>]*)>([^<]*)</text>", lambda found: in_every_language(found, words), svg)


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
