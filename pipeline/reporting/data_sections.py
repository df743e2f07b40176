"""Sections of the report on the images: what was listed, and what the audit found."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.reporting.data import ReportData
from pipeline.reporting.elements import Column, Element, Heading, Paragraph, Section, Table
from pipeline.reporting.language import Text, joined, say
from pipeline.reporting.number_format import ABSENT, number, percent

SPLITS = ("train", "calibration", "val", "test")
CLASSES = ("real", "fake", "unknown")
_FACTS = {"history": "file history", "bytes": "file size", "pixels": "pixel cues"}
_VERDICTS = {"ok": "ok", "warn": "warning", "leak": "leak", "too few": "too few images"}
MAX_ISSUES = 20  # bad rows on the page; the file has all


def dataset(data: ReportData) -> Section:
    """Show counts by split, source and class, bad rows, duplicates, and how often a face was found."""
    manifest = data.manifest
    lines: list[str] = [
        say(
            "{images} listed images under {root}; lists: {lists}. Val: {val}. Groups: {groups}.",
            images=number(manifest["images"]),
            root=manifest["root"],
            lists=", ".join(manifest["lists"]),
            val=manifest["val"],
            groups=manifest["groups"],
        )
    ]
    if source := manifest["holdout_source"]:
        lines.append(
            say("Source {source} was left out of training (manifest.holdout_source).", source=source)
        )
    lines.append(_clusters("identical files", manifest["duplicates"]))
    lines.append(_clusters("near-duplicates", manifest["near_duplicates"]))
    elements: list[Element] = [
        *map(Paragraph, lines),
        *_counts(manifest),
        _bad_rows(manifest),
        *_faces(data.scores),
    ]
    return Section("data", "Data", elements)


def _clusters(name: str, summary: dict[str, Any]) -> Text:
    between = {splits: count for splits, count in summary["by_splits"].items() if "+" in splits}
    across = [
        say("{count} across {splits}", count=number(count), splits=splits)
        for splits, count in between.items()
    ]
    return say(
        "Clusters of {name}: {clusters} ({across}), the largest of {largest} images.",
        name=name,
        clusters=number(summary["clusters"]),
        across=joined(across, ", ") if across else "none across splits",
        largest=number(summary["largest"]),
    )


def _counts(manifest: dict[str, Any]) -> list[Table]:
    """Count the images of each split and source by class."""
    counts = pd.DataFrame(manifest["counts"])
    if counts.empty:
        return []
    wide = counts.pivot_table(
        index=["split", "source"], columns="class", values="images", aggfunc="sum", fill_value=0
    )
    order = {split: place for place, split in enumerate(SPLITS)}
    keys = sorted(wide.index, key=lambda key: (order.get(key[0], len(order)), key[1]))
    unusable = counts[counts["status"] != "ok"].groupby(["split", "source"])["images"].sum()
    classes = [name for name in CLASSES if name in wide.columns]
    rows = [
        [
            *key,
            *(number(int(wide.loc[key, name])) for name in classes),
            number(int(unusable.get(key, 0))),
        ]
        for key in keys
    ]
    columns = [Column(title, is_text=True) for title in ("split", "source")]
    return [Table([*columns, *map(Column, (*classes, "of them not used"))], rows)]


def _bad_rows(manifest: dict[str, Any]) -> Element:
    if not manifest["bad_rows"]:
        return Paragraph("No listed row was bad.")
    issues = manifest["issues"][:MAX_ISSUES]
    rows = [
        [
            say("{file}, line {line}", file=issue["file"], line=str(issue["line"])),
            issue["img_name"],
            issue["status"],
            issue["detail"],
        ]
        for issue in issues
    ]
    columns = [
        Column("where", is_text=True),
        Column("name", is_text=True, wraps=True),
        Column("status", is_text=True),
        Column("reason", is_text=True, wraps=True),
    ]
    caption = say(
        "{shown} of {count} bad rows; all of them: cache/manifest_issues.csv.",
        shown=number(len(issues)),
        count=number(manifest["bad_rows"]),
    )
    return Table(columns, rows, caption)


def _faces(scores: pd.DataFrame) -> list[Element]:
    """Show the detection rate by source and class: where it differs by class, it is itself a cue."""
    labelled = scores[scores["target"].notna()]
    if labelled.empty:
        return []
    rows = []
    for source, images in labelled.groupby("source"):
        row = [str(source)]
        for target in (0, 1):
            of_class = images[images["target"] == target]
            rate = percent(float(of_class["found"].mean()), 2) if len(of_class) else ABSENT
            row += [number(len(of_class)), rate]
        rows.append([*row, percent(float((images["n_faces"] > 1).mean()), 2)])
    text = say(
        "A face was found in {share} of {count} labelled images; of the others the centred square was used.",
        share=percent(float(labelled["found"].mean()), 2),
        count=number(len(labelled)),
    )
    titles = ("real", "face found", "fake", "face found", "several faces")
    columns = [Column("source", is_text=True), *map(Column, titles)]
    return [Heading("Faces"), Paragraph(text), Table(columns, rows)]


def audit(data: ReportData) -> Section:
    """Show how well facts of the files alone tell the classes apart, and every finding."""
    if not data.audit:
        return Section("audit", "Audit", [Paragraph("The audit has not run.")])
    rows = [
        [
            result["source"],
            _FACTS[result["facts"]],
            number(result["images"]),
            number(result.get("auc")),
            number(result.get("tpr"), 2),
            ", ".join(result.get("most_used", [])),
            _VERDICTS[result["verdict"]],
        ]
        for result in data.audit["file_facts"]
    ]
    columns = [
        Column("source", is_text=True),
        Column("facts", is_text=True),
        Column("images"),
        Column("AUC"),
        Column("TPR @ FPR 1e-2"),
        Column("mostly used", is_text=True, wraps=True),
        Column("verdict", is_text=True, wraps=True),
    ]
    text = (
        "Small models that see no face: the nearer to 0.5, the better. Files, sizes and brightness should not know "
        "the label."
    )
    findings = [[finding["level"], finding["text"]] for finding in data.audit["findings"]]
    finding_columns = [Column("level", is_text=True), Column("finding", is_text=True, wraps=True)]
    pairs = "Pairs of images behind the findings, side by side: audit.html beside this page."
    elements: list[Element] = [
        Paragraph(text),
        Table(columns, rows),
        Table(finding_columns, findings),
        Paragraph(pairs),
    ]
    return Section("audit", "Audit", elements)
