"""Leaks: do file history, byte counts or trivial pixel cues alone tell the classes apart?

A small model sees only one group of file facts. What it can tell, a detector trained on the same images
can learn instead of the forgeries.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.folds import assign
from pipeline.dataset.file_facts import COLUMNS, FACT_GROUPS, facts
from pipeline.dataset.file_index import MIN_TASKS_PER_WORKER

# The one AUC. This folder may import evaluation, which imports nothing but models: so there is no circle.
from pipeline.evaluation.metrics import auc
from pipeline.evaluation.ranking import rank, tpr_at_fpr
from pipeline.runtime.engine import Engine
from pipeline.storage.hashed_files import ChangedFile, HashedFile
from pipeline.storage.unmade import Unmade

MAX_IMAGES = 20_000
FOLDS = 5
FILES_PER_TASK = 64
SMALLEST_CLASS = 30
LOW_FPR = 0.01
# AUC whose lower 95 % bound makes a warning or a leak. A file's history says nothing about
# a face, so little is allowed; bytes and brightness also follow from the picture itself.
LIMITS = {"history": (0.55, 0.65), "bytes": (0.70, 0.85), "pixels": (0.70, 0.85)}
MEANING = {
    "history": "file history (size in pixels, JPEG tables, container, EXIF)",
    "bytes": "file size (bytes, bytes per pixel)",
    "pixels": "trivial pixel cues (brightness, contrast, sharpness)",
}
LEVEL = {"leak": "red", "warn": "amber", "ok": "ok"}
OVERALL = "overall"
BOOSTER = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 7,
    "min_data_in_leaf": 10,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 0,
    "verbosity": -1,
}
NUM_BOOST_ROUND = 60


def sample(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    """Choose the images of a split that are looked at.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows.
    split : str
        Of train, only labelled images are chosen.

    Returns
    -------
    DataFrame
        At most `MAX_IMAGES` usable rows, chosen by content hash, so that the choice is stable; the index stays.
    """
    usable = rows[(rows["split"] == split) & (rows["status"] == "ok")]
    usable = usable[usable["target"].notna()] if split == "train" else usable
    return usable.sort_values(["sha256", "img_name"]).head(MAX_IMAGES)


def _facts_of(files: list[HashedFile], *, max_pixels: int) -> list[tuple[float, ...] | Unmade | None]:
    return [_facts_or_why(file, max_pixels=max_pixels) for file in files]


def _facts_or_why(file: HashedFile, *, max_pixels: int) -> tuple[float, ...] | Unmade | None:
    try:
        return facts(file, max_pixels=max_pixels)
    except ChangedFile as changed:
        return Unmade.by(changed, row=file.sha256)


def measure(rows: pd.DataFrame, *, engine: Engine) -> tuple[pd.DataFrame, list[Unmade]]:
    """Measure the file facts of manifest rows.

    Parameters
    ----------
    rows : DataFrame
        Columns path, sha256, width, height.
    engine : Engine
        Where files are read.

    Returns
    -------
    DataFrame of float64
        Columns `file_facts.COLUMNS`, index of `rows`; rows that do not decode are left out.
    list of Unmade
        Rows that are left out because their file is not the one that stage manifest saw.
    """
    files = HashedFile.of(rows)
    largest = int((rows["width"].astype("int64") * rows["height"]).max()) if len(rows) else 1
    tasks = [files[i : i + FILES_PER_TASK] for i in range(0, len(files), FILES_PER_TASK)]
    results = engine.map(
        partial(_facts_of, max_pixels=largest), tasks, min_pieces_per_worker=MIN_TASKS_PER_WORKER
    )
    by_row = dict(zip(rows.index, (values for task in results for values in task), strict=True))
    known = {index: values for index, values in by_row.items() if isinstance(values, tuple)}
    unmade = [values for values in by_row.values() if isinstance(values, Unmade)]
    return pd.DataFrame.from_dict(known, orient="index", columns=list(COLUMNS)), unmade


def fold_count(target: NDArray[np.int64], groups: NDArray[np.str_]) -> int:
    """As many folds as each class has groups, at most `FOLDS`; with fewer than 2 nothing can be validated.

    Parameters
    ----------
    target : int64 array, shape (n,)
        0 and 1.
    groups : str array, shape (n,)
        What no fold may divide.
    """
    return min(FOLDS, *(len(np.unique(groups[target == label])) for label in (0, 1)))


def cross_validated_auc(values: pd.DataFrame, rows: pd.DataFrame) -> dict[str, Any]:
    """Tell the classes by file facts, cross-validated by whole groups.

    Parameters
    ----------
    values : DataFrame, shape (n, d)
        File facts.
    rows : DataFrame, length n
        Columns target, group, source; at least 2 groups of each class.

    Returns
    -------
    dict
        auc : of a small LightGBM; auc_low : its lower 95 % bound; tpr : share of the fakes that it finds at a false-positive
        rate of `LOW_FPR`; most_used : up to three columns.
    """
    target, groups = rows["target"].to_numpy(np.int64), rows["group"].to_numpy(str)
    folds = fold_count(target, groups)
    fold = assign(target, groups, rows["source"].to_numpy(str), folds=folds, seed=0)
    score = np.zeros(len(target))
    gain = np.zeros(values.shape[1])
    for number in range(folds):
        train, test = fold != number, fold == number
        if len(np.unique(target[train])) < 2 or not test.any():
            continue  # groups with both classes can leave such a fold: its images keep the score 0
        data = lightgbm.Dataset(values[train], label=target[train])
        booster = lightgbm.train(BOOSTER, data, num_boost_round=NUM_BOOST_ROUND)
        score[test] = booster.predict(values[test], raw_score=True)
        gain += booster.feature_importance("gain")
    area = auc(target, score)
    found = float(tpr_at_fpr(rank(target, score), LOW_FPR)[0])
    used = [values.columns[i] for i in np.argsort(-gain, kind="stable")[:3] if gain[i] > 0]
    low = area - 1.96 * standard_error(area, target)
    return {"auc": area, "auc_low": low, "tpr": found, "most_used": used}


def standard_error(area: float, target: NDArray[np.int64]) -> float:
    """Standard error of an AUC.

    Parameters
    ----------
    area : float
        The AUC.
    target : int64 array, shape (n,)
        0 and 1, both present.

    Returns
    -------
    float
        With Q1 = A / (2 - A) and Q2 = 2 A² / (1 + A), the root of
        (A (1 - A) + (n1 - 1) (Q1 - A²) + (n0 - 1) (Q2 - A²)) / (n1 n0).

    References
    ----------
    Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.
    """
    fakes, reals = int(target.sum()), int(len(target) - target.sum())
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    spread = area * (1 - area) + (fakes - 1) * (q1 - area**2) + (reals - 1) * (q2 - area**2)
    return float(np.sqrt(max(spread, 0.0) / (fakes * reals)))


def classes_by_file(rows: pd.DataFrame, values: pd.DataFrame) -> list[dict[str, Any]]:
    """Tell the classes by each group of file facts, overall and within each source.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows as `sample` returns them.
    values : DataFrame
        Their facts as `measure` returns them.

    Returns
    -------
    list of dict
        source, facts, images, verdict (ok, warn, leak, too few) and the results of `cross_validated_auc`.
    """
    rows = rows.loc[values.index]
    sources = sorted(rows["source"].unique())
    scopes = {OVERALL: rows}
    if len(sources) > 1:
        scopes |= {source: rows[rows["source"] == source] for source in sources}
    results = []
    for name, scope in scopes.items():
        target, groups = scope["target"].to_numpy(np.int64), scope["group"].to_numpy(str)
        smallest = min(target.sum(), len(target) - target.sum())
        for kind, columns in FACT_GROUPS.items():
            result: dict[str, Any] = {"source": name, "facts": kind, "images": len(scope)}
            if smallest < SMALLEST_CLASS or fold_count(target, groups) < 2:
                results.append({**result, "verdict": "too few"})
                continue
            measured = cross_validated_auc(values.loc[scope.index, list(columns)], scope)
            warn, leak = LIMITS[kind]
            low = measured["auc_low"]
            results.append(
                {**result, **measured, "verdict": "leak" if low >= leak else "warn" if low >= warn else "ok"}
            )
    return results


def describe(result: Mapping[str, Any]) -> dict[str, str]:
    """Put a result of `classes_by_file` into words.

    Parameters
    ----------
    result : mapping
        One of its entries.

    Returns
    -------
    dict
        level (red, amber, unknown or ok) and text.
    """
    what = MEANING[result["facts"]]
    everything = f"all {result['images']} train images sampled"
    where = everything if result["source"] == OVERALL else f"source '{result['source']}'"
    if result["verdict"] == "too few":
        # Of one source among others little is lost; of all images together, nothing at all is known.
        level = "amber" if result["source"] == OVERALL else "unknown"
        return {"level": level, "text": f"{what}, {where}: too few images or groups of a class to tell"}
    claims = {"leak": "alone tells the classes apart", "warn": "says something about the class"}
    claim = claims.get(result["verdict"], "says little about the class")
    used = f" (mostly {', '.join(result['most_used'])})" if result["most_used"] else ""
    figures = f"AUC {result['auc']:.3f}, TPR {result['tpr']:.2f} at FPR {LOW_FPR:g}"
    text = f"{what} {claim}: {figures}{used}, {where}"
    return {"level": LEVEL[result["verdict"]], "text": text}
