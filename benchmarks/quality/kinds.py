"""Leave one kind of pseudo-fake out: train the product without it, and test real faces against that kind.

What a forger's tool does to the true test is unknown; this says what one kind of trace, never practised on, costs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.quality.conditions import apply, seeded
from benchmarks.quality.ours import Recipe, measure_ours, predict_pixels
from benchmarks.quality.rows import picture
from benchmarks.quality.runs import NONE, Run, over_chunks
from models.synthesis.pseudo_fakes import kinds, make
from pipeline.runtime.process import limit_threads
from pipeline.serving.scoring import load_bundle

# Reals come from JPEG files, pseudo-fakes are drawn from their pixels: under `random` both were saved again.
CONDITIONS = ("clean", "random")


def held_name(kind: str) -> str:
    """The hold-out's name in the scratch folder."""
    return f"without-{kind}"


def without(tree: Any, *, kind: str) -> dict[str, Any]:
    """Overlay of parameters with which nothing is trained on `kind`; a net of that kind alone is removed."""
    nets: dict[str, Any] = {}
    for name, net in tree["finetune"]["nets"].items():
        heads = [other for other in net.get("heads", ["labelled"]) if other != kind]
        nets[name] = {"heads": heads} if heads else None
    return {"variants": {kind: 0}, "finetune": {"nets": nets}}


def measure_kinds(work: Path, method: str, tested: pd.DataFrame, recipe: Recipe) -> None:
    """Per kind, scores of val reals and their pseudo-fakes by the product with all kinds and without it."""
    reals = tested[tested["target"] == 0].reset_index(drop=True)
    for kind in kinds():
        for run, changes in (
            (Run(work, method, NONE), None),
            (Run(work, method, held_name(kind)), partial(without, kind=kind)),
        ):
            bundle = measure_ours(run, {}, recipe, holdout_source=None, changes=changes)
            recipe = replace(recipe, lender=recipe.lender or bundle.parents[1])
            for condition in CONDITIONS:
                name = f"{kind}-{condition}"
                if not run.has(name):
                    pairs = partial(_score_pairs, bundle, kind=kind, condition=condition)
                    scores = over_chunks(pairs, reals, describe=name)
                    run.write(name, twice(reals), np.concatenate(scores, axis=1).ravel())


def twice(reals: pd.DataFrame) -> pd.DataFrame:
    """The real rows, then the same as fakes, in the same groups."""
    return pd.concat([reals, reals.assign(target=1)], ignore_index=True)


def _score_pairs(bundle: Path, rows: pd.DataFrame, kind: str, condition: str) -> NDArray[np.float64]:
    """Scores of real faces and of their pseudo-fakes, float64 (2, n); both meet the same condition."""
    limit_threads(1)
    model = load_bundle(bundle, "cpu")
    names = rows["img_name"].tolist()
    reals = [picture(path, name, "clean") for path, name in zip(rows["path"], names, strict=True)]
    faces = model.detector.detect(reals)
    fakes = [
        make(kind, pixels, face, seeded(f"{name} {kind}"))
        for pixels, face, name in zip(reals, faces, names, strict=True)
    ]
    seen = [
        [apply(condition, p, image=name) for p, name in zip(side, names, strict=True)]
        for side in (reals, fakes)
    ]
    return np.stack([predict_pixels(model, side)[0] for side in seen])
