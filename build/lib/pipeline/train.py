"""Stage `train`: the LightGBM stacker over the named blocks, written as a self-contained bundle."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from models.stacker.novelty import Novelty
from models.stacker.reference import Reference
from models.stacker.training import recalibrated
from pipeline.evaluation.thresholds import thresholds
from pipeline.runtime import params, paths
from pipeline.runtime.command import run
from pipeline.samples.feature_table import read_table, wanted_blocks
from pipeline.samples.fit import fit_table
from pipeline.samples.pictures import read_plan
from pipeline.serving.bundles import write_bundle


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(prog="python -m pipeline.train", description=__doc__).parse_args(arguments)
    options, plan = params.load("train"), read_plan(params.load("variants"))
    blocks = wanted_blocks(params.load("spectral"), params.load("embed"), params.load("finetune"), options)
    table, kept_apart = read_table(["train"], blocks, variants=plan), read_table(["calibration"], blocks)
    stacker = fit_table(table, options)
    images, stacker = table.take(table.originals), replace(stacker, oof=stacker.oof[table.originals])
    truth = kept_apart.rows["target"].to_numpy(np.int64)
    calibration = len(truth) if len(np.unique(truth)) == 2 else 0
    if calibration:
        prior = float(images.rows["target"].mean())
        stacker = recalibrated(stacker, kept_apart.features, truth, prior=prior)
    # The correction keeps the order of scores, so the same images may say where the limits are among them.
    scores = stacker.predict(kept_apart.features)
    limits = thresholds(kept_apart.rows.assign(score=scores))
    values = images.features.to_numpy(np.float32)
    novelty = Novelty.fit(values, seed=options.seed)
    reference = Reference.fit(values, images.rows["target"].to_numpy(np.int64))
    sections = {
        "faces": params.load("faces").model_dump(mode="json"),
        "manifest": params.load("manifest").model_dump(mode="json"),
        "variants": plan.wanted.model_dump(mode="json"),
        "train": options.model_dump(mode="json"),
    }
    write_bundle(
        paths.BUNDLE,
        images,
        stacker,
        novelty,
        reference,
        sections,
        calibration=calibration,
        scores=scores if calibration else stacker.oof,
        thresholds=limits,
        left_out=plan.left_out,
    )
    rows = images.rows[["sha256", "img_name"]].assign(score=stacker.oof)
    pd.DataFrame(rows).to_parquet(paths.OOF, index=False)


if __name__ == "__main__":
    run("train")
