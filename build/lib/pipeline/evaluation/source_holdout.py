"""How a source that was never seen is scored: refits of the stacker without each source in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from models.bundle_info import BlockInfo
from models.stacker.stacker import Stacker
from pipeline.evaluation.intervals import summary
from pipeline.evaluation.metrics import METRICS, auc
from pipeline.evaluation.permutation import permutation_drop
from pipeline.evaluation.refits import Bootstrap, Rows, cannot_fit, fit, refit

REPEATS = 3  # permutations of a block


def label_free(blocks: Mapping[str, BlockInfo]) -> dict[str, BlockInfo]:
    """The blocks whose numbers never depended on a label: all but those of nets that were fine-tuned.

    Parameters
    ----------
    blocks : mapping of str to BlockInfo
        Blocks by name.
    """
    return {name: block for name, block in blocks.items() if block.sort != "net"}


def leave_one_source_out(
    train: Rows,
    test: Rows,
    blocks: Mapping[str, BlockInfo],
    *,
    options: Any,
    bootstrap: Bootstrap,
    repeats: int = REPEATS,
) -> dict[str, Any]:
    """Score each source's val rows by stackers fitted to the train rows of the other sources.

    Parameters
    ----------
    train, test : Rows
        What is fitted and what is scored.
    blocks : mapping of str to BlockInfo
        Blocks of the features.
    options : Train
        As `refits.quick` makes them.
    bootstrap : Bootstrap
        Of the intervals.
    repeats : int
        Permutations of each block.

    Returns
    -------
    dict
        source -> {in_train, all_blocks, label_free}; the last two are `intervals.summary` plus `auc_seen`,
        the AUC of the same refit with the source's train rows, and `block_drops`, what the AUC loses where a block is shuffled
        (`permutation_drop`, a list with a dict for each block); or {reason}. `all_blocks` is optimistic where the fine-tuned
        nets were trained on the source; `label_free` has only blocks that never saw a label. Empty with fewer than two sources.
    """
    sources = sorted({str(s) for s in (*train.sources, *test.sources)})
    if len(sources) < 2:
        return {}
    results: dict[str, Any] = {s: {"in_train": bool((train.sources == s).any())} for s in sources}
    for kind, chosen in (("all_blocks", blocks), ("label_free", label_free(blocks))):
        columns = {name: block.columns for name, block in chosen.items()}
        together = [column for block in columns.values() for column in block]
        possible = bool(together) and cannot_fit(train) is None and len(test.target) > 0
        seen = refit(train, test, together, options) if possible else None
        for source in sources:
            of_source = test.sources == source
            rest, held = train.take(train.sources != source), test.take(of_source)
            reason = _impossible(rest, held, together)
            if reason is not None:
                results[source][kind] = {"reason": reason}
                continue
            result = _held_out(fit(rest, together, options), held, columns, bootstrap, repeats)
            if seen is not None and result["reason"] is None:
                area = auc(held.target, seen[of_source])
                result["auc_seen"] = area if results[source]["in_train"] else None
            results[source][kind] = result
    return results


def _impossible(rest: Rows, held: Rows, columns: Sequence[str]) -> str | None:
    """Why no refit on `rest` can score the rows of a source, or None."""
    if not columns:
        return "no block is free of labels"
    return cannot_fit(rest) if len(held.target) else "no labelled val image of this source"


def _held_out(
    stacker: Stacker, held: Rows, blocks: Mapping[str, list[str]], bootstrap: Bootstrap, repeats: int
) -> dict[str, Any]:
    """Figures of a source's rows by a stacker that was fitted without it, and what each block does for them."""
    features = held.features[stacker.columns]
    figures = summary(
        held.target,
        stacker.predict(features),
        held.groups,
        resamples=bootstrap.resamples,
        seed=bootstrap.seed,
    )
    drops = permutation_drop(
        stacker.predict,
        features,
        held.target,
        held.groups,
        shuffled_together=blocks,
        repeats=repeats,
        seed=bootstrap.seed,
    )
    known = drops.astype(object).where(drops.notna(), None).rename_axis("block").reset_index()
    return figures | {"block_drops": known.to_dict("records")}


def as_table(results: dict[str, Any]) -> pd.DataFrame:
    """Arrange leave-one-source-out results as rows.

    Parameters
    ----------
    results : dict
        As `leave_one_source_out` returns them.

    Returns
    -------
    DataFrame
        Columns source, blocks (all_blocks or label_free), in_train, counts, figures with their intervals, reason.
    """
    rows = []
    for source, result in results.items():
        for kind in ("all_blocks", "label_free"):
            row = {"source": source, "blocks": kind, "in_train": result["in_train"]}
            for name, value in result[kind].items():
                if name == "block_drops":
                    continue
                if name in METRICS:
                    figure = value or {}
                    row |= {name: figure.get("value")}
                    row |= {f"{name}_{bound}": figure.get(bound) for bound in ("low", "high")}
                else:
                    row[name] = value
            rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else ["source", "blocks", "in_train", "reason"])
