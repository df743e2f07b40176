"""The product, trained as a user trains it in a folder of its own, and scored from pixels by its bundle."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from benchmarks.quality.conditions import U8
from benchmarks.quality.rows import pictures
from benchmarks.quality.runs import Run, over_chunks
from models.bundle import Bundle
from models.bundle_files import read_info
from models.bundle_info import BundleInfo
from models.kinds import LABELLED
from pipeline.runtime import params
from pipeline.runtime.process import limit_threads
from pipeline.serving.bundles import load_bundle
from pipeline.storage.feature_store import version_of
from pipeline.storage.files import appearing, link_or_copy

REPOSITORY = Path(__file__).resolve().parents[2]
# What is addressed by all that it depends on: another run may go on from it, and makes what does not fit anew.
LENT = (
    "cache/files",
    "cache/faces",
    "cache/generated/*",
    "cache/features/spectral",
    "cache/features/embed_*",
    "cache/features/net_*",
    "cache/finetune/*",
)


@dataclass(frozen=True)
class Recipe:
    """How the product is trained. data, weights : folders; overlays : files laid over params.yaml in order.

    lender : root of an earlier run (with cache/) from whose caches it starts, if any.
    """

    data: Path
    weights: Path
    overlays: tuple[Path, ...] = ()
    lender: Path | None = None


def home(run: Run) -> Path:
    """The folder that a run of the product is trained in."""
    return run.work / f"{run.method}-{run.held}"


def measure_ours(
    run: Run,
    tests: Mapping[str, pd.DataFrame],
    recipe: Recipe,
    *,
    holdout_source: str | None,
    changes: Callable[[Any], dict[str, Any]] | None = None,
) -> Path:
    """Train if need be and score what is not scored yet; returns the bundle's folder.

    tests : rows by condition; holdout_source : a source; changes : a further overlay made from the parameters.
    """
    folder = home(run)
    text = parameters(recipe, holdout_source=holdout_source, changes=changes)
    made_with = version_of({"params": text})
    if run.facts().get("params") != made_with:
        shutil.rmtree(run.folder, ignore_errors=True)
        code = code_version()
        seconds = train(folder, text, lender=recipe.lender)
        kinds = trained_kinds(read_info(folder / "cache/model"))
        run.note(fit_seconds=round(sum(seconds.values()), 1), stages=seconds, kinds=kinds)
        run.note(params=made_with, code=code)
    elif run.facts().get("code") != code_version():
        sys.stderr.write(f"{folder.name} comes from other code; remove {run.folder} to train it again\n")
    for condition, rows in tests.items():
        if not run.has(condition):
            work = partial(score_chunk, folder / "cache/model", condition=condition)
            chunks = over_chunks(work, rows, describe=condition)
            score, novelty = np.concatenate(chunks, axis=1)
            run.write(condition, rows, score, novelty=novelty)
    return folder / "cache/model"


def trained_kinds(info: BundleInfo) -> list[str]:
    """The kinds of pseudo-fake that an expert or a net of a bundle has learned, by name."""
    heads = {
        column.rpartition(".")[2] for block in info.blocks_of("net").values() for column in block.columns
    }
    return sorted((heads | {expert.kind for expert in info.stacker.experts}) - {LABELLED})


def code_version() -> str:
    """Changes with any source file of the product."""
    files = sorted(
        p for name in ("features", "models", "pipeline") for p in (REPOSITORY / name).rglob("*.py")
    )
    return version_of({str(p.relative_to(REPOSITORY)): p.read_text(encoding="utf-8") for p in files})


def parameters(
    recipe: Recipe, *, holdout_source: str | None, changes: Callable[[Any], dict[str, Any]] | None
) -> str:
    """The text of the run's params.yaml. Raises ParamsError for what the product refuses."""
    tree = params.read_mapping(REPOSITORY / "params.yaml")
    for path in recipe.overlays:
        tree = params.merge(tree, params.read_mapping(path))
    places = {"root": str(recipe.data.resolve()), "weights": str(recipe.weights.resolve())}
    tree = params.merge(tree, {"data": places, "manifest": {"holdout_source": holdout_source}})
    if changes is not None:
        tree = params.merge(tree, changes(tree))
    params.parse(tree, where=f"params of {holdout_source or 'the full set'}")
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def stages(text: str) -> list[list[str]]:
    """Module and arguments of every stage that the bundle needs, in the order of dvc.yaml."""
    settings = params.parse(yaml.safe_load(text), where="params.yaml")
    return [
        ["pipeline.manifest"],
        ["pipeline.faces"],
        ["pipeline.generate"],
        ["pipeline.spectral"],
        *(["pipeline.embed", name] for name in settings.embed.backbones),
        *(["pipeline.finetune", name] for name in settings.finetune.nets),
        ["pipeline.train"],
    ]


def train(folder: Path, text: str, *, lender: Path | None) -> dict[str, float]:
    """Run the stages in `folder` with these parameters; returns the seconds of each.

    A stage goes on where an earlier run was stopped: its seconds are then of the rest alone.
    """
    for name in ("cache", "reports"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if lender is not None and lender.resolve() != folder.resolve():
        borrow(folder, lender)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    seconds = {}
    for stage in stages(text):
        name, start = " ".join(stage), time.monotonic()
        sys.stderr.write(f"{folder.name}: {name}\n")
        subprocess.run(
            [sys.executable, "-m", *stage], cwd=folder, env={**os.environ, "PYTHONPATH": path}, check=True
        )
        seconds[name] = round(time.monotonic() - start, 1)
    return seconds


def borrow(folder: Path, lender: Path) -> None:
    """Link or copy what LENT names and `folder` lacks. Stores of other versions are thrown away by their stages."""
    for pattern in LENT:
        for origin in sorted(lender.glob(pattern)):
            copy = folder / origin.relative_to(lender)
            if copy.exists():
                continue
            with appearing(copy, is_folder=True) as part:
                shutil.copytree(origin, part, copy_function=link_or_copy, dirs_exist_ok=True)


def score_chunk(bundle: Path, rows: pd.DataFrame, condition: str) -> NDArray[np.float64]:
    """Score and novelty, (2, n). The face is looked for in the changed pixels, as in a user's picture."""
    limit_threads(1)
    return predict_pixels(load_bundle(bundle, "cpu"), pictures(rows, condition))


def predict_pixels(bundle: Bundle, pixels: Sequence[U8]) -> NDArray[np.float64]:
    """Probability of fake and novelty, float64 (2, n), of pictures uint8 (H, W, 3), RGB."""
    predictions = [faces[0][0] for faces in bundle.score(pixels)]
    return np.array([[v.score for v in predictions], [v.novelty for v in predictions]], dtype=np.float64)
