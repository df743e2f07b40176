"""Do the files of val and test have another history than those of train? Then figures on val are of another task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.dataset.file_facts import FACT_GROUPS
from pipeline.dataset.leakage import SMALLEST_CLASS, cross_validated_auc, fold_count

LIMIT = 0.60  # lower 95 % bound of the AUC; chance, and the mix of sources, move it a little
FACTS = list(FACT_GROUPS["history"])


def compare_splits(rows: pd.DataFrame, values: pd.DataFrame) -> list[dict[str, Any]]:
    """Tell the images of val, and of test, from those of train by their file history.

    Parameters
    ----------
    rows : DataFrame
        Columns split, group, source.
    values : DataFrame
        File facts of these rows or of fewer, by the same index.

    Returns
    -------
    list of dict
        split, images, verdict (differs, alike, too few), and where it was measured auc, auc_low, most_used and, of the
        first of these, the medians train_median and median.
    """
    rows = rows.loc[values.index]
    results = []
    for split in ("val", "test"):
        both = rows[rows["split"].isin(["train", split])]
        is_other = (both["split"] == split).to_numpy(np.int64)
        result: dict[str, Any] = {"split": split, "images": int(is_other.sum())}
        if not is_other.any():
            continue
        smallest = min(is_other.sum(), len(is_other) - is_other.sum())
        if smallest < SMALLEST_CLASS or fold_count(is_other, both["group"].to_numpy(str)) < 2:
            results.append({**result, "verdict": "too few"})
            continue
        measured = cross_validated_auc(values.loc[both.index, FACTS], both.assign(target=is_other))
        verdict = "differs" if measured["auc_low"] >= LIMIT else "alike"
        for name, side in (("train_median", 0), ("median", 1)):
            if measured["most_used"]:
                shown = values.loc[both.index[is_other == side], measured["most_used"][0]].median()
                result[name] = None if np.isnan(shown) else float(shown)
        results.append({**result, **measured, "verdict": verdict})
    return results


def describe(result: Mapping[str, Any]) -> dict[str, str]:
    """Put a result of `compare_splits` into words: level and text."""
    split = result["split"]
    if result["verdict"] == "too few":
        return {"level": "unknown", "text": f"history of {split} files: too few to compare with train's"}
    if result["verdict"] == "alike":
        return {
            "level": "ok",
            "text": f"{split} files have a history like train's: AUC {result['auc']:.3f}",
        }
    used, medians = result["most_used"], [result.get("train_median"), result.get("median")]
    middle = "" if None in medians else f", median {medians[1]:.6g} against {medians[0]:.6g} in train"
    return {
        "level": "amber",
        "text": f"{split} files have another history than train's: AUC {result['auc']:.3f} (mostly {', '.join(used)}{middle}). "
        f"Figures on {split} are of other files than the model learned from",
    }
