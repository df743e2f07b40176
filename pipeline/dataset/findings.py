"""What an audit of a data set finds: leaks of the labels, copies and groups in two splits, other files in val and test."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.dataset import leakage, pairs, purity, repeats, split_shift
from pipeline.dataset.manifest_summary import sizes
from pipeline.runtime.engine import Engine
from pipeline.storage.unmade import Unmade

MAX_PURE = (
    5  # values that one class alone has: those that most images have are named, all of them are in the file
)
ORDER = {"red": 0, "amber": 1, "unknown": 2, "ok": 3}  # unknown: not looked for, or too few images to tell


def audit(
    rows: pd.DataFrame,
    *,
    people: tuple[list[pairs.Pair], list[repeats.Finding]] = ([], []),
    engine: Engine,
) -> tuple[dict[str, Any], list[Unmade]]:
    """Audit a manifest.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows.
    people : (list, list)
        As `people.people` returns them: pairs and findings.
    engine : Engine
        Where files are read.

    Returns
    -------
    dict
        verdict (the worst level of what is known), findings (worst first), and the figures behind them.
    list of Unmade
        Images that were left out because their file is not the one that stage manifest saw.
    """
    images = pd.concat([leakage.sample(rows, split) for split in ("train", "val", "test")])
    values, unmade = leakage.measure(images, engine=engine)
    train = images[(images["split"] == "train") & images.index.isin(values.index)]
    results = leakage.classes_by_file(train, values.loc[train.index])
    pure = purity.pure_values(train, values.loc[train.index])
    shifts = split_shift.compare_splits(images, values)
    findings = [leakage.describe(result) for result in results]
    findings += [purity.describe(result) for result in pure[:MAX_PURE]]
    findings += [split_shift.describe(result) for result in shifts]
    findings += repeats.across_splits(rows, "sha256", "exact copies")
    alike, said, unread = pairs.near_duplicates(rows, engine=engine)
    seen_twice, said_of_people = people
    findings += [*said, *said_of_people]
    findings += repeats.groups_across_splits(rows)
    findings += repeats.under_both_labels(rows)
    findings.sort(key=lambda finding: ORDER[finding["level"]])
    report = {
        "verdict": next(finding["level"] for finding in findings if finding["level"] != "unknown"),
        "findings": findings,
        "file_facts": results,
        "pure_values": pure,
        "split_shifts": shifts,
        "pairs": [*pairs.listed(alike), *pairs.listed(seen_twice)],
        "limits": {name: {"warn": warn, "leak": leak} for name, (warn, leak) in leakage.LIMITS.items()},
        "sizes": sizes(rows),
    }
    return report, list(dict.fromkeys([*unmade, *unread]))
