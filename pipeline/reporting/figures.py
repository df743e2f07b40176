"""Pictures of the report, from tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from pipeline.evaluation import metrics
from pipeline.reporting.drawing import draw, new_axes, series_style, style
from pipeline.reporting.elements import Chart
from pipeline.reporting.language import Text, joined, say
from pipeline.reporting.radial_spectrum import RadialSpectrum
from pipeline.reporting.svg import FAINT, FAKE, INK, REAL

DET_TICKS = (0.002, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6)


def roc(points: Mapping[str, pd.DataFrame], areas: Mapping[str, float]) -> Chart:
    """Draw ROC curves.

    Parameters
    ----------
    points : mapping of str to DataFrame
        Columns fpr and tpr, rates from 0 to 1, by name of the curve.
    areas : mapping of str to float
        AUC of each curve.

    Returns
    -------
    Chart
    """
    labels = {name: say("{name}: AUC {area}", name=name, area=f"{areas[name]:.3f}") for name in points}
    with style():
        figure, (axes,) = new_axes(4.5, 3.8)
        for number, (name, curve) in enumerate(points.items()):
            axes.plot(curve["fpr"], curve["tpr"], label=str(labels[name]), **series_style(number))
        axes.plot([0, 1], [0, 1], color=FAINT, lw=0.8)
        axes.set(xlabel="false-positive rate", ylabel="true-positive rate", xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(loc="lower right")
        alt = say("ROC curves. AUC: {listed}.", listed=_listed(areas))
        return draw(figure, alt, list(labels.values()))


def low_fpr(points: Mapping[str, pd.DataFrame], areas: Mapping[str, float]) -> Chart:
    """Draw ROC curves over a logarithmic axis of the false-positive rate, where a filter works.

    Parameters
    ----------
    points, areas
        As of `roc`.

    Returns
    -------
    Chart
    """
    with style():
        figure, (axes,) = new_axes(4.5, 3.8)
        lowest = min((p.loc[p["fpr"] > 0, "fpr"].min() for p in points.values()), default=1e-3)
        lowest = float(min(lowest, 0.05)) if np.isfinite(lowest) else 1e-3
        for number, (name, curve) in enumerate(points.items()):
            axes.plot(np.maximum(curve["fpr"], lowest / 2), curve["tpr"], label=name, **series_style(number))
        grid = np.geomspace(lowest / 2, 1, 100)
        axes.plot(grid, grid, color=FAINT, lw=0.8)
        for name, bound in metrics.FPR_BOUNDS.items():
            if bound > lowest / 2:
                axes.axvline(bound, color=FAINT, lw=0.8, ls=":")
                axes.text(bound, 1.03, name, ha="center", va="bottom", fontsize=8, color=INK)
        axes.set(xscale="log", xlabel="false-positive rate (log)", ylabel="true-positive rate")
        axes.set(xlim=(lowest / 2, 1), ylim=(0, 1.02))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")  # the default one needs mathtext
        axes.xaxis.set_minor_formatter(lambda value, _: "")
        axes.legend(loc="best")
        alt = say("ROC curves with a logarithmic false-positive axis. AUC: {listed}.", listed=_listed(areas))
        return draw(figure, alt)


def _listed(areas: Mapping[str, float]) -> Text:
    return joined([joined([name, f"{area:.3f}"]) for name, area in areas.items()], "; ")


def det(points: Mapping[str, pd.DataFrame]) -> Chart:
    """Draw the rate of missed fakes against that of flagged reals, both on the axis of normal quantiles.

    Parameters
    ----------
    points : mapping of str to DataFrame
        Columns fpr and tpr, by name of the curve.

    Returns
    -------
    Chart

    References
    ----------
    Martin et al. 1997, "The DET curve in assessment of detection task performance", Eurospeech.
    """
    with style():
        figure, (axes,) = new_axes(4.5, 3.8)
        ends = ndtri([DET_TICKS[0] * 0.8, 0.8])
        for number, (name, curve) in enumerate(points.items()):
            x, y = (ndtri(np.clip(rate, 1e-6, 1 - 1e-6)) for rate in (curve["fpr"], 1 - curve["tpr"]))
            axes.plot(np.clip(x, *ends), np.clip(y, *ends), label=name, **series_style(number))
        axes.plot(ends, ends, color=FAINT, lw=0.8)
        names = [f"{100 * rate:g} %" for rate in DET_TICKS]
        axes.set_xticks(ndtri(DET_TICKS), names, fontsize=8)
        axes.set_yticks(ndtri(DET_TICKS), names, fontsize=8)
        axes.set(xlabel="real faces flagged", ylabel="deepfakes missed", xlim=ends, ylim=ends)
        axes.legend(loc="best")
        alt = "DET curves; where a curve meets the grey line, both error rates are the same."
        return draw(figure, alt)


def precision_recall(points: Mapping[str, pd.DataFrame], prevalence: float) -> Chart:
    """Draw precision against recall.

    Parameters
    ----------
    points : mapping of str to DataFrame
        Columns recall and precision, from 0 to 1, by name of the curve.
    prevalence : float
        Share of fakes: the precision of a guess.

    Returns
    -------
    Chart
    """
    with style():
        figure, (axes,) = new_axes(4.5, 3.8)
        for number, (name, curve) in enumerate(points.items()):
            axes.plot(curve["recall"], curve["precision"], label=name, **series_style(number))
        axes.axhline(prevalence, color=FAINT, lw=0.8)
        axes.set(
            xlabel="recall (share of deepfakes found)",
            ylabel="precision",
            xlim=(0, 1),
            ylim=(0, 1.02),
        )
        axes.legend(loc="lower left")
        guess = f"{prevalence:.2f}"
        return draw(figure, say("Precision-recall curves; a guess has precision {guess}.", guess=guess))


def calibration(bins: pd.DataFrame) -> Chart:
    """Draw the share of fakes against the mean score.

    Parameters
    ----------
    bins : DataFrame
        A bin of the score a row: columns mean_score, share_fake, and low and high, the bounds of the share.

    Returns
    -------
    Chart
    """
    with style():
        figure, (axes,) = new_axes(4.5, 3.8)
        axes.plot([0, 1], [0, 1], color=FAINT, lw=0.8)
        spread = [bins["share_fake"] - bins["low"], bins["high"] - bins["share_fake"]]
        spread = [np.maximum(side, 0) for side in spread]
        x, y = bins["mean_score"], bins["share_fake"]
        axes.errorbar(x, y, yerr=spread, fmt="o-", color=REAL, ms=4, lw=1.2, elinewidth=0.8)
        axes.set(xlabel="mean score of the bin", ylabel="share of deepfakes in the bin")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        gap = float((x - y).abs().max()) if len(bins) else 0.0
        alt = say(
            "Calibration in {bins} bins; largest gap to the diagonal {gap}.",
            bins=str(len(bins)),
            gap=f"{gap:.2f}",
        )
        return draw(figure, alt)


def histogram(counts: pd.DataFrame) -> Chart:
    """Draw how many real and fake images have which score.

    Parameters
    ----------
    counts : DataFrame
        A bin of equal width a row: columns score (its centre), real and fake (images in it).

    Returns
    -------
    Chart
    """
    with style():
        figure, (axes,) = new_axes(4.5, 3.8)
        edges = np.linspace(0, 1, len(counts) + 1)
        for side, colour, dash in (("real", REAL, "-"), ("fake", FAKE, (0, (4, 1.5)))):
            axes.stairs(counts[side], edges, fill=True, color=colour, alpha=0.3)
            axes.stairs(counts[side], edges, color=colour, ls=dash, lw=1.4, label=side)
        axes.set(xlabel="score (probability of a deepfake)", ylabel="images", xlim=(0, 1))
        axes.legend(loc="upper center", ncols=2)
        real, fake = (
            float((counts["score"] * counts[s]).sum() / max(counts[s].sum(), 1)) for s in ("real", "fake")
        )
        means = {"real": f"{real:.2f}", "fake": f"{fake:.2f}"}
        return draw(figure, say("Histogram of scores; mean about {real} for real, {fake} for fake.", **means))


def learning(points: pd.DataFrame) -> Chart:
    """Draw the AUC over the images that the stacker was fitted to.

    Parameters
    ----------
    points : DataFrame
        Columns images, auc, low and high (bounds or NaN), a refit a row.

    Returns
    -------
    Chart
    """
    with style():
        figure, (axes,) = new_axes(4.5, 3.0)
        means = points.groupby("share")[["images", "auc"]].mean()
        axes.plot(means["images"], means["auc"], color=REAL, lw=1.4)
        axes.plot(points["images"], points["auc"], "o", color=REAL, ms=4)
        last = points.iloc[-1]
        if np.isfinite(last["low"]):
            spread = [[last["auc"] - last["low"]], [last["high"] - last["auc"]]]
            axes.errorbar(
                [last["images"]], [last["auc"]], yerr=spread, fmt="none", ecolor=INK, elinewidth=0.8
            )
        axes.set(xlabel="training images of the stacker", ylabel="AUC on val", xlim=(0, None))
        listed = ", ".join(f"{images:.0f}: {area:.3f}" for images, area in means.to_numpy())
        return draw(figure, say("AUC by number of training images: {listed}.", listed=listed))


def spectrum(spectra: RadialSpectrum) -> Chart:
    """Draw the mean log power by frequency for both classes, and their difference by source.

    Parameters
    ----------
    spectra : RadialSpectrum
        The means, their intervals, and the share of each band in what the model uses.

    Returns
    -------
    Chart
    """
    with style():
        figure, (level, gap) = new_axes(9.2, 3.8, 2)
        for name, (mean, half), colour, dash in (
            ("real", spectra.real, REAL, "-"),
            ("fake", spectra.fake, FAKE, "--"),
        ):
            level.plot(spectra.frequency, mean, color=colour, ls=dash, lw=1.6, label=name)
            level.fill_between(spectra.frequency, mean - half, mean + half, color=colour, alpha=0.2, lw=0)
        for number, (name, values) in enumerate(spectra.gaps.items()):
            gap.plot(spectra.frequency, values, label=name, **series_style(number))
        gap.axhline(0, color=FAINT, lw=0.8)
        for axes, title in ((level, "mean log power"), (gap, "fake minus real, mean log power")):
            _shade(axes, spectra)
            axes.set(xlabel="frequency, cycles per pixel", ylabel=title)
            axes.axvline(0.5, color=FAINT, lw=0.8, ls=":")
            axes.set_xlim(0, spectra.frequency[-1])
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="best")
        what = "Mean radial spectrum of real and fake faces and their difference."
        return draw(figure, joined([what, _widest_gap(spectra)]))


def _widest_gap(spectra: RadialSpectrum) -> str:
    """Say where the classes differ most; nothing where they are not compared."""
    sizes = {name: np.abs(np.nan_to_num(gap)) for name, gap in spectra.gaps.items()}
    if not sizes:
        return ""
    name = max(sizes, key=lambda key: float(sizes[key].max()))
    frequency = spectra.frequency[int(sizes[name].argmax())]
    return say(
        "It is widest in {name} at {frequency} cycles per pixel.", name=name, frequency=f"{frequency:.2f}"
    )


def _shade(axes: Any, spectra: RadialSpectrum) -> None:
    """Put orange behind each band, the darker the more the model uses it."""
    top = float(spectra.weight.max(initial=0.0))
    step = spectra.frequency[1] - spectra.frequency[0] if len(spectra.frequency) > 1 else 1.0
    for centre, weight in zip(spectra.frequency, spectra.weight, strict=True):
        if top > 0 and weight > 0:
            share = 0.75 * weight / top
            axes.axvspan(centre - step / 2, centre + step / 2, color="#E69F00", alpha=share * 0.6, lw=0)
