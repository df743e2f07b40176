"""Pictures of the report: tables in, self-contained SVG out, the same bytes every time."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.evaluation import metrics
from pipeline.reporting.radial_spectrum import RadialSpectrum

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


@dataclass(frozen=True)
class Drawing:
    """uri : data URI of the SVG; alt : what a reader who cannot see it should know; width, px."""

    uri: str
    alt: str
    width: int


def _draw(figure: Figure, alt: str) -> Drawing:
    FigureCanvasSVG(figure)
    out = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(out, format="svg", bbox_inches="tight", pad_inches=0.06, metadata={"Date": None})
    uri = "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode("ascii")
    return Drawing(uri=uri, alt=alt, width=round(figure.get_figwidth() * 96))


def _axes(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, [figure.add_subplot(1, columns, number + 1) for number in range(columns)]


def roc(points: Mapping[str, pd.DataFrame], areas: Mapping[str, float]) -> Drawing:
    """ROC curves, once on a straight and once on a logarithmic axis of the false-positive rate.

    points : name -> columns fpr, tpr; areas : name -> AUC.
    """
    with matplotlib.rc_context(STYLE):
        figure, (straight, log) = _axes(9.2, 4.0, 2)
        lowest = min((p.loc[p["fpr"] > 0, "fpr"].min() for p in points.values()), default=1e-3)
        lowest = float(min(lowest, 0.05)) if np.isfinite(lowest) else 1e-3
        for number, (name, curve) in enumerate(points.items()):
            line = _line(number)
            label = f"{name}: AUC {areas[name]:.3f}"
            straight.plot(curve["fpr"], curve["tpr"], label=label, **line)
            log.plot(np.maximum(curve["fpr"], lowest / 2), curve["tpr"], **line)
        straight.plot([0, 1], [0, 1], color=FAINT, lw=0.8)
        straight.set(xlabel="false-positive rate", ylabel="true-positive rate", xlim=(0, 1), ylim=(0, 1.02))
        straight.legend(loc="lower right")
        grid = np.geomspace(lowest / 2, 1, 100)
        log.plot(grid, grid, color=FAINT, lw=0.8)
        for name, bound in metrics.FPR_BOUNDS.items():
            if bound > lowest / 2:
                log.axvline(bound, color=FAINT, lw=0.8, ls=":")
                log.text(bound, 1.03, name, ha="center", va="bottom", fontsize=8, color=INK)
        log.set(xscale="log", xlabel="false-positive rate (log)", xlim=(lowest / 2, 1), ylim=(0, 1.02))
        log.xaxis.set_major_formatter(lambda value, _: f"{value:g}")  # the default one needs mathtext
        log.xaxis.set_minor_formatter(lambda value, _: "")
        said = "; ".join(f"{name} {area:.3f}" for name, area in areas.items())
        return _draw(figure, f"ROC curves with straight and logarithmic false-positive axis. AUC: {said}.")


def _line(number: int) -> dict[str, Any]:
    colour, dash = SERIES[number % len(SERIES)], DASHES[number % len(DASHES)]
    return {"color": colour, "ls": dash, "lw": 1.8 if number == 0 else 1.4}


def precision_recall(points: Mapping[str, pd.DataFrame], prevalence: float) -> Drawing:
    """Precision against recall. points : name -> columns recall, precision."""
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _axes(4.5, 3.8)
        for number, (name, curve) in enumerate(points.items()):
            axes.plot(curve["recall"], curve["precision"], label=name, **_line(number))
        axes.axhline(prevalence, color=FAINT, lw=0.8)
        axes.set(
            xlabel="recall (share of deepfakes found)",
            ylabel="precision",
            xlim=(0, 1),
            ylim=(0, 1.02),
        )
        axes.legend(loc="lower left")
        return _draw(figure, f"Precision-recall curves; a guess has precision {prevalence:.2f}.")


def calibration(bins: pd.DataFrame) -> Drawing:
    """Share of fakes against mean score. bins : columns mean_score, share_fake, low, high, n."""
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _axes(4.5, 3.8)
        axes.plot([0, 1], [0, 1], color=FAINT, lw=0.8)
        spread = [bins["share_fake"] - bins["low"], bins["high"] - bins["share_fake"]]
        spread = [np.maximum(side, 0) for side in spread]
        x, y = bins["mean_score"], bins["share_fake"]
        axes.errorbar(x, y, yerr=spread, fmt="o-", color=REAL, ms=4, lw=1.2, elinewidth=0.8)
        axes.set(xlabel="mean score of the bin", ylabel="share of deepfakes in the bin")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        gap = float((x - y).abs().max()) if len(bins) else 0.0
        return _draw(figure, f"Calibration in {len(bins)} bins; largest gap to the diagonal {gap:.2f}.")


def histogram(counts: pd.DataFrame) -> Drawing:
    """Scores of real and fake images. counts : columns score (bin centre), real, fake."""
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _axes(9.2, 2.7)
        edges = np.linspace(0, 1, len(counts) + 1)
        for side, colour, dash in (("real", REAL, "-"), ("fake", FAKE, (0, (4, 1.5)))):
            axes.stairs(counts[side], edges, fill=True, color=colour, alpha=0.3)
            axes.stairs(counts[side], edges, color=colour, ls=dash, lw=1.4, label=side)
        axes.set(xlabel="score (probability of a deepfake)", ylabel="images", xlim=(0, 1))
        axes.legend(loc="upper center", ncols=2)
        real, fake = (
            float((counts["score"] * counts[s]).sum() / max(counts[s].sum(), 1)) for s in ("real", "fake")
        )
        return _draw(figure, f"Histogram of scores; mean about {real:.2f} for real, {fake:.2f} for fake.")


def bars(
    names: Sequence[str],
    panels: Mapping[str, NDArray[Any]],
    spreads: Mapping[str, NDArray[Any]],
    alt: str,
) -> Drawing:
    """Horizontal bars of the same names side by side, first name on top.

    panels : axis label -> length of each bar, NaN for none; spreads : label -> half of an error bar.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = _axes(9.2, 0.9 + 0.235 * max(len(names), 2), len(panels))
        at = np.arange(len(names))[::-1]
        for number, (label, values) in enumerate(panels.items()):
            colour = (REAL, "#009E73", FAKE)[number % 3]
            axes[number].barh(at, np.nan_to_num(values), color=colour, height=0.68)
            if label in spreads:
                style = {"fmt": "none", "ecolor": INK, "elinewidth": 0.8}
                axes[number].errorbar(np.nan_to_num(values), at, xerr=np.nan_to_num(spreads[label]), **style)
            axes[number].set(xlabel=label, ylim=(-0.7, len(names) - 0.3))
            axes[number].set_yticks(at, names if number == 0 else [""] * len(names))
            axes[number].locator_params(axis="x", nbins=4)
            axes[number].tick_params(axis="y", length=0)
            axes[number].grid(axis="y", visible=False)
        return _draw(figure, alt)


def spectrum(bands: RadialSpectrum) -> Drawing:
    """Mean log power by frequency for both classes, and their difference by source."""
    with matplotlib.rc_context(STYLE):
        figure, (level, gap) = _axes(9.2, 3.8, 2)
        for name, (mean, half), colour, dash in (
            ("real", bands.real, REAL, "-"),
            ("fake", bands.fake, FAKE, "--"),
        ):
            level.plot(bands.frequency, mean, color=colour, ls=dash, lw=1.6, label=name)
            level.fill_between(bands.frequency, mean - half, mean + half, color=colour, alpha=0.2, lw=0)
        for number, (name, values) in enumerate(bands.gaps.items()):
            gap.plot(bands.frequency, values, label=name, **_line(number))
        gap.axhline(0, color=FAINT, lw=0.8)
        for axes, title in ((level, "mean log power"), (gap, "fake minus real, mean log power")):
            _shade(axes, bands)
            axes.set(xlabel="frequency, cycles per pixel", ylabel=title)
            axes.axvline(0.5, color=FAINT, lw=0.8, ls=":")
            axes.set_xlim(0, bands.frequency[-1])
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="best")
        said = _widest(bands)
        return _draw(figure, f"Mean radial spectrum of real and fake faces and their difference{said}.")


def _widest(bands: RadialSpectrum) -> str:
    """Where the classes differ most, in words."""
    sizes = {name: np.abs(np.nan_to_num(gap)) for name, gap in bands.gaps.items()}
    if not sizes:
        return ""
    name = max(sizes, key=lambda key: float(sizes[key].max()))
    return f", widest in {name} at {bands.frequency[int(sizes[name].argmax())]:.2f} cycles per pixel"


def _shade(axes: Any, bands: RadialSpectrum) -> None:
    """Grey behind each band, the darker the more the model uses it."""
    top = float(bands.weight.max(initial=0.0))
    step = bands.frequency[1] - bands.frequency[0] if len(bands.frequency) > 1 else 1.0
    for centre, weight in zip(bands.frequency, bands.weight, strict=True):
        if top > 0 and weight > 0:
            share = 0.75 * weight / top
            axes.axvspan(centre - step / 2, centre + step / 2, color="#E69F00", alpha=share * 0.6, lw=0)
