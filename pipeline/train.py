"""Stage `train`: the LightGBM stacker over the named blocks, written as a self-contained bundle."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.bundle import NET_PREFIXES, code_versions
from models.stacker.novelty import Novelty
from models.stacker.stacker import Stacker
from models.stacker.training import fit, recalibrated
from pipeline.evaluation.metrics import auc
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.samples.feature_table import Table, block_names, read_table
from pipeline.samples.net_rows import NETS
from pipeline.storage.feature_store import write_json

BUNDLE = Path("cache/model")


def members(table: Table) -> dict[str, Any]:
    """Where the weights of each net of the table come from."""
    nets = [name for name in table.blocks if name.startswith(NET_PREFIXES)]
    facts = {name: json.loads((NETS / name / "net.json").read_text(encoding="utf-8")) for name in nets}
    return {
        name: {k: f[k] for k in ("model", "input", "crop", "size", "origin", "members")}
        for name, f in facts.items()
    }


def warnings(table: Table, nets: dict[str, Any], *, calibration: int) -> list[str]:
    """What a reader of the scores has to know about how this bundle was made."""
    said = list(table.skipped.values())
    if not calibration and any(name.startswith("net_") for name in nets):
        said.append(
            "calibrated out of fold, by single nets: no image was kept to calibrate all of them together"
        )
    said += [
        f"{name}: {net['origin']}" for name, net in nets.items() if net["origin"].startswith("from scratch")
    ]
    return said


def write_bundle(
    table: Table, stacker: Stacker, novelty: Novelty, sections: dict[str, Any], *, calibration: int
) -> None:
    """Everything that scoring needs, in cache/model.

    table : the training images without their variants. calibration : how many more the scores are calibrated on.
    """
    shutil.rmtree(BUNDLE, ignore_errors=True)
    BUNDLE.mkdir(parents=True)
    nets = members(table)
    for name in nets:
        shutil.copytree(NETS / name, BUNDLE / "nets" / name)
    novelty.save(BUNDLE)
    target = table.rows["target"].to_numpy(np.int64)
    info = {
        "stacker": stacker.save(BUNDLE),
        "blocks": table.blocks,
        "versions": code_versions([n for n in table.blocks if n != "face" and n not in nets]),
        "members": nets,
        "warnings": warnings(table, nets, calibration=calibration),
        "prior": float(target.mean()),
        "params": sections,
        "training": {
            "images": len(target),
            "fakes": int(target.sum()),
            "calibration": calibration,
            "groups": int(table.rows["group"].nunique()),
            "sources": table.rows["source"].value_counts().sort_index().to_dict(),
            "fingerprint": joblib.hash([table.rows["key"].tolist(), target.tolist()]),
        },
        "metrics": {"oof_auc": auc(target, stacker.oof)},
        "software": {
            name: version(name) for name in ("torch", "timm", "lightgbm", "numpy", "opencv-python-headless")
        },
    }
    write_json(BUNDLE / "bundle.json", info)


def fit_table(
    table: Table,
    options: params.Train,
    *,
    columns: Sequence[str] | None = None,
    kinds: NDArray[np.str_] | None = None,
) -> Stacker:
    """The stacker of a table's rows and their variants. columns : all when None; kinds : the rows' when None."""
    return fit(
        table.features if columns is None else table.features[list(columns)],
        table.rows["target"].to_numpy(np.int64),
        table.rows["group"].to_numpy(str),
        sources=table.rows["source"].to_numpy(str),
        kinds=table.rows["kind"].to_numpy(str) if kinds is None else kinds,
        is_original=table.originals,
        options=options,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    argparse.ArgumentParser(prog="python -m pipeline.train", description=__doc__).parse_args(arguments)
    faces, limits, options = params.load("faces"), params.load("manifest"), params.load("train")
    spectral, embed, finetune = params.load("spectral"), params.load("embed"), params.load("finetune")
    variants = params.load("variants")
    names = block_names(spectral, embed, finetune, options)
    table, held = read_table(["train"], names, variants=variants), read_table(["calibration"], names)
    stacker = fit_table(table, options)
    truth = held.rows["target"].to_numpy(np.int64)
    used = len(truth) if len(np.unique(truth)) == 2 else 0
    own, stacker = table.take(table.originals), replace(stacker, oof=stacker.oof[table.originals])
    if used:
        prior = float(own.rows["target"].mean())
        stacker = recalibrated(stacker, held.features, truth, prior=prior)
    novelty = Novelty.fit(own.features.to_numpy(np.float32), seed=options.seed)
    sections = {
        "faces": faces.model_dump(),
        "manifest": limits.model_dump(),
        "variants": variants.model_dump(),
        "train": options.model_dump(),
    }
    write_bundle(own, stacker, novelty, sections, calibration=used)
    oof = pd.DataFrame({"sha256": own.rows["sha256"], "img_name": own.rows["img_name"], "score": stacker.oof})
    oof.to_parquet("cache/oof.parquet", index=False)


if __name__ == "__main__":
    run("train")
