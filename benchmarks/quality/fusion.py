"""Ways to join the members of one finished run, compared on its val images.

`python -m benchmarks.quality.fusion RUN [--seeds 3]`: RUN is a folder in which the pipeline has run. A source
that was left out in it (manifest.holdout_source) is unseen by every rule, so its column is the one to look at.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.kinds import LABELLED, REAL
from pipeline.evaluation.metrics import auc
from pipeline.evaluation.ranking import rank, tpr_at_fpr
from pipeline.runtime import params
from pipeline.samples.feature_table import Table, read_table, wanted_blocks
from pipeline.samples.pictures import read_plan
from pipeline.train import fit_table

Floats = NDArray[np.float64]
Scores = dict[str, Floats]


def tables() -> tuple[Table, Table]:
    """Train rows with their variants, and val rows, of the run in the working directory."""
    read = params.read()
    names = wanted_blocks(read.spectral, read.embed, read.finetune, read.train)
    plan = read_plan(read.variants)
    return read_table(["train"], names, variants=plan), read_table(["val"], names)


def tails(train: Floats, kinds: NDArray[np.str_], test: Floats) -> Floats:
    """-log of the share of real train rows (out of fold) that score higher, by column. (n, members)"""
    real = np.sort(train[kinds == REAL], axis=0)
    above = [len(real) - np.searchsorted(real[:, m], test[:, m], side="left") for m in range(test.shape[1])]
    return -np.log((np.stack(above, axis=1) + 0.5) / (len(real) + 1))


def members(train: Table, val: Table) -> Scores:
    """Rules without trees, over the out-of-fold logits of the nets."""
    columns = train.columns_of("net")
    kinds = train.rows["kind"].to_numpy(str)
    train_logits, val_logits = (t.features[columns].to_numpy(np.float64) for t in (train, val))
    surprise = tails(train_logits, kinds, val_logits)
    spread = train_logits[kinds == REAL].std(0)
    single = {f"member {name}": val_logits[:, i] for i, name in enumerate(columns)}
    return single | {
        "mean of logits": (val_logits / spread).mean(1),
        "max of percentiles (Tippett)": surprise.max(1) + 1e-6 * val_logits.max(1),
        # 1 - prod(1 - p) rises with -sum(log(1 - p)): noisy-or and Fisher's method order images alike
        "noisy-or of percentiles (Fisher)": surprise.sum(1),
    }


def trees(train: Table, val: Table, options: params.Train, *, choices: dict[str, list[str]]) -> Scores:
    """Experts and their fusion, one booster for all kinds, and labelled fakes alone, by chosen columns."""
    kinds = train.rows["kind"].to_numpy(str)
    pooled = np.where(kinds == REAL, REAL, LABELLED)
    labelled = train.take(np.isin(kinds, [REAL, LABELLED]))
    # Where all fakes are of one kind, so are all reals: real partners too are among what they are told from.
    one_kind = replace(train, rows=train.rows.assign(partner_of=""))
    scores: Scores = {}
    for name, columns in choices.items():
        rules = {
            "fused experts": fit_table(train, options, columns=columns),
            "one booster, all kinds": fit_table(one_kind, options, columns=columns, kinds=pooled),
            "labelled fakes alone": fit_table(labelled, options, columns=columns),
        }
        scores |= {f"{rule}: {name}": fitted.raw(val.features[columns]) for rule, fitted in rules.items()}
    return scores


def choices_of(train: Table) -> dict[str, list[str]]:
    """Columns that the trees may read."""
    nets, embed, spectral = (train.columns_of(sort) for sort in ("net", "embedding", "spectral"))
    choices = {"nets": nets, "nets + spectral": nets + spectral}
    return choices | ({"everything": nets + spectral + embed} if embed else {})


def summarise(scores: Scores, val: Table) -> pd.DataFrame:
    """AUC and TPR at FPR 1e-2 of each rule, by source."""
    target, source = val.rows["target"].to_numpy(np.int64), val.rows["source"].to_numpy(str)
    rows = []
    for name, score in scores.items():
        row: dict[str, object] = {"rule": name}
        for name_of_source in sorted(set(source)):
            of_source = source == name_of_source
            row[f"{name_of_source} AUC"] = round(auc(target[of_source], score[of_source]), 4)
            row[f"{name_of_source} TPR@1e-2"] = round(
                float(tpr_at_fpr(rank(target[of_source], score[of_source]), 1e-2)[0]), 3
            )
        rows.append(row)
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of one run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.fusion", description=__doc__)
    parser.add_argument("run", type=Path, help="folder in which the pipeline has run")
    parser.add_argument("--seeds", type=int, default=1, help="of the trees; figures are means over them")
    parser.add_argument("--columns", nargs="*", help="which of: nets, 'nets + spectral', everything")
    args = parser.parse_args(arguments)
    os.chdir(args.run)
    train, val = tables()
    choices = {k: v for k, v in choices_of(train).items() if not args.columns or k in args.columns}
    options = params.load("train")
    tables_of_rules = [summarise(members(train, val), val)]
    for seed in range(args.seeds):
        seeded = options.model_copy(update={"seed": seed})
        tables_of_rules.append(summarise(trees(train, val, seeded, choices=choices), val))
    table = pd.concat(tables_of_rules).groupby("rule", sort=False).mean().round(4)
    print(f"left out of training: {params.load('manifest').holdout_source}\n{table.to_markdown()}")


if __name__ == "__main__":
    main()
