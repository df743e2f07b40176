"""Sections of the report on how well the scores separate real from fake."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation import curves, metrics
from pipeline.evaluation.ablation import MAX_TRAIN_IMAGES, OVERALL
from pipeline.reporting import figures, html
from pipeline.reporting.data import LABELS, MANY, Facts
from pipeline.reporting.html import Html, number, paragraph, percent
from pipeline.reporting.worst_errors import WorstError


def figures_part(facts: Facts) -> str:
    """Main figures by source, and what the low-FPR ones rest on."""
    val, oof = facts.figures["val"], facts.figures["train_oof"]
    rows = [_figure_row("val, overall", val["overall"])]
    if len(val["by_source"]) > 1:
        rows += [_figure_row(f"val, {name}", part) for name, part in val["by_source"].items()]
    rows.append(_figure_row("train, out of fold", oof["overall"]))
    head = ["rows", "real", "fake", *LABELS.values()]
    caption = (
        "Small: 95 % interval of a bootstrap that draws whole groups. TPR @ FPR x: highest share of deepfakes "
        "found by a threshold that flags at most the share x of real faces. AP depends on the mix of classes. "
        f"ECE: {metrics.ECE_BINS} equally filled bins; resampling biases it upwards, so its interval can lie above it."
    )
    return _headline(val) + html.table(head, rows, caption=caption) + _reasons(val) + _allowed(val)


def _figure_row(name: str, part: dict[str, Any]) -> list[Any]:
    return [name, number(part["negatives"]), number(part["positives"])] + [
        html.figure_cell(part[key]) for key in LABELS
    ]


def _headline(val: dict[str, Any]) -> str:
    part = val["overall"]
    if part["reason"] is not None:
        return ""
    strict = part["tpr_at_fpr_1e-2"]["value"]
    text = f"A random deepfake scores above a random real face in {percent(part['auc']['value'])} of pairs. "
    text += f"With at most 1 % of real faces flagged, {percent(strict)} of the deepfakes are found."
    ranked = {name: p["auc"]["value"] for name, p in val["by_source"].items() if p["auc"]}
    if len(ranked) > 1:
        low, high = min(ranked, key=lambda k: ranked[k]), max(ranked, key=lambda k: ranked[k])
        text += f" Hardest source: {low} (AUC {ranked[low]:.3f}); easiest: {high} (AUC {ranked[high]:.3f})."
    return paragraph(text)


def _reasons(val: dict[str, Any]) -> str:
    parts = {"overall": val["overall"], **val["by_source"]}
    return "".join(paragraph(f"{name}: {part['reason']}.") for name, part in parts.items() if part["reason"])


def _allowed(val: dict[str, Any]) -> str:
    """How many real faces each bound lets through, where that is too few to trust."""
    parts = val["by_source"] if len(val["by_source"]) > 1 else {"val": val["overall"]}
    said = []
    for name, part in parts.items():
        counts = {
            bound: part[f"tpr_at_fpr_{bound}"]["negatives_allowed"]
            for bound in metrics.FPR_BOUNDS
            if part[f"tpr_at_fpr_{bound}"]
        }
        few = [f"{count} at {bound}" for bound, count in counts.items() if count < 5]
        if few:
            said.append(f"{name} ({number(part['negatives'])} real faces): {', '.join(few)}")
    text = "Few real faces may be flagged, so these TPR figures hang on single images: "
    return paragraph(text + "; ".join(said) + ".") if said else ""


def curves_part(facts: Facts) -> str:
    """ROC, precision-recall, calibration and histogram of val."""
    parts = {
        name: (rows["target"].to_numpy(dtype=np.int64), rows["score"].to_numpy(dtype=np.float64))
        for name, rows in facts.parts().items()
    }
    both = {name: pair for name, pair in parts.items() if 0 < pair[0].sum() < len(pair[0])}
    target, score = parts["overall"]
    if not len(target):
        return paragraph("No labelled val image, so there is nothing to draw.")
    bins = curves.reliability(target, score)
    pictures = [html.picture(figures.calibration(bins), _calibration_text(bins))]
    drawn = ""
    if both:
        areas = {name: metrics.auc(*pair) for name, pair in both.items()}
        roc = figures.roc({name: curves.roc(*pair) for name, pair in both.items()}, areas)
        text = "Left: ROC. Right: the same with a logarithmic false-positive axis, where a filter works; "
        drawn = html.picture(roc, text + "dotted: the bounds of the table above. Grey: guessing.")
        points = {name: curves.precision_recall(*pair) for name, pair in both.items()}
        share = float(target.mean())
        text = f"Precision and recall. Grey: the share of deepfakes in val, {percent(share)}."
        pictures.insert(0, html.picture(figures.precision_recall(points, share), text))
    counts = figures.histogram(curves.histogram(target, score))
    return drawn + f'<div class="pair">{"".join(pictures)}</div>' + html.picture(counts, "Scores by class.")


def _calibration_text(bins: pd.DataFrame) -> str:
    gap = bins["mean_score"] - bins["share_fake"]
    side = "too high" if (gap * bins["n"]).sum() > 0 else "too low"
    mean = abs((gap * bins["n"]).sum() / bins["n"].sum())
    return (
        f"Calibration: on the diagonal a score is a probability. On average the scores are {mean:.3f} {side}. "
        "Whiskers: 95 % interval (Wilson)."
    )


def ablation_part(facts: Facts) -> str:
    """Effect of dropping each block and of each block alone."""
    effects = facts.effects
    if effects.empty:
        return paragraph("Not worked out: too few labelled images for a refit.")
    sources = [s for s in dict.fromkeys(effects["source"]) if s != OVERALL]
    shown = [OVERALL, *(sources if len(sources) <= MANY else [])]
    cells = {(row["block"], row["source"]): row for row in effects.to_dict("records")}
    full = {source: cells[effects["block"].iloc[0], source]["auc_full"] for source in shown}
    names = ["overall" if source == OVERALL else source for source in shown]
    head = [
        "block",
        "columns",
        *(f"without: {n}" for n in names),
        *(f"alone: {n}" for n in names),
    ]
    rows = []
    for block in dict.fromkeys(effects["block"]):
        mine = [cells[block, source] for source in shown]
        rows.append(
            [block, number(int(mine[0]["columns"]))]
            + [_effect(row) for row in mine]
            + [number(row["auc_only"]) for row in mine]
        )
    said = ", ".join(f"{name} {number(full[source])}" for name, source in zip(names, shown, strict=True))
    caption = (
        f"Without: change of val AUC when the block is left out (small: paired 95 % interval; below zero the block "
        f"helps). Alone: AUC of that block by itself. All are quick refits (few trees, at most about {MAX_TRAIN_IMAGES:,} train images, "
        f"labelled fakes alone); with all blocks: {said}."
    )
    return _ablation_text(effects) + html.table(head, rows, caption=caption)


def _effect(row: dict[str, Any]) -> Html:
    figure = {"value": row["drop_effect"], "low": row["drop_low"], "high": row["drop_high"]}
    return html.figure_cell(figure, 4, sign=True)


def _ablation_text(effects: pd.DataFrame) -> str:
    whole = effects[effects["source"] == OVERALL]
    missed = whole.loc[whole["drop_high"] < 0, "block"].tolist()
    better = whole.loc[whole["drop_low"] > 0, "block"].tolist()
    text = f"Left out, these blocks are missed beyond chance: {', '.join(missed)}." if missed else ""
    text = text or "No single block is missed beyond chance: the others know what it knows."
    return paragraph(text + (f" AUC rises without {', '.join(better)}." if better else ""))


def held_out_part(facts: Facts) -> str:
    """Leave one source out."""
    results = facts.figures["leave_one_source_out"]
    if not results:
        return paragraph(
            "All images come from one source, so none can be left out. groups.csv names sources."
        )
    unseen = [source for source, result in results.items() if not result["in_train"]]
    text = "".join(
        paragraph(f"{source} has no training image: every val figure of it is one of an unseen source.")
        for source in unseen
    )
    nets = any(block.startswith("net_") for block in facts.info["blocks"])
    rows = [
        _held_row(source, _kind(kind, optimistic=nets and result["in_train"]), result[kind])
        for source, result in results.items()
        for kind in ("label_free", "all_blocks")
    ]
    head = [
        "source",
        "blocks",
        "AUC, source seen",
        "AUC, source left out",
        *list(LABELS.values())[1:4],
        "ECE",
    ]
    caption = (
        "Each source's val images, scored by a quick refit on the train images of the other sources. Optimistic: the "
        "fine-tuned nets themselves were trained on every source in train. Honest: detection, spectra and frozen nets only."
    )
    return text + html.table(head, rows, text=2, caption=caption)


def _kind(kind: str, *, optimistic: bool) -> str:
    if kind == "label_free":
        return "blocks that never saw a label (honest)"
    return "all blocks (optimistic: the nets saw it)" if optimistic else "all blocks"


def _held_row(source: str, kind: str, result: dict[str, Any]) -> list[Any]:
    if result["reason"] is not None:
        return [source, f"{kind}: {result['reason']}"] + [html.NONE] * 6
    keys = ["auc", *(f"tpr_at_fpr_{name}" for name in metrics.FPR_BOUNDS), "ece"]
    return [source, kind, number(result.get("auc_seen"))] + [html.figure_cell(result[key]) for key in keys]


def novelty_part(facts: Facts) -> str:
    """Whether the images that the model gets wrong are those unlike its training images."""
    found = facts.figures["novelty"]
    rows = [
        [name, number(part["n"]), number(part["wrong"]), number(part["auc"])]
        for name, part in found.items()
        if name == "overall" or len(found) > 2
    ]
    text = (
        "Novelty is the share of the training images that are more usual than an image; it stands beside each score "
        "in prediction_details.csv. From 0.999 on, a score is marked in prediction_issues.csv: nothing like the image "
        "was seen in training."
    )
    caption = (
        "AUC: how well novelty tells the images on the wrong side of 0.5 from the others; 0.5 says nothing."
    )
    return paragraph(text) + html.table(["val", "images", "wrong", "AUC of wrong"], rows, caption=caption)


def errors_part(facts: Facts) -> str:
    """Sheet of the worst errors."""
    titles = {0: "Real faces with the highest scores", 1: "Deepfakes with the lowest scores"}
    if not facts.worst:
        return paragraph("No val image to show is on the wrong side of 0.5.")
    body = ""
    for target, title in titles.items():
        mine = [error for error in facts.worst if error.target == target]
        cards = "".join(_card(error) for error in mine)
        body += f'<h3>{title}</h3><div class="sheet">{cards}</div>' if mine else ""
    wrong = int(((facts.val["score"] >= 0.5) != (facts.val["target"] == 1)).sum())
    text = f"At a threshold of 0.5, {wrong:,} of {len(facts.val):,} val images ({percent(wrong / len(facts.val))}) "
    return paragraph(text + "are on the wrong side; these are the most confident of them.") + body


def _card(error: WorstError) -> str:
    label = "fake" if error.target else "real"
    alt = html.esc(f"{label} image {error.name}, scored {error.score:.3f}")
    image = (
        f'<img src="{error.uri}" alt="{alt}">'
        if error.uri
        else f'<div class="none">{html.esc(error.why)}</div>'
    )
    words = f"{html.esc(error.name)}<br>{html.esc(error.source)}, {label}: <b>{error.score:.3f}</b>"
    return f"<figure>{image}<figcaption>{words}</figcaption></figure>"
