"""Curves and tables behind the figures: ROC, precision-recall, reliability, score histogram."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.metrics import calibration_bins
from pipeline.evaluation.ranking import rank

POINTS = 500
HISTOGRAM_BINS = 40


def thin(count: int, limit: int = POINTS) -> NDArray[np.int64]:
    """Choose points of a curve, both ends kept, denser at the start.

    Half of them are spaced evenly and half by ratio, so that a logarithmic axis stays smooth.

    Parameters
    ----------
    count : int
        Points that there are.
    limit : int
        Points to keep at most.

    Returns
    -------
    int64 array
        Indices from 0 to count - 1, rising.
    """
    if count <= limit:
        return np.arange(count)
    even = np.linspace(0, count - 1, limit // 2)
    ratio = np.geomspace(1, count - 1, limit - limit // 2)
    return np.unique(np.rint(np.concatenate([even, ratio])).astype(np.int64))


def _corners(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of the points that no straight line of their neighbours passes through."""
    if len(x) < 3:
        return np.arange(len(x))
    dx, dy = np.diff(x), np.diff(y)
    bend = dx[:-1] * dy[1:] != dx[1:] * dy[:-1]
    return np.flatnonzero(np.concatenate([[True], bend, [True]]))


def roc(target: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Points of the ROC curve.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,)
        Probabilities of fake.

    Returns
    -------
    DataFrame
        Columns fpr, tpr; at most `POINTS` rows, none without both classes.
    """
    ranking = rank(target, score)
    tps, fps = ranking.tps[0], ranking.fps[0]
    if not tps[-1] or not fps[-1]:
        return pd.DataFrame({"fpr": [], "tpr": []}, dtype=np.float64)
    keep = _corners(fps, tps)
    keep = keep[thin(len(keep))]
    return pd.DataFrame({"fpr": fps[keep] / fps[-1], "tpr": tps[keep] / tps[-1]})


def precision_recall(target: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Points of the precision-recall curve.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,)
        Probabilities of fake.

    Returns
    -------
    DataFrame
        Columns recall, precision; at most `POINTS` rows, none without both classes.
    """
    ranking = rank(target, score)
    tps, fps = ranking.tps[0, 1:], ranking.fps[0, 1:]
    if not len(tps) or not tps[-1] or not fps[-1]:
        return pd.DataFrame({"recall": [], "precision": []}, dtype=np.float64)
    keep = thin(len(tps))
    return pd.DataFrame({"recall": tps[keep] / tps[-1], "precision": tps[keep] / (tps[keep] + fps[keep])})


def reliability(target: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Equally filled bins of the score against the share of fakes in them.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,)
        Probabilities of fake.

    Returns
    -------
    DataFrame
        Columns n, mean_score, share_fake, low, high; the last two are Wilson's 95 % interval of the
        share, which takes the images as independent.

    References
    ----------
    Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    bins = calibration_bins(s)
    table = pd.DataFrame({"bin": bins, "score": s, "target": y}).groupby("bin")
    n = table.size().to_numpy(dtype=np.float64)
    share, mean = table["target"].mean().to_numpy(), table["score"].mean().to_numpy()
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return pd.DataFrame(
        {"n": n.astype(np.int64), "mean_score": mean, "share_fake": share}
        | {"low": np.clip(centre - half, 0, 1), "high": np.clip(centre + half, 0, 1)}
    )


def histogram(target: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Counts of the scores by class in equal bins of [0, 1].

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,)
        Probabilities of fake.

    Returns
    -------
    DataFrame
        Columns score (centre of the bin), real, fake; `HISTOGRAM_BINS` rows.
    """
    y, s = np.asarray(target), np.asarray(score, dtype=np.float64)
    edges = np.linspace(0, 1, HISTOGRAM_BINS + 1)
    real, fake = (np.histogram(s[y == side], bins=edges)[0] for side in (0, 1))
    return pd.DataFrame({"score": (edges[1:] + edges[:-1]) / 2, "real": real, "fake": fake})
