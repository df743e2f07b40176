"""Time and peak memory of the stacker's training on a table of random numbers of any size.

`python -m benchmarks.speed.training --rows 1343584 --columns 522 --rounds 3`, in the repository's root.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.kinds import LABELLED, REAL
from models.stacker.training import fit
from models.synthesis.pseudo_fakes import kinds as pseudo_kinds
from pipeline.runtime import params

SHARES = {REAL: 0.35, LABELLED: 0.35, **dict.fromkeys(pseudo_kinds(), 0.3 / len(pseudo_kinds()))}
_AT_ONCE = 50_000  # rows drawn at a time: the table alone shall fill the memory


@dataclass(frozen=True)
class Cost:
    """seconds : of `fit`; table, peak : GiB of the features and of the whole process at its largest."""

    seconds: float
    table: float
    peak: float


def measure(*, rows: int, columns: int, options: params.Train) -> Cost:
    """Train on rows × columns normal numbers, the first of which tells the classes."""
    rng = np.random.default_rng(0)
    kinds = rng.choice(list(SHARES), rows, p=list(SHARES.values())).astype(str)
    target = (kinds != REAL).astype(np.int64)
    values = np.empty((rows, columns), np.float32)
    for start in range(0, rows, _AT_ONCE):
        chunk = values[start : start + _AT_ONCE]
        chunk[:] = rng.standard_normal(chunk.shape, dtype=np.float32)
    values[:, 0] += target
    features = pd.DataFrame(values, columns=[f"block.c{i}" for i in range(columns)], copy=False)
    start_time = time.monotonic()
    fit(features, target, np.arange(rows).astype(str), kinds=kinds, options=options)
    seconds = time.monotonic() - start_time
    return Cost(seconds, values.nbytes / 2**30, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.training", description=__doc__)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--columns", type=int, required=True)
    parser.add_argument("--rounds", type=int, help="of each booster (default: as in params.yaml)")
    args = parser.parse_args(arguments)
    options = params.load("train")
    if args.rounds:
        options = options.model_copy(update={"num_boost_round": args.rounds})
    cost = measure(rows=args.rows, columns=args.columns, options=options)
    print(
        f"{args.rows:,} rows × {args.columns}: {cost.table:.1f} GiB, peak {cost.peak:.1f} GiB, {cost.seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
