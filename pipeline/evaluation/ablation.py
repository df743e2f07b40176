"""Cheap refits of the stacker: without each block, with each block alone, without each source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.stacker import training
from pipeline.evaluation import metrics

OVERALL = "(overall)"  # brackets keep it apart from a source's own name
FOLDS = 3
LEARNING_RATE = 0.1  # few trees need a longer step than the model's many
MAX_BIN = 31
EARLY_STOPPING_ROUNDS = 20  # rounds of early stopping
MAX_TRAIN_IMAGES = 4000  # train images, about; with a thousand columns a refit on all of 11,400 takes minutes
LABELLED = "net_"  # blocks of nets that were fine-tuned on the labels


@dataclass(frozen=True)
class Rows:
    """Labelled images as arrays of one length.

    features : float32 DataFrame; target : int 0/1 (n,); groups, sources : str (n,).
    """

    features: pd.DataFrame
    target: NDArray[np.int64]
    groups: NDArray[Any]
    sources: NDArray[Any]

    @classmethod
    def of(cls, rows: pd.DataFrame, features: pd.DataFrame) -> Rows:
        """The labelled ones of a table's rows."""
        known = rows["target"].notna().to_numpy()
        return cls(
            features=features[known],
            target=rows.loc[known, "target"].to_numpy(dtype=np.int64),
            groups=rows.loc[known, "group"].to_numpy(dtype=str),
            sources=rows.loc[known, "source"].to_numpy(dtype=str),
        )

    def take(self, mask: NDArray[np.bool_]) -> Rows:
        """The rows where `mask` holds."""
        return Rows(
            features=self.features[mask],
            target=self.target[mask],
            groups=self.groups[mask],
            sources=self.sources[mask],
        )

    def sample(self, limit: int, *, seed: int) -> Rows:
        """About `limit` of the rows, whole groups, the same share of each source, seeded."""
        if len(self.target) <= limit:
            return self
        generator = np.random.default_rng(seed)
        kept: list[str] = []
        for source in np.unique(self.sources):
            groups = np.unique(self.groups[self.sources == source])
            count = int(np.ceil(len(groups) * limit / len(self.target)))
            kept += generator.permutation(groups)[:count].tolist()
        return self.take(np.isin(self.groups, kept))


@dataclass(frozen=True)
class Bootstrap:
    """Number of resamples and seed of the intervals."""

    resamples: int
    seed: int


def quick(options: Any, *, num_boost_round: int) -> Any:
    """Stacker options of a refit: few trees, few folds, coarse bins."""
    return options.model_copy(
        update={
            "num_boost_round": num_boost_round,
            "folds": FOLDS,
            "learning_rate": max(options.learning_rate, LEARNING_RATE),
            "max_bin": min(options.max_bin, MAX_BIN),
            "early_stopping": min(options.early_stopping, EARLY_STOPPING_ROUNDS),
        }
    )


def cannot_fit(train: Rows) -> str | None:
    """Why no stacker can be fitted to these rows, or None."""
    for side, name in ((0, "real face"), (1, "deepfake")):
        count = len(np.unique(train.groups[train.target == side]))
        if count < FOLDS:
            return f"{count} groups with a {name} to train on, {FOLDS} folds need {FOLDS}"
    return None


def refit(train: Rows, test: Rows, columns: Sequence[str], options: Any) -> NDArray[np.float64]:
    """Scores of the test rows by a stacker fitted to the train rows on `columns` alone."""
    chosen = list(columns)
    fitted = training.fit(
        train.features[chosen], train.target, train.groups, sources=train.sources, options=options
    )
    return np.asarray(fitted.predict(test.features[chosen]), dtype=np.float64)


def ablate(
    train: Rows,
    test: Rows,
    blocks: Mapping[str, Sequence[str]],
    *,
    options: Any,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """AUC without each block and with each block alone against the same refit with all blocks.

    One row per block and source (and `OVERALL`): block, columns, source, n, auc_full, auc_drop,
    drop_effect (auc_drop - auc_full) with drop_low and drop_high (paired 95 % interval), auc_only,
    only_effect. No row when a fit is impossible; NaN where a source has one class.
    """
    if cannot_fit(train) or not len(test.target):
        return pd.DataFrame(columns=_ABLATION)
    everything = [column for members in blocks.values() for column in members]
    full = refit(train, test, everything, options)
    found = []
    for block, members in blocks.items():
        rest = [column for column in everything if column not in set(members)]
        drop = refit(train, test, rest, options) if rest else np.full(len(full), np.nan)
        only = refit(train, test, members, options)
        for source, mask in _parts(test):
            scores = {"full": full[mask], "drop": drop[mask], "only": only[mask]}
            row = {"block": block, "columns": len(members), "source": source, "n": int(mask.sum())}
            found.append(row | _effects(test.take(mask), scores, bootstrap))
    return pd.DataFrame(found, columns=_ABLATION)


_ABLATION = ["block", "columns", "source", "n", "auc_full", "auc_drop", "drop_effect"]
_ABLATION += ["drop_low", "drop_high", "auc_only", "only_effect"]


def _parts(test: Rows) -> list[tuple[str, NDArray[np.bool_]]]:
    sources = np.unique(test.sources)
    parts = [(OVERALL, np.ones(len(test.target), dtype=bool))]
    return parts + [(str(s), test.sources == s) for s in sources if len(sources) > 1]


def _auc(target: NDArray[np.int64], score: NDArray[np.float64]) -> float:
    return metrics.auc(target, score) if np.isfinite(score).all() else float("nan")


def _effects(test: Rows, scores: dict[str, NDArray[np.float64]], bootstrap: Bootstrap) -> dict[str, Any]:
    auc = {name: _auc(test.target, score) for name, score in scores.items()}
    gap: dict[str, float | None] = {"low": None, "high": None}
    if np.isfinite(auc["drop"]):
        gap = metrics.auc_difference(
            test.target,
            scores["drop"],
            scores["full"],
            test.groups,
            resamples=bootstrap.resamples,
            seed=bootstrap.seed,
        )
    return {
        "auc_full": auc["full"],
        "auc_drop": auc["drop"],
        "drop_effect": auc["drop"] - auc["full"],
        "drop_low": gap["low"],
        "drop_high": gap["high"],
        "auc_only": auc["only"],
        "only_effect": auc["only"] - auc["full"],
    }


def label_free(blocks: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The blocks whose numbers never depended on a label."""
    return {name: list(members) for name, members in blocks.items() if not name.startswith(LABELLED)}


def leave_one_source_out(
    train: Rows,
    test: Rows,
    blocks: Mapping[str, Sequence[str]],
    *,
    options: Any,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Each source's val rows, scored by stackers fitted to the train rows of the other sources.

    Returns source -> {in_train, all_blocks, label_free}; the last two are `metrics.summary` plus
    `auc_seen`, the AUC of the same refit with the source's own train rows, or {reason}.
    `all_blocks` is optimistic where the fine-tuned nets were trained on the source;
    `label_free` has only blocks that never saw a label. Empty with fewer than two sources.
    """
    sources = sorted({str(s) for s in (*train.sources, *test.sources)})
    if len(sources) < 2:
        return {}
    found: dict[str, Any] = {s: {"in_train": bool((train.sources == s).any())} for s in sources}
    for kind, chosen in (("all_blocks", dict(blocks)), ("label_free", label_free(blocks))):
        columns = [column for members in chosen.values() for column in members]
        possible = bool(columns) and cannot_fit(train) is None and len(test.target) > 0
        seen = refit(train, test, columns, options) if possible else None
        for source in sources:
            held = test.sources == source
            result = _without(source, train, test.take(held), columns, options, bootstrap)
            if seen is not None and "reason" in result and result["reason"] is None:
                mine = _auc(test.target[held], seen[held])
                result["auc_seen"] = mine if found[source]["in_train"] else None
            found[source][kind] = result
    return found


def _without(
    source: str, train: Rows, held: Rows, columns: Sequence[str], options: Any, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Summary of the held rows' scores by a stacker that was fitted without `source`, or {reason}."""
    rest = train.take(train.sources != source)
    if not columns:
        return {"reason": "no block is free of labels"}
    if not len(held.target):
        return {"reason": "no labelled val image of this source"}
    if (reason := cannot_fit(rest)) is not None:
        return {"reason": reason}
    scores = refit(rest, held, columns, options)
    return metrics.summary(
        held.target, scores, held.groups, resamples=bootstrap.resamples, seed=bootstrap.seed
    )


def as_table(held_out: dict[str, Any]) -> pd.DataFrame:
    """Leave-one-source-out results as rows: source, blocks, in_train, counts, figures, reason."""
    rows = []
    for source, result in held_out.items():
        for kind in ("all_blocks", "label_free"):
            row = {"source": source, "blocks": kind, "in_train": result["in_train"]}
            for name, value in result[kind].items():
                if name in metrics.METRICS:
                    for part in ("value", "low", "high"):
                        row[name if part == "value" else f"{name}_{part}"] = (value or {}).get(part)
                else:
                    row[name] = value
            rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else ["source", "blocks", "in_train", "reason"])
