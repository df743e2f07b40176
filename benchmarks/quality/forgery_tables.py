"""How well real faces are told from forgeries, family by family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from benchmarks.quality.cells import Numbers, plain, table
from benchmarks.quality.conditions import FORGED
from benchmarks.quality.families import EDITED, FAMILIES, REAL, UNKNOWN, kind_of, of_kind
from pipeline.evaluation.metrics import auc


def areas(scored: pd.DataFrame) -> dict[str, float]:
    """AUC of real faces against each family that was scored, and the mean of those that nothing trains on;
    against honest edits, where 0.5 is right.

    Means over sources, each measured within itself.
    """
    scores = {key: rows["score"] for key, rows in scored.groupby(["source", kind_of(scored).rename("kind")])}

    def area(name: str) -> float:
        pairs = [(scores[source, REAL], fakes) for (source, kind), fakes in scores.items() if kind == name]
        return float(
            np.mean([auc(np.repeat([0, 1], [len(a), len(b)]), np.concatenate([a, b])) for a, b in pairs])
        )

    present = {kind for _, kind in scores}
    values = {name: area(name) for name in (*FAMILIES, EDITED) if name in present}
    unknown = [values[name] for name in UNKNOWN if name in values]
    return values | ({"mean": float(np.mean(unknown))} if unknown else {})


def tables(numbers: Numbers) -> Iterator[str]:
    """By method the families, then those that are like a kind of pseudo-fake, with it and without."""
    yield from _families(numbers)
    yield from _kin(numbers)


def _families(numbers: Numbers) -> Iterator[str]:
    akin = [name for name in FAMILIES if name not in UNKNOWN]
    names = [*UNKNOWN, "mean", *akin, EDITED]
    rows = {
        method: [_both(f["forged"], name) + _mark(name, f["trained_kinds"]) for name in names]
        for method, f in numbers.items()
        if f["forged"]
    }
    if rows:
        title = (
            "AUC of val reals against forgeries, as they are / after random size and file; mean of the tools that nothing "
            f"was trained on ({', '.join(UNKNOWN)})"
        )
        yield table(title, names, rows)


def _kin(numbers: Numbers) -> Iterator[str]:
    for method, kinds in ((m, f["kin"]) for m, f in numbers.items() if f["kin"]):
        rows = {
            f"{family}, like {kind}": [_both(figure[trained], family) for trained in ("with", "without")]
            for kind, figure in kinds.items()
            for family in of_kind(kind)
            if family in figure["with"][FORGED[0]]
        }
        title = f"{method}: AUC of val reals against forgeries like a kind of pseudo-fake, as they are / after random size and file"
        yield table(title, ["trained with the kind", "trained without it"], rows)


def _both(figure: Mapping[str, Mapping[str, float]], name: str) -> str:
    return " / ".join(plain(figure[condition].get(name), "{:.3f}") for condition in FORGED)


def _mark(name: str, trained: Sequence[str]) -> str:
    """Whether a kind of pseudo-fake that is like a family was in use in training."""
    like = FAMILIES[name].like if name in FAMILIES else None
    return "" if like is None else f", {'in use' if like in trained else 'left out'}"
