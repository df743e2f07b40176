"""How a source that was never seen is scored: refits of the stacker without each source in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from models.bundle_info import BlockInfo
from pipeline.evaluation.intervals import summary
from pipeline.evaluation.metrics import METRICS, auc
from pipeline.evaluation.refits import Bootstrap, Rows, cannot_fit, refit


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

    Returns
    -------
    dict
        source -> {in_train, all_blocks, label_free}; the last two are `intervals.summary` plus `auc_seen`,
        the AUC of the same refit with the source's train rows, or {reason}. `all_blocks` is optimistic
        where the fine-tuned nets were trained on the source; `label_free` has only blocks that never saw a
        label. Empty with fewer than two sources.
    """
    sources = sorted({str(s) for s in (*train.sources, *test.sources)})
    if len(sources) < 2:
        return {}
    results: dict[str, Any] = {s: {"in_train": bool((train.sources == s).any())} for s in sources}
    for kind, chosen in (("all_blocks", blocks), ("label_free", label_free(blocks))):
        columns = [column for block in chosen.values() for column in block.columns]
        possible = bool(columns) and cannot_fit(train) is None and len(test.target) > 0
        seen = refit(train, test, columns, options) if possible else None
        for source in sources:
            of_source = test.sources == source
            result = _without(source, train, test.take(of_source), columns, options, bootstrap)
            if seen is not None and "reason" in result and result["reason"] is None:
                area = auc(test.target[of_source], seen[of_source])
                result["auc_seen"] = area if results[source]["in_train"] else None
            results[source][kind] = result
    return results


def _without(
    source: str, train: Rows, test: Rows, columns: Sequence[str], options: Any, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Summary of the test rows' scores by a stacker that was fitted without `source`, or {reason}."""
    rest = train.take(train.sources != source)
    if not columns:
        return {"reason": "no block is free of labels"}
    if not len(test.target):
        return {"reason": "no labelled val image of this source"}
    if (reason := cannot_fit(rest)) is not None:
        return {"reason": reason}
    scores = refit(rest, test, columns, options)
    return summary(test.target, scores, test.groups, resamples=bootstrap.resamples, seed=bootstrap.seed)


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
                if name in METRICS:
                    figure = value or {}
                    row |= {name: figure.get("value")}
                    row |= {f"{name}_{bound}": figure.get(bound) for bound in ("low", "high")}
                else:
                    row[name] = value
            rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else ["source", "blocks", "in_train", "reason"])
