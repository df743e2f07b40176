"""Stage audit: do the classes differ in something that has nothing to do with faces?

Reads cache/manifest.parquet and the train images; writes reports/audit.json with a verdict,
findings (red, amber, ok), and the figures behind them. Three small models see only file history
(size in pixels, JPEG tables, container, EXIF), only byte counts, or only brightness, contrast and
sharpness.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from pipeline.dataset.file_facts import COLUMNS, FACT_GROUPS, facts
from pipeline.dataset.file_index import MIN_TASKS_PER_WORKER
from pipeline.manifest import MANIFEST
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.runtime.engine import Engine
from pipeline.storage.feature_store import NotMadeError

REPORT = Path("reports/audit.json")
SAMPLE = 20_000
FOLDS = 5
FILES_PER_TASK = 64
SMALLEST_CLASS = 30
SHARE = 0.01  # of a split's images: from here on, repeats across splits are red
# AUC whose lower 95 % bound makes a warning or a leak. A file's history says nothing about
# a face, so little is allowed; bytes and brightness also follow from the picture itself.
LIMITS = {"history": (0.55, 0.65), "bytes": (0.70, 0.85), "pixels": (0.70, 0.85)}
MEANING = {
    "history": "file history (size in pixels, JPEG tables, container, EXIF)",
    "bytes": "file size (bytes, bytes per pixel)",
    "pixels": "trivial pixel cues (brightness, contrast, sharpness)",
}
LEVEL = {"leak": "red", "warn": "amber", "ok": "ok", "too few": "ok"}
ORDER = {"red": 0, "amber": 1, "ok": 2}
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
ROUNDS = 60

Finding = dict[str, str]


def sample(rows: pd.DataFrame) -> pd.DataFrame:
    """At most SAMPLE usable train rows, chosen by content hash, so that the choice is stable."""
    train = rows[(rows["split"] == "train") & (rows["status"] == "ok") & rows["target"].notna()]
    return train.sort_values(["sha256", "img_name"]).head(SAMPLE).reset_index(drop=True)


def _facts_of(paths: list[str], *, max_pixels: int) -> list[tuple[float, ...] | None]:
    return [facts(path, max_pixels=max_pixels) for path in paths]


def measure(rows: pd.DataFrame, *, engine: Engine) -> pd.DataFrame:
    """File facts (float64) of each row, same index; rows that no longer decode are left out."""
    paths = rows["path"].tolist()
    largest = int((rows["width"].astype("int64") * rows["height"]).max()) if len(rows) else 1
    chunks = [paths[i : i + FILES_PER_TASK] for i in range(0, len(paths), FILES_PER_TASK)]
    parts = engine.map(
        partial(_facts_of, max_pixels=largest), chunks, min_pieces_per_worker=MIN_TASKS_PER_WORKER
    )
    found = dict(zip(rows.index, (row for part in parts for row in part), strict=True))
    known = {index: row for index, row in found.items() if row is not None}
    return pd.DataFrame.from_dict(known, orient="index", columns=list(COLUMNS))


def assign_folds(target: NDArray[np.int64], groups: Sequence[str]) -> NDArray[np.int64]:
    """Fold of each row: whole groups, dealt in turn, mostly fake ones after the others."""
    frame = pd.DataFrame({"group": list(groups), "target": target})
    share = frame.groupby("group")["target"].mean()
    order = sorted(share.index, key=lambda name: (share[name] >= 0.5, name))
    fold = {name: position % FOLDS for position, name in enumerate(order)}
    return frame["group"].map(fold).to_numpy(np.int64)


def cross_validated_auc(
    values: pd.DataFrame, target: NDArray[np.int64], groups: Sequence[str]
) -> dict[str, Any]:
    """Group-aware cross-validated AUC of a small LightGBM, its lower 95 % bound, main columns."""
    fold = assign_folds(target, groups)
    score = np.zeros(len(target))
    gain = np.zeros(values.shape[1])
    for held in range(FOLDS):
        learn, test = fold != held, fold == held
        if len(np.unique(target[learn])) < 2 or not test.any():
            continue
        data = lightgbm.Dataset(values[learn], label=target[learn])
        booster = lightgbm.train(BOOSTER, data, num_boost_round=ROUNDS)
        score[test] = booster.predict(values[test], raw_score=True)
        gain += booster.feature_importance("gain")
    auc = float(roc_auc_score(target, score))
    used = [values.columns[i] for i in np.argsort(-gain, kind="stable")[:3] if gain[i] > 0]
    return {"auc": auc, "auc_low": auc - 1.96 * standard_error(auc, target), "most_used": used}


def standard_error(auc: float, target: NDArray[np.int64]) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982)."""
    fakes, reals = int(target.sum()), int(len(target) - target.sum())
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (fakes - 1) * (q1 - auc**2) + (reals - 1) * (q2 - auc**2)
    return float(np.sqrt(max(spread, 0.0) / (fakes * reals)))


def classes_by_file(rows: pd.DataFrame, values: pd.DataFrame) -> list[dict[str, Any]]:
    """One result for each family of facts, overall and by source."""
    rows = rows.loc[values.index]
    sources = sorted(rows["source"].unique())
    parts = [("overall", rows)] + [(s, rows[rows["source"] == s]) for s in sources if len(sources) > 1]
    results = []
    for name, part in parts:
        target = part["target"].to_numpy(np.int64)
        for family, columns in FACT_GROUPS.items():
            result: dict[str, Any] = {"source": name, "facts": family, "images": len(part)}
            if min(target.sum(), len(target) - target.sum()) < SMALLEST_CLASS:
                results.append({**result, "verdict": "too few"})
                continue
            told = cross_validated_auc(values.loc[part.index, list(columns)], target, part["group"].tolist())
            warn, leak = LIMITS[family]
            verdict = "leak" if told["auc_low"] >= leak else "warn" if told["auc_low"] >= warn else "ok"
            results.append({**result, **told, "verdict": verdict})
    return results


def describe(result: dict[str, Any]) -> Finding:
    """A result in words."""
    what = MEANING[result["facts"]]
    whole = f"all {result['images']} train images sampled"
    where = whole if result["source"] == "overall" else f"source '{result['source']}'"
    if result["verdict"] == "too few":
        return {"level": "ok", "text": f"{what}, {where}: too few images of a class to tell"}
    says = {"leak": "alone tells the classes apart", "warn": "says something about the class"}
    said = says.get(result["verdict"], "says little about the class")
    text = f"{what} {said}: AUC {result['auc']:.3f}"
    used = f" (mostly {', '.join(result['most_used'])})" if result["most_used"] else ""
    return {"level": LEVEL[result["verdict"]], "text": f"{text}{used}, {where}"}


def repeats_across(rows: pd.DataFrame, key: str, word: str) -> list[Finding]:
    """Images of one split that are also in another."""
    known = rows[rows["status"] == "ok"]
    findings = []
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        left, right = known[known["split"] == first], known[known["split"] == second]
        if not len(left) or not len(right):
            continue
        count = int(right[key].isin(set(left[key])).sum())
        level = "ok" if not count else "red" if count >= SHARE * len(right) else "amber"
        text = f"{count} of {len(right)} {second} images are {word} of a {first} image"
        findings.append({"level": level, "text": text})
    return findings


def conflicts(rows: pd.DataFrame) -> list[Finding]:
    """Same bytes under both labels (a fault of the lists), near-duplicates under both (normal)."""
    known = rows[(rows["status"] == "ok") & rows["target"].notna()]
    same = known.groupby("sha256")["target"].nunique()
    near = known.groupby("cluster")["target"].nunique()
    count = int(known["sha256"].isin(same[same > 1].index).sum())
    level = "ok" if not count else "red" if count >= SHARE * len(known) else "amber"
    mixed = int((near > 1).sum())
    return [
        {"level": level, "text": f"{count} images have the same bytes as one with the other label"},
        {
            "level": "ok",
            "text": f"{mixed} clusters of near-duplicates hold both classes; they share a fold",
        },
    ]


def sizes(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Most frequent image sizes by class, over labelled images."""
    known = rows[(rows["status"] == "ok") & rows["target"].notna()]
    table = known.groupby(["width", "height"])["target"].agg(["size", "sum"])
    table = table.sort_values("size", ascending=False, kind="stable").head(20)
    return [
        {"width": int(w), "height": int(h), "real": int(n - fakes), "fake": int(fakes)}
        for (w, h), n, fakes in table.itertuples()
    ]


def audit(rows: pd.DataFrame, *, engine: Engine) -> dict[str, Any]:
    """reports/audit.json of a manifest: verdict, findings (worst first), and the figures."""
    chosen = sample(rows)
    results = classes_by_file(chosen, measure(chosen, engine=engine))
    findings = [describe(result) for result in results]
    findings += repeats_across(rows, "sha256", "exact copies")
    findings += repeats_across(rows, "cluster", "near-duplicates")
    findings += conflicts(rows)
    findings.sort(key=lambda finding: ORDER[finding["level"]])
    return {
        "verdict": findings[0]["level"],
        "findings": findings,
        "file_facts": results,
        "limits": {name: {"warn": warn, "leak": leak} for name, (warn, leak) in LIMITS.items()},
        "sizes": sizes(rows),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(
        prog="python -m pipeline.audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    compute = params.load("compute")
    if not MANIFEST.is_file():
        raise NotMadeError(f"{MANIFEST} is not here; run `dvc repro` first")
    rows = pd.read_parquet(MANIFEST)
    rows["split"] = rows["split"].replace("calibration", "train")  # of the same list
    found = audit(rows, engine=compute.engine())
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run("audit")
