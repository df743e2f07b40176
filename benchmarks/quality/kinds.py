"""Leave one kind of pseudo-fake out: train the product without it, and test real faces against that kind and its like.

What a forger's tool does to the true test is unknown; this says what one kind of trace, never practised on, costs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.quality import families
from benchmarks.quality.conditions import FORGED, seeded
from benchmarks.quality.ours import Recipe, measure_ours, score_chunk
from benchmarks.quality.portraits import Portrait, find_faces
from benchmarks.quality.runs import NONE, Run, over_chunks
from models.generators.registry import GENERATORS, Redraw, load
from models.kinds import LABELLED, Forgery
from models.synthesis import pseudo_fakes
from models.synthesis.redrawn import mix
from pipeline.runtime.process import limit_threads
from pipeline.storage.images import read_bytes

CONDITIONS = ("clean", "random")


def all_kinds() -> tuple[str, ...]:
    """Every kind of pseudo-fake that the product knows."""
    return (*pseudo_fakes.kinds(), *GENERATORS)


def held_name(kind: str) -> str:
    """The hold-out's name in the scratch folder."""
    return f"without-{kind}"


def without(tree: Any, *, kind: str) -> dict[str, Any]:
    """Overlay of parameters with which nothing is trained on `kind`; a net of that kind alone is removed."""
    nets: dict[str, Any] = {}
    for name, net in tree["finetune"]["nets"].items():
        heads = [other for other in net.get("heads", [LABELLED]) if other != kind]
        nets[name] = {"heads": heads} if heads else None
    overlay: dict[str, Any] = {"variants": {"pseudo_fakes": {kind: None}}, "finetune": {"nets": nets}}
    blocks = (tree.get("train") or {}).get("blocks")
    if blocks:
        removed = {f"net_{name}" for name, net in nets.items() if net is None}
        overlay["train"] = {"blocks": [block for block in blocks if block not in removed]}
    return overlay


def measure_kinds(
    work: Path, method: str, tested: pd.DataFrame, recipe: Recipe, *, forged: pd.DataFrame
) -> None:
    """By the product with all kinds and without each: scores of val reals and their pseudo-fakes of that kind, and of
    the forgeries of its like.

    A kind that the product was not trained on is passed over, and said to be.
    """
    reals = tested[tested["target"] == 0].reset_index(drop=True)
    full = Run(work, method, NONE)
    bundle = measure_ours(full, dict.fromkeys(FORGED, forged), recipe, holdout_source=None)
    recipe = replace(recipe, lender=recipe.lender or bundle.parents[1])
    for kind in all_kinds():
        if kind not in full.facts()["kinds"]:
            sys.stderr.write(f"{method} was not trained on {kind}: there is nothing to leave out\n")
            continue
        like = forged[families.kind_of(forged).isin((families.REAL, *families.of_kind(kind)))]
        tests = dict.fromkeys(FORGED, like) if like["target"].any() else {}
        run = Run(work, method, held_name(kind))
        other = measure_ours(run, tests, recipe, holdout_source=None, changes=partial(without, kind=kind))
        pairs = write_pairs(work / "kinds" / kind, kind, reals, weights=recipe.weights)
        for of, folder in ((full, bundle), (run, other)):
            for condition in CONDITIONS:
                name = f"{kind}-{condition}"
                if not of.has(name):
                    scores = over_chunks(
                        partial(score_chunk, folder, condition=condition), pairs, describe=name
                    )
                    of.write(name, pairs, np.concatenate(scores, axis=1)[0])


def write_pairs(folder: Path, kind: str, reals: pd.DataFrame, *, weights: Path) -> pd.DataFrame:
    """Make the real partners and pseudo-fakes of a kind that `folder` lacks; returns their rows, partners first.

    Both bear the original's name, so that a condition changes them alike. Raises GeneratorMissing.
    """
    sides = {side: [folder / side / f"{name}.png" for name in reals["img_name"]] for side in ("real", "fake")}
    missing = [not (real.is_file() and fake.is_file()) for real, fake in zip(*sides.values(), strict=True)]
    if any(missing):
        files = tuple(GENERATORS[kind](weights)) if kind in GENERATORS else ()
        tasks = reals.assign(real=sides["real"], fake=sides["fake"])[missing].reset_index(drop=True)
        tasks["face"] = pd.Series(find_faces(tasks["path"], describe="faces"), dtype=object)
        over_chunks(partial(_forge_chunk, kind=kind, files=files), tasks, describe=f"pseudo-fakes, {kind}")
    parts = [
        reals.assign(path=list(map(str, paths)), target=target) for target, paths in enumerate(sides.values())
    ]
    return pd.concat(parts, ignore_index=True)


def _forge_chunk(tasks: pd.DataFrame, *, kind: str, files: Sequence[Path]) -> None:
    limit_threads(1)
    generator = _generator(kind, tuple(files)) if files else None
    for task in tasks.itertuples():
        made = forge(kind, Portrait.read(task.path, task.face), generator, name=task.img_name)
        original = read_bytes(task.path)
        families.save(made.real, task.real, like=original)
        families.save(made.fake, task.fake, like=original)


@lru_cache(maxsize=1)
def _generator(kind: str, files: tuple[Path, ...]) -> Redraw:
    return load(kind, files, device="cpu")


def forge(kind: str, portrait: Portrait, generator: Redraw | None, *, name: str) -> Forgery:
    """The pair as training meets it, a generator's picture weakened as there: at full strength the forgeries show it.

    The image's name decides all that is drawn.
    """
    rng = seeded(f"{name} {kind}")
    if generator is None:
        return pseudo_fakes.forge(kind, portrait.pixels, portrait.face, rng)
    redrawn = generator(portrait.pixels, seeded(f"{name} {kind} picture"))
    return mix(portrait.pixels, redrawn, portrait.face, rng)
