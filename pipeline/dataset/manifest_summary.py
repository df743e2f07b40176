"""What a person reads of a manifest: counts, duplicates, image sizes, and the rows that cannot be used."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import pandas as pd

from pipeline.dataset.repeats import clusters
from pipeline.storage.file_names import readable

LISTED_ISSUES = 1000


def summarise(rows: pd.DataFrame, origin: dict[str, Any]) -> dict[str, Any]:
    """Sum a manifest up.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows with `listed_in`.
    origin : dict
        Where they come from.

    Returns
    -------
    dict
        `origin`, counts by split, source, class and status, duplicates within and across splits, how many
        rows are bad, and the first `LISTED_ISSUES` of them.
    """
    bad = issues(rows)
    kinds = rows["target"].map({0: "real", 1: "fake"}).fillna("unknown")
    table = rows.assign(kind=kinds).groupby(["split", "source", "kind", "status"]).size()
    names = ["split", "source", "class", "status", "images"]
    return {
        **origin,
        "images": len(rows),
        "counts": [dict(zip(names, (*key, int(n)), strict=True)) for key, n in table.items()],
        "duplicates": clusters(rows, "sha256"),
        "near_duplicates": clusters(rows, "cluster"),
        "bad_rows": len(bad),
        "issues": bad.head(LISTED_ISSUES).to_dict("records"),
    }


def issues(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that cannot be used.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows with `listed_in`.

    Returns
    -------
    DataFrame
        Columns file, line, img_name, status, detail.
    """
    bad = rows[~rows["status"].isin(("ok", "held_out"))]
    return bad[["listed_in", "line", "img_name", "status", "detail"]].rename(columns={"listed_in": "file"})


def left_out(rows: pd.DataFrame) -> list[str]:
    """Put the rows that cannot be used into words.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows with `listed_in`.

    Returns
    -------
    list of str
        A line for each status, the most frequent first: how many rows have it, and the first of them.
    """
    bad, lines = issues(rows), []
    for status, count in bad["status"].value_counts().items():
        first = bad[bad["status"] == status].iloc[0]
        place = f"{PurePath(first['file']).name} line {first['line']}" if first["line"] else first["img_name"]
        reason = first["detail"] if first["detail"].startswith(place) else f"{place}: {first['detail']}"
        lines.append(
            readable(f"{count} of {len(rows)} listed images are left out as {status}, e.g. {reason}")
        )
    return lines


def sizes(rows: pd.DataFrame) -> list[dict[str, int]]:
    """Count the most frequent image sizes by class.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows.

    Returns
    -------
    list of dict
        width and height in px, real and fake : labelled images; the 20 most frequent sizes.
    """
    known = rows[(rows["status"] == "ok") & rows["target"].notna()]
    table = known.groupby(["width", "height"])["target"].agg(["size", "sum"])
    table = table.sort_values("size", ascending=False, kind="stable").head(20)
    return [
        {"width": int(w), "height": int(h), "real": int(n - fakes), "fake": int(fakes)}
        for (w, h), n, fakes in table.itertuples()
    ]
