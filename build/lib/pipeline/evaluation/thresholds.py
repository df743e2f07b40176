"""Thresholds that keep an error rate below a wanted one, with 95 % confidence, and three answers from them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binom

from models.bundle_info import OVERALL, ThresholdInfo
from pipeline.evaluation.ranking import Floats

RATES = (0.1, 0.05, 0.02, 0.01, 0.005, 0.001)
CONFIDENCE = 0.95


def needed(rate: float) -> int:
    """Independent images that a guarantee needs at least.

    Parameters
    ----------
    rate : float
        Wanted error rate.

    Returns
    -------
    int
        Smallest n with (1 - rate)^n <= 5 %: even the largest of fewer scores would be no safe threshold.
    """
    return math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-rate))


def upper_threshold(scores: ArrayLike, rate: float) -> float | None:
    """Lowest threshold that at most the share `rate` of like scores exceeds, with 95 % confidence.

    The order statistic X_(k) with the smallest k for which P(Bin(n, 1 - rate) >= k) <= 5 %. It holds whatever the
    distribution of the scores, ties included, as long as these and later ones are independent draws from it.

    Parameters
    ----------
    scores : array, shape (n,)
        Independent draws.
    rate : float
        Wanted share, of scores strictly above the threshold.

    Returns
    -------
    float or None
        None where n is below `needed`.

    References
    ----------
    Tong, Feng and Li 2018, "Neyman-Pearson classification algorithms and NP receiver operating characteristics",
    doi:10.1126/sciadv.aao1659, proposition 1; the bound is Clopper and Pearson's, 1934, doi:10.1093/biomet/26.4.404.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    if len(ordered) < needed(rate):
        return None
    orders = np.arange(1, len(ordered) + 1)
    safe = binom.sf(orders - 1, len(ordered), 1 - rate) <= 1 - CONFIDENCE
    return float(ordered[np.argmax(safe)])


def one_of_each_group(rows: pd.DataFrame) -> pd.DataFrame:
    """One row of every group, whose scores are independent of each other; which, a hash of its name decides.

    Parameters
    ----------
    rows : DataFrame
        Columns group, img_name, sha256.
    """
    names = rows["sha256"].astype(str) + "/" + rows["img_name"].astype(str)
    order = names.map(lambda name: hashlib.sha256(f"threshold/{name}".encode()).hexdigest())
    return rows.loc[order.sort_values().index].drop_duplicates("group").sort_index()


def thresholds(rows: pd.DataFrame) -> list[ThresholdInfo]:
    """Limits of the answers real, fake and undecided, overall and by source.

    Above `fake_above`, at most the share `rate` of real faces lie; below `real_below`, at most that share of fakes. Each
    holds with 95 % confidence by itself, for images like these: of their sources, in their mix, of groups that are not
    among them.

    Parameters
    ----------
    rows : DataFrame
        Columns img_name, sha256, target, group, source, score: labelled images that neither training nor the choice of a
        model has seen. A calibration fitted to them is allowed where it keeps the order of scores, for the limits are order
        statistics.

    Returns
    -------
    list of ThresholdInfo
        By source (`OVERALL` first, sources where there are several), then by falling rate.
    """
    sources = sorted(rows["source"].unique())
    scopes: dict[str, pd.DataFrame] = {OVERALL: rows}
    if len(sources) > 1:
        scopes |= {source: rows[rows["source"] == source] for source in sources}
    return [threshold for name, scope in scopes.items() for threshold in _of_scope(name, scope)]


def _of_scope(name: str, rows: pd.DataFrame) -> list[ThresholdInfo]:
    real, fake = (one_of_each_group(rows[rows["target"] == side])["score"].to_numpy() for side in (0, 1))
    return [limits(name, real, fake, rate) for rate in RATES]


def limits(source: str, real: Floats, fake: Floats, rate: float) -> ThresholdInfo:
    """Limits of the answers for one wanted rate.

    Parameters
    ----------
    source : str
        Whose images they are.
    real, fake : float64 arrays
        Independent scores.
    rate : float
        Wanted share of errors.
    """
    fake_above = upper_threshold(real, rate)
    lower = upper_threshold(-fake, rate)
    real_below = None if lower is None else -lower
    if real_below is not None and fake_above is not None:
        real_below = min(real_below, fake_above)  # where both answers are safe, one is given: fake
    return ThresholdInfo(
        source=source,
        rate=rate,
        fake_above=fake_above,
        real_below=real_below,
        reals=len(real),
        fakes=len(fake),
        needed=needed(rate),
    )


def observed(pairs: Sequence[ThresholdInfo], rows: pd.DataFrame) -> list[dict[str, float | int | str | None]]:
    """What each pair of limits does on other labelled images.

    Parameters
    ----------
    pairs : sequence of ThresholdInfo
    rows : DataFrame
        Columns target, source, score; rows without a label or score are left out.

    Returns
    -------
    list of dict
        The fields of each threshold, and of the rows of its source: fpr, the share of real faces above `fake_above`; tpr,
        that of fakes; fnr, the share of fakes below `real_below`; tnr, that of real faces; undecided, the share of all
        that get neither answer. None where there is no limit or no image.
    """
    known = rows[rows["target"].notna() & rows["score"].notna()]
    results = []
    for limit in pairs:
        scope = known if limit.source == OVERALL else known[known["source"] == limit.source]
        target, score = scope["target"].to_numpy(np.int64), scope["score"].to_numpy(np.float64)
        above = score > np.inf if limit.fake_above is None else score > limit.fake_above
        below = score < -np.inf if limit.real_below is None else score < limit.real_below
        shares = {
            "fpr": _share(above[target == 0], limit.fake_above),
            "tpr": _share(above[target == 1], limit.fake_above),
            "fnr": _share(below[target == 1], limit.real_below),
            "tnr": _share(below[target == 0], limit.real_below),
            "undecided": _share(~above & ~below, 0.0),
        }
        results.append(limit.model_dump() | shares)
    return results


def _share(hits: np.ndarray, limit: float | None) -> float | None:
    return float(hits.mean()) if limit is not None and len(hits) else None
