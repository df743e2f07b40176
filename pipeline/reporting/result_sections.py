"""Sections of the report on how well the scores separate real from fake."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation import curves as curve_tables
from pipeline.evaluation import metrics
from pipeline.reporting import figures
from pipeline.reporting.data import METRIC_LABELS, ReportData
from pipeline.reporting.elements import (
    Cell,
    Column,
    ContactSheet,
    Element,
    Figure,
    FigureRow,
    Heading,
    Paragraph,
    Section,
    Table,
    Thumbnail,
)
from pipeline.reporting.language import Text, joined, say
from pipeline.reporting.number_format import number, percent, with_interval
from pipeline.reporting.worst_errors import THRESHOLD, WorstError


def main_figures(data: ReportData) -> Section:
    """Show the figures by source, and what those at a low false-positive rate rest on."""
    val, oof = data.evaluation["val"], data.evaluation["train_oof"]
    rows = [_figure_row("val, overall", val["overall"])]
    if len(val["by_source"]) > 1:
        named = {source: say("val, {source}", source=source) for source in val["by_source"]}
        rows += [_figure_row(named[source], summary) for source, summary in val["by_source"].items()]
    rows.append(_figure_row("train, out of fold", oof["overall"]))
    columns = [Column("rows", is_text=True), *map(Column, ("real", "fake", *METRIC_LABELS.values()))]
    caption = say(
        "Small: 95 % interval, for which images of one group count together. TPR @ FPR x: highest share of deepfakes "
        "found by a threshold that flags at most the share x of real faces. AP depends on the mix of classes. "
        "ECE: {bins} equally filled bins; small, what a perfect model with these scores would have.",
        bins=str(metrics.ECE_BINS),
    )
    elements: list[Element] = [
        *_headline(val),
        Table(columns, rows, caption),
        *_reasons(val),
        *_notes(val),
    ]
    return Section("figures", "Main figures", elements)


def _figure_row(name: str, summary: dict[str, Any]) -> list[str | Cell]:
    figures_of_row = [with_interval(summary[metric]) for metric in METRIC_LABELS]
    if (ece := summary["ece"]) is not None:
        figures_of_row[list(METRIC_LABELS).index("ece")] = Cell(
            number(ece["value"]), say("floor {floor}", floor=number(ece["floor"]))
        )
    return [name, number(summary["negatives"]), number(summary["positives"]), *figures_of_row]


def _headline(val: dict[str, Any]) -> list[Paragraph]:
    """Say the main figures in words; nothing where they could not be worked out."""
    overall = val["overall"]
    if overall["reason"] is not None:
        return []
    strict = overall["tpr_at_fpr_1e-2"]["value"]
    pairs = percent(overall["auc"]["value"])
    texts = [say("A random deepfake scores above a random real face in {pairs} of pairs.", pairs=pairs)]
    if strict is not None:
        found = percent(strict)
        texts.append(
            say("With at most 1 % of real faces flagged, {found} of the deepfakes are found.", found=found)
        )
    return [Paragraph(joined([*texts, *_spread(val["by_source"])]))]


def _spread(by_source: dict[str, Any]) -> list[Text]:
    """Name the weakest source, and say how far the sources are apart."""
    areas = {name: summary["auc"]["value"] for name, summary in by_source.items() if summary["auc"]}
    if len(areas) < 2:
        return []
    low, high = min(areas, key=lambda name: areas[name]), max(areas, key=lambda name: areas[name])
    of_extremes = {"low": low, "low_area": number(areas[low]), "high": high, "high_area": number(areas[high])}
    texts = [
        say(
            "Hardest source: {low} (AUC {low_area}); easiest: {high} (AUC {high_area}); spread {spread}.",
            **of_extremes,
            spread=number(areas[high] - areas[low]),
        )
    ]
    strict = {name: (summary["tpr_at_fpr_1e-2"] or {}).get("value") for name, summary in by_source.items()}
    known = {name: value for name, value in strict.items() if value is not None}
    if len(known) > 1:
        shares = [
            percent(known[name])
            for name in (min(known, key=known.__getitem__), max(known, key=known.__getitem__))
        ]
        texts.append(say("TPR @ FPR 1e-2 by source: {low} to {high}.", low=shares[0], high=shares[1]))
    return texts


def _reasons(val: dict[str, Any]) -> list[Paragraph]:
    summaries = {"overall": val["overall"], **val["by_source"]}
    return [
        Paragraph(joined([name, ": ", s["reason"], "."], "")) for name, s in summaries.items() if s["reason"]
    ]


def _notes(val: dict[str, Any]) -> list[Paragraph]:
    """Say why a figure or its interval is missing, and where groups are few; each reason once."""
    summaries = {"overall": val["overall"], **(val["by_source"] if len(val["by_source"]) > 1 else {})}
    paragraphs = []
    for name, summary in summaries.items():
        reasons: dict[str, list[str]] = {}
        for metric, label in METRIC_LABELS.items():
            if (figure := summary[metric]) and "note" in figure:
                reasons.setdefault(figure["note"], []).append(label)
        notes: list[str] = [joined([", ".join(labels), ": ", note], "") for note, labels in reasons.items()]
        notes += [summary["warning"]] if summary["warning"] else []
        if notes:
            paragraphs.append(Paragraph(joined([name, ". ", joined(notes, "; "), "."], "")))
    return paragraphs


def curves(data: ReportData) -> Section:
    """Draw ROC, precision-recall, calibration and histogram of val."""
    groups = {
        name: (rows["target"].to_numpy(dtype=np.int64), rows["score"].to_numpy(dtype=np.float64))
        for name, rows in data.val_by_source().items()
    }
    target, score = groups["overall"]
    if not len(target):
        nothing = Paragraph("No labelled val image, so there is nothing to draw.")
        return Section("curves", "Curves", [nothing])
    bins = curve_tables.reliability(target, score)
    calibration = Figure(figures.calibration(bins), _calibration_caption(bins))
    histogram = Figure(figures.histogram(curve_tables.histogram(target, score)), "Scores by class.")
    ranked = {name: pair for name, pair in groups.items() if 0 < pair[0].sum() < len(pair[0])}
    if not ranked:
        return Section("curves", "Curves", [FigureRow([calibration, histogram])])
    areas = {name: metrics.auc(*pair) for name, pair in ranked.items()}
    rates = {name: curve_tables.roc(*pair) for name, pair in ranked.items()}
    roc = Figure(figures.roc(rates, areas), "ROC. Grey: guessing.")
    low = Figure(
        figures.low_fpr(rates, areas),
        "The same with a logarithmic false-positive axis, where a filter works; dotted: the bounds of the table above.",
    )
    det = Figure(
        figures.det(rates),
        "DET: the share of deepfakes missed over that of real faces flagged. On the grey line both are the same.",
    )
    points = {name: curve_tables.precision_recall(*pair) for name, pair in ranked.items()}
    prevalence = float(target.mean())
    precision = Figure(
        figures.precision_recall(points, prevalence),
        say(
            "Precision and recall. Grey: the share of deepfakes in val, {prevalence}.",
            prevalence=percent(prevalence),
        ),
    )
    rows = [FigureRow([roc, low]), FigureRow([det, precision]), FigureRow([calibration, histogram])]
    return Section("curves", "Curves", rows)


def _calibration_caption(bins: pd.DataFrame) -> Text:
    gap = bins["mean_score"] - bins["share_fake"]
    mean = (gap * bins["n"]).sum() / bins["n"].sum()
    return say(
        "Calibration: on the diagonal a score is a probability, for the mix of classes in val. "
        "On average the scores are {gap} {side}. Whiskers: 95 % interval (Wilson).",
        gap=f"{abs(mean):.3f}",
        side="too high" if mean > 0 else "too low",
    )


def novelty(data: ReportData) -> Section:
    """Show whether the images that the model gets wrong are those unlike its training images."""
    summaries = data.evaluation["novelty"]
    rows = [
        [name, number(summary["n"]), number(summary["wrong"]), number(summary["auc"])]
        for name, summary in summaries.items()
        if name == "overall" or len(summaries) > 2
    ]
    text = (
        "Novelty is the share of the training images that are more usual than an image; it stands beside each score "
        "in prediction_details.csv. From 0.999 on, a score is marked in prediction_issues.csv: nothing like the image "
        "was seen in training."
    )
    caption = (
        "AUC: how well novelty tells the images on the wrong side of 0.5 from the others; 0.5 says nothing."
    )
    columns = [Column("val", is_text=True), *map(Column, ("images", "wrong", "AUC of wrong"))]
    return Section("novelty", "Out of distribution", [Paragraph(text), Table(columns, rows, caption)])


def worst_errors(data: ReportData) -> Section:
    """Show the images that the model is most confidently wrong about, by class."""
    if not data.worst:
        nothing = Paragraph("No val image to show is on the wrong side of 0.5.")
        return Section("errors", "Worst errors", [nothing])
    val = data.val
    wrong = int(((val["score"] >= THRESHOLD) != (val["target"] == 1)).sum())
    text = say(
        "At a threshold of {threshold}, {wrong} of {count} val images ({share}) are on the wrong side; these are the most "
        "confident of them.",
        threshold=str(THRESHOLD),
        wrong=number(wrong),
        count=number(len(val)),
        share=percent(wrong / len(val)),
    )
    elements: list[Element] = [Paragraph(text)]
    for target, title in ((0, "Real faces with the highest scores"), (1, "Deepfakes with the lowest scores")):
        thumbnails = [_thumbnail(error) for error in data.worst if error.target == target]
        elements += [Heading(title), ContactSheet(thumbnails)] if thumbnails else []
    return Section("errors", "Worst errors", elements)


def _thumbnail(error: WorstError) -> Thumbnail:
    label, score = "fake" if error.target else "real", f"{error.score:.3f}"
    return Thumbnail(
        uri=error.uri,
        alt=error.why
        if error.uri is None
        else say("{label} image {name}, scored {score}", label=label, name=error.name, score=score),
        name=error.name,
        origin=say("{source}, {label}", source=error.source, label=label),
        value=score,
    )
