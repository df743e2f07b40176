"""A small report: two sources, four blocks, names that break HTML unless they are escaped."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pandas as pd

from models.bundle_info import (
    OVERALL,
    BlockInfo,
    BundleInfo,
    ExpertInfo,
    NetInfo,
    StackerInfo,
    TrainingInfo,
)
from models.stacker import training
from pipeline.evaluation import calibration, intervals
from pipeline.reporting.data import ReportData
from pipeline.runtime import params

SCRIPT = "<script>alert('x')</script>"
ODD_SOURCE = f'beta "{SCRIPT}" &$x$'  # the dollars would start a formula in matplotlib
ODD_IMAGE = f'gone "{SCRIPT}" & away.png'
ODD_BLOCK = f"embed_{SCRIPT}"  # LightGBM takes no double quote and no space in the name of a column
BLOCKS = {
    "face": ["face.found", "face.prob"],
    "radial": [f"radial.bin_{i:02d}" for i in range(8)] + ["radial.slope_low"],
    ODD_BLOCK: [f"{ODD_BLOCK}.000", f"{ODD_BLOCK}.001"],
    "net_rgb": ["net_rgb.labelled"],
}
SORTS = {"face": "face", "radial": "spectral", ODD_BLOCK: "embedding", "net_rgb": "net"}
COLUMNS = [column for columns in BLOCKS.values() for column in columns]
OPTIONS = params.Train(
    folds=3, num_boost_round=30, early_stopping=10, learning_rate=0.1, feature_fraction=1.0
)


def _expert(kind, *, n_boosters, share):
    return {
        "kind": kind,
        "n_boosters": n_boosters,
        "slope": 1.0,
        "offset": 0.0,
        "logit_weights": {"net_rgb.labelled": 0.5},
        "logit_means": {"net_rgb.labelled": 0.0},
        "share": share,
    }


def bundle_info(**changes):
    """The record of a bundle with one block of each sort, names that a real record refuses among them."""
    record = {
        "blocks": {name: {"sort": SORTS[name], "columns": columns} for name, columns in BLOCKS.items()},
        "stacker": {
            "columns": COLUMNS,
            "experts": [
                _expert("labelled", n_boosters=3, share=0.75),
                _expert("blend", n_boosters=2, share=0.25),
            ],
            "slope": 1.5,
            "offset": -0.25,
        },
        "nets": {
            "net_rgb": {
                "model": "tiny",
                "input": "rgb",
                "crop": "aligned",
                "size": 64,
                "origin": "from scratch: <no weights>",
                "n_models": 7,
                "mirror": True,
                "precision": "f32",
            }
        },
        "warnings": ["net_rgb: from scratch: <no weights>"],
        "prior": 0.5,
        "params": {"faces": {"native": 1.2}, "train": {"blocks": None, "folds": 3}},
        "training": {
            "images": 1240,
            "fakes": 620,
            "calibration": 0,
            "groups": 300,
            "sources": {"alpha": 1240},
            "fingerprint": "f00d",
            "score_quantiles": [index / 100 for index in range(101)],
        },
        "thresholds": [],
        "metrics": {"oof_auc": 0.9},
        "software": {"lightgbm": "4.7.0", "torch": "2.15.0"},
        "code": {
            "features.blocks.radial:radial": "0123456789abcdef",
            "models.nets.face_net:FaceNet": "fedcba9876543210",
        },
        "files": {},
    }
    record |= changes
    experts = [ExpertInfo.model_validate(expert) for expert in record["stacker"]["experts"]]
    blocks = {name: BlockInfo.model_construct(**block) for name, block in record["blocks"].items()}
    record |= {
        "blocks": blocks,
        "stacker": StackerInfo.model_construct(**{**record["stacker"], "experts": experts}),
        "nets": {name: NetInfo.model_validate(net) for name, net in record["nets"].items()},
        "training": TrainingInfo.model_validate(record["training"]),
    }
    return BundleInfo.model_construct(**record)


def images(split, n, *, sources=("alpha", ODD_SOURCE), seed=0, strength=2.0):
    """Labelled images, two to a group, and their features; net_rgb.labelled and radial.bin_05 know the label."""
    generator = np.random.default_rng(seed)
    target = np.arange(n) // 2 % 2
    features = pd.DataFrame(generator.normal(size=(n, len(COLUMNS))), columns=COLUMNS)
    features["net_rgb.labelled"] += strength * target
    features["radial.bin_05"] += strength / 2 * target
    features["face.found"] = (np.arange(n) % 10 > 0).astype(float)
    rows = pd.DataFrame(
        {
            "img_name": [f"{split}{i}{SCRIPT}.png" for i in range(n)],
            "path": [f"images/{split}_{i}.png" for i in range(n)],
            "split": split,
            "target": pd.array(target, dtype="Int8"),
            "group": [f"{split}{i // 2}" for i in range(n)],
            "source": [sources[i // 4 % len(sources)] for i in range(n)],
            "width": np.int32(40),
            "height": np.int32(30),
            "found": features["face.found"],
            "n_faces": features["face.found"],
        }
    )
    return rows, features.astype(np.float32)


def stacker(n=120):
    """A stacker that has learnt from n images."""
    rows, features = images("train", n)
    target, groups = rows["target"].to_numpy(np.int64), rows["group"].to_numpy(str)
    return training.fit(features, target, groups, options=OPTIONS)


def scores(val, oof):
    """What evaluate writes of val and train: a score that knows the label as well as net_rgb does."""
    tables = [
        rows.assign(score=1 / (1 + np.exp(2 - 2 * features["net_rgb.labelled"])), fold_out=fold_out)
        for (rows, features), fold_out in ((val, False), (oof, True))
    ]
    return pd.concat(tables, ignore_index=True)


def summary(rows):
    """Figures of scored rows with intervals."""
    known = rows[rows["target"].notna()]
    return intervals.summary(
        known["target"].to_numpy(np.int64), known["score"], known["group"], resamples=20, seed=0
    )


def threshold(source, **changes):
    """A pair of limits, and what it does on val."""
    limits = {"source": source, "rate": 0.05, "fake_above": 0.75, "real_below": 0.25}
    counts = {"reals": 80, "fakes": 90, "needed": 59}
    shares = {"fpr": 0.0625, "tpr": 0.5, "fnr": 0.03125, "tnr": 0.625, "undecided": 0.375}
    return limits | counts | shares | changes


def block_drops():
    """What shuffling a block costs on a source left out; of the last there is no interval."""
    drops = [
        {"block": name, "auc_drop": 0.0625, "auc_drop_low": -0.03125, "auc_drop_high": 0.15625}
        for name in ("face", "radial", ODD_BLOCK)
    ]
    drops[-1] |= {"auc_drop_low": None, "auc_drop_high": None}
    return drops


def evaluation(table):
    """What evaluate writes as reports/evaluation.json."""
    val, oof = table[~table["fold_out"]], table[table["fold_out"]]
    sources = sorted(val["source"].unique())
    by_source = {source: summary(val[val["source"] == source]) for source in sources}
    left_out = {
        source: {
            "in_train": True,
            "label_free": {**by_source[source], "auc_seen": 0.625, "block_drops": block_drops()},
            "all_blocks": {**by_source[source], "auc_seen": 0.875},
        }
        for source in sources
    }
    return {
        "val": {"overall": summary(val), "by_source": by_source},
        "train_oof": {"overall": summary(oof), "by_source": {}},
        "leave_one_source_out": left_out if len(sources) > 1 else {},
        "novelty": {name: {"n": 12, "wrong": 3, "auc": 0.75} for name in ("overall", *sources)},
        "calibration": calibration.calibration(val.assign(uncalibrated=val["score"] ** 2)),
        "thresholds": [threshold(OVERALL), threshold(ODD_SOURCE, fake_above=None, reals=7)],
        "audit": {"verdict": "red", "red": [f"file size {SCRIPT} red"]},
    }


def audit(level="red"):
    """What the audit writes as reports/audit.json, with one finding of this level."""
    return {
        "verdict": level,
        "findings": [
            {"level": level, "text": f"file size {SCRIPT} {level}"},
            {"level": "ok", "text": "no copies"},
        ],
        "file_facts": [
            {
                "source": "overall",
                "facts": "bytes",
                "images": 9,
                "auc": 0.625,
                "tpr": 0.25,
                "most_used": ["bytes", "width"],
                "verdict": "ok",
            },
            {"source": ODD_SOURCE, "facts": "bytes", "images": 9, "verdict": "too few"},
        ],
    }


def manifest(**changes):
    """What manifest writes as reports/manifest.json, with a bad row."""
    counts = [
        {"split": split, "source": "alpha", "class": label, "status": status, "images": count}
        for split, label, status, count in (
            ("val", "real", "ok", 30),
            ("train", "real", "ok", 1200),
            ("train", "fake", "ok", 40),
            ("train", "fake", "missing_file", 1),
            ("calibration", "fake", "ok", 5),
        )
    ]
    return {
        "root": "data/x",
        "lists": ["a.txt", "b.txt"],
        "val": "listed",
        "groups": "groups.csv",
        "holdout_source": None,
        "images": 1276,
        "counts": counts,
        "duplicates": {"clusters": 3, "images": 7, "largest": 3, "by_splits": {"train": 2, "train+val": 1}},
        "near_duplicates": {"clusters": 0, "images": 0, "largest": 0, "by_splits": {}},
        "bad_rows": 1,
        "issues": [
            {
                "file": "a.txt",
                "line": 7,
                "img_name": ODD_IMAGE,
                "status": "missing_file",
                "detail": "not there <here>",
            }
        ],
        **changes,
    }


def effects(sources=("alpha", ODD_SOURCE)):
    """What evaluate writes as reports/ablation.csv: net_rgb is missed, face is better left out."""
    drops = {"face": (0.02, 0.01, 0.03), "radial": (0.0, -0.01, 0.01), ODD_BLOCK: (-0.01, -0.02, 0.01)}
    drops["net_rgb"] = (-0.2, -0.3, -0.1)
    return pd.DataFrame(
        [
            {
                "block": block,
                "columns": len(BLOCKS[block]),
                "source": source,
                "n": 60,
                "auc_full": 0.9,
                "auc_drop": 0.9 + drop,
                "drop_effect": drop,
                "drop_low": low,
                "drop_high": high,
                "drop_p_holm": 0.03125 if low * high > 0 else 0.5,
                "auc_only": 0.75,
                "only_effect": -0.15,
            }
            for block, (drop, low, high) in drops.items()
            for source in (OVERALL, *sources)
        ]
    )


def learning():
    """What evaluate writes as reports/learning_curve.csv."""
    shares = {"share": [0.25, 0.25, 0.5, 1.0], "draw": [0, 1, 0, 0], "images": [25, 27, 50, 100]}
    return pd.DataFrame(
        {**shares, "groups": 9, "auc": [0.6, 0.7, 0.75, 0.8], "low": [np.nan, 0.6, 0.7, 0.75], "high": 0.9}
    )


def importance(names):
    """Importance of names, falling; of the last neither gain nor AUC drop."""
    falling = np.linspace(1, 0, len(names))
    gains = {"gain": falling, "gain_labelled": falling, "gain_blend": falling[::-1]}
    table = pd.DataFrame({**gains, "shap": falling, "auc_drop": falling / 10})
    table["auc_drop_low"], table["auc_drop_high"] = table["auc_drop"] - 0.01, table["auc_drop"] + 0.01
    table.loc[len(names) - 1, ["auc_drop", "auc_drop_low", "auc_drop_high"]] = np.nan
    return table.assign(name=list(names), columns=1)


def stability():
    """What evaluate writes as reports/importance_stability.csv; of the seeds there was one refit only."""
    rows = [
        ("folds", "features", 3, 0.75, 0.625, 20, 0.5, 0.25),
        ("seeds", "blocks", 1, None, None, 3, None, None),
    ]
    names = "between level runs rank_correlation lowest_correlation top top_shared lowest_shared"
    return pd.DataFrame(rows, columns=names.split())


@cache
def _scored():
    """The scores of most reports, and what evaluate writes of them; worked out once, so to be copied."""
    table = scores(images("val", 80, seed=1), images("train", 120))
    return table, evaluation(table)


def report_data(**changes):
    """Everything that the page shows, the caller's to change."""
    table, figures = copy.deepcopy(_scored())
    whole = {
        "evaluation": figures,
        "audit": audit(),
        "manifest": manifest(),
        "info": bundle_info(),
        "scores": table,
        "effects": effects(),
        "learning": learning(),
        "features": importance(COLUMNS[::-1]).rename(columns={"name": "feature"}),
        "clusters": importance(COLUMNS[::-1]).rename(columns={"name": "cluster"}),
        "bands": pd.DataFrame({"low": [0.0, 0.25], "high": [0.25, 0.75], "shap": [0.5, 1.5]}),
        "dct_grid": np.eye(8),
        "stability": stability(),
        "blocks": importance(list(BLOCKS)[::-1]).rename(columns={"name": "block"}),
        "explained": 80,
        "top": 5,
        "spectrum": None,
        "worst": [],
    }
    return ReportData(**(whole | changes))


def texts(section):
    """Texts of the paragraphs and headings of a section."""
    return [element.text for element in section.elements if element.macro in ("paragraph", "heading")]


def tables(section):
    """Tables of a section."""
    return [element for element in section.elements if element.macro == "table"]
