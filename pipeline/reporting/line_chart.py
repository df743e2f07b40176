"""A chart of lines as an svg element, drawn by hand: an explanation needs no more, and its makers need no matplotlib."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.reporting.elements import Chart
from pipeline.reporting.svg import FAINT, FAKE, GRID, INK, REAL, VARIABLES, in_every_language

WIDTH, HEIGHT = 883, 307  # px, as wide as the report's charts over the whole page
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 875.0, 34.0, 262.0  # of the field that the lines lie in
_TICKS = 8  # between them on an axis, at most
_LOOKS = {"real": (REAL, "", 1.9), "fake": (FAKE, "7 3", 1.9), "image": (INK, "", 2.4)}


@dataclass(frozen=True)
class _Scale:
    """From numbers to px along an axis."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def spectrum_of_one(frequency: NDArray[np.float64], lines: Mapping[str, NDArray[np.float64]]) -> Chart:
    """Draw the radial spectrum of one image between those of the classes.

    Parameters
    ----------
    frequency : float64 array, shape (bins,), cycles per pixel
        Rising.
    lines : mapping of str to float64 array, shape (bins,), log power
        `image`, `real` and `fake`; NaN where a bin holds nothing.

    Returns
    -------
    Chart
        The same bytes for the same numbers.
    """
    known = np.concatenate([values[np.isfinite(values)] for values in lines.values()])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.5
    across = _Scale(0.0, float(frequency[-1]), _LEFT, _RIGHT)
    up = _Scale(low - margin, high + margin, _BOTTOM, _TOP)
    parts = [*_axes(across, up), _line([(across(0.5), _TOP), (across(0.5), _BOTTOM)], FAINT, 1.1, "1 2")]
    x = _LEFT
    for name, values in lines.items():
        colour, dash, width = _LOOKS[name]
        parts.append(_path(frequency, values, across, up, style=_stroke(colour, width, dash)))
        parts += [_line([(x, 16), (x + 26, 16)], colour, width, dash), _text(x + 32, 20, name)]
        x += 110
    alt = "Radial spectrum of the image, and the medians of real and fake training images."
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    svg = re.sub(r"(<text[^>]*)>([^<]*)</text>", lambda found: in_every_language(found, {}), svg)
    return Chart(svg=svg, alt=alt, width=WIDTH)


def _axes(across: _Scale, up: _Scale) -> list[str]:
    """Grid, ticks, and what the axes show."""
    parts = []
    for value, shown in _ticks(across):
        x = across(value)
        parts.append(_line([(x, _TOP), (x, _BOTTOM)], GRID, 0.9))
        parts.append(_text(x, _BOTTOM + 18, shown, anchor="middle"))
    for value, shown in _ticks(up):
        y = up(value)
        parts.append(_line([(_LEFT, y), (_RIGHT, y)], GRID, 0.9))
        parts.append(_text(_LEFT - 7, y + 4, shown, anchor="end"))
    parts.append(_line([(_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], FAINT, 1.0))
    parts.append(_text((_LEFT + _RIGHT) / 2, _BOTTOM + 38, "frequency, cycles per pixel", anchor="middle"))
    middle = (_TOP + _BOTTOM) / 2
    parts.append(_text(14, middle, "log power", anchor="middle", turned=True))
    return parts


def _ticks(scale: _Scale) -> list[tuple[float, str]]:
    """Round numbers on an axis, and how they are written."""
    rough = (scale.high - scale.low) / _TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
    places = max(-math.floor(math.log10(step) + 1e-9), 0)
    numbers = range(math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9) + 1)
    return [(number * step, f"{number * step:.{places}f}".replace("-", "\u2212")) for number in numbers]


def _path(
    frequency: NDArray[np.float64], values: NDArray[np.float64], across: _Scale, up: _Scale, *, style: str
) -> str:
    """A line that is broken where a number is missing."""
    commands, pen = [], "M"
    for x, y in zip(frequency.tolist(), values.tolist(), strict=True):
        if not math.isfinite(y):
            pen = "M"
            continue
        commands.append(f"{pen}{across(x):.1f} {up(y):.1f}")
        pen = "L"
    return f'<path d="{"".join(commands)}" {style}/>'


def _line(points: list[tuple[float, float]], colour: str, width: float, dash: str = "") -> str:
    placed = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{placed}" {_stroke(colour, width, dash)}/>'


def _stroke(colour: str, width: float, dash: str = "") -> str:
    dashes = f";stroke-dasharray:{dash}" if dash else ""
    return f'style="fill:none;stroke:var({VARIABLES[colour]});stroke-width:{width}{dashes}"'


def _text(x: float, y: float, words: str, *, anchor: str = "start", turned: bool = False) -> str:
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    look = f"font-size:12.7px;fill:var({VARIABLES[INK]});text-anchor:{anchor}"
    return f'<text x="{x:.1f}" y="{y:.1f}"{turn} style="{look}">{html.escape(words)}</text>'
