"""Sections of the report on what the model looks at, what it is made of and what it learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.reporting import figures, html
from pipeline.reporting.data import Facts
from pipeline.reporting.html import Html, number, paragraph, percent


def importance_part(facts: Facts) -> str:
    """Importance by block and by feature."""
    blocks, features = facts.blocks, facts.features.head(facts.top)
    return (
        _block_text(facts)
        + "<h3>By block</h3>"
        + html.picture(_bars(blocks, "block", "Importance of each block."), _BLOCK_HELP)
        + f"<h3>By feature: the first {len(features)} of {len(facts.features):,}</h3>"
        + html.picture(_bars(features, "feature", "Importance of the first features."), _FEATURE_HELP)
        + paragraph("All of it: reports/importance_blocks.csv and reports/importance_features.csv.")
    )


_BLOCK_HELP = (
    "How to read this: |SHAP| is how far a block moves the score, in log-odds, its columns added up image by image; "
    "AUC drop is what val loses when the block is shuffled among the images (whisker: standard deviation over "
    "the shuffles); gain is the share of the training loss that its splits removed. A block with gain but "
    "without drop repeats what other blocks know."
)
_FEATURE_HELP = (
    "How to read this: the same for single columns, ordered by |SHAP|, and only these were shuffled. Columns that "
    "say the same thing share their importance, so one of them alone can look small."
)


def _block_text(facts: Facts) -> str:
    if facts.blocks.empty or not facts.explained:
        return paragraph("No val image, so only gain and split are known.")
    first = facts.blocks.iloc[0]
    text = f"Worked out on {facts.explained:,} val images. {first['block']} moves the score most: "
    text += f"{number(float(first['shap']))} log-odds on average, {percent(first['gain'])} of the gain"
    if not html.missing(float(first["auc_drop"])):
        text += f"; shuffled, val AUC falls by {number(float(first['auc_drop']))}"
    idle = facts.blocks.loc[facts.blocks["gain"] == 0, "block"].tolist()
    return paragraph(text + "." + (f" Never used: {', '.join(idle)}." if idle else ""))


def _bars(table: pd.DataFrame, name: str, alt: str) -> figures.Drawing:
    labels = {
        "shap": "mean |SHAP|, log-odds",
        "auc_drop": "AUC drop when shuffled",
        "gain": "share of gain",
    }
    panels = {label: table[key].to_numpy(dtype=np.float64) for key, label in labels.items()}
    spreads = {labels["auc_drop"]: table["auc_drop_sd"].to_numpy(dtype=np.float64)}
    lead = ", ".join(str(value) for value in table[name].head(3))
    return figures.bars(table[name].tolist(), panels, spreads, f"{alt} First by SHAP: {lead}.")


def spectrum_part(facts: Facts) -> str:
    """Mean radial spectra and the model's bands."""
    bands = facts.spectrum
    if bands is None:
        return paragraph("Not drawn: the model has no radial block, or val lacks one of the classes.")
    order = np.argsort(-bands.weight, kind="stable")[:3]
    text = "Orange: bands the model uses, the darker the more mean |SHAP|. "
    if bands.weight.sum() > 0:
        used = ", ".join(f"{bands.frequency[at]:.3f} ({percent(bands.weight[at], 0)})" for at in order)
        text += f"Most used, in cycles per pixel: {used} of what the spectrum's bins contribute. "
    else:
        text = "The model uses none of these bands. "
    text += "Shadow of a line: 95 % interval of the mean. Right of the dotted line only diagonals remain."
    return html.picture(figures.spectrum(bands), text)


def data_part(facts: Facts) -> str:
    """Counts by split, source and class, bad rows, near-duplicates, and how often a face was found."""
    manifest = facts.manifest
    lines = [
        f"{manifest['images']:,} listed images under {manifest['root']}; lists: {', '.join(manifest['lists'])}. "
        f"Val: {manifest['val']}. Groups: {manifest['groups']}."
    ]
    if manifest["holdout_source"]:
        lines.append(
            f"Source {manifest['holdout_source']} was left out of training (manifest.holdout_source)."
        )
    for key, name in (("duplicates", "identical files"), ("near_duplicates", "near-duplicates")):
        found = manifest[key]
        across = {splits: count for splits, count in found["by_splits"].items() if "+" in splits}
        said = (
            ", ".join(f"{count:,} across {splits}" for splits, count in across.items())
            or "none across splits"
        )
        lines.append(
            f"Clusters of {name}: {found['clusters']:,} ({said}), the largest of {found['largest']:,} images."
        )
    return "".join(paragraph(line) for line in lines) + _counts(facts) + _bad_rows(manifest) + _faces(facts)


def _counts(facts: Facts) -> str:
    table = pd.DataFrame(facts.manifest["counts"])
    if table.empty:
        return ""
    wide = table.pivot_table(
        index=["split", "source"], columns="class", values="images", aggfunc="sum", fill_value=0
    )
    order = {"train": 0, "calibration": 1, "val": 2, "test": 3}
    wide = wide.loc[sorted(wide.index, key=lambda key: (order.get(key[0], len(order)), key[1]))]
    unusable = table[table["status"] != "ok"].groupby(["split", "source"])["images"].sum()
    classes = [name for name in ("real", "fake", "unknown") if name in wide.columns]
    rows = [
        [*key, *(number(int(row[name])) for name in classes), number(int(unusable.get(key, 0)))]
        for key, row in wide.iterrows()
    ]
    return html.table(["split", "source", *classes, "of them not used"], rows, text=2)


def _bad_rows(manifest: dict[str, Any]) -> str:
    if not manifest["bad_rows"]:
        return paragraph("No listed row was bad.")
    shown = manifest["issues"][:20]
    rows = [
        [
            Html(f"{html.esc(i['file'])}, line {int(i['line'])}"),
            i["img_name"],
            i["status"],
            i["detail"],
        ]
        for i in shown
    ]
    caption = f"{len(shown)} of {manifest['bad_rows']:,} bad rows; all of them: cache/manifest_issues.csv."
    return html.table(["where", "name", "status", "reason"], rows, text=3, wrap=(1, 3), caption=caption)


def _faces(facts: Facts) -> str:
    """Detection rate by source and class: where it differs by class, it is itself a cue."""
    scores = facts.scores[facts.scores["target"].notna()]
    if scores.empty:
        return ""
    rows = []
    for source, part in scores.groupby("source"):
        row: list[Any] = [source]
        for side in (0, 1):
            mine = part[part["target"] == side]
            row += [
                number(len(mine)),
                percent(float(mine["found"].mean()), 2) if len(mine) else html.NONE,
            ]
        rows.append([*row, percent(float((part["n_faces"] > 1).mean()), 2)])
    text = f"A face was found in {percent(float(scores['found'].mean()), 2)} of {len(scores):,} labelled images; "
    text += "of the others the centred square was used."
    head = ["source", "real", "face found", "fake", "face found", "several faces"]
    return "<h3>Faces</h3>" + paragraph(text) + html.table(head, rows)


def audit_part(facts: Facts) -> str:
    """How well file facts alone tell the classes, and every finding."""
    if not facts.audit:
        return paragraph("The audit has not run.")
    rows = [
        [
            r["source"],
            r["facts"],
            number(r["images"]),
            number(r.get("auc")),
            ", ".join(r.get("most_used", [])),
            r["verdict"],
        ]
        for r in facts.audit["file_facts"]
    ]
    text = "Small models that see no face: the nearer to 0.5, the better. Files, sizes and brightness should not know the label."
    head = ["source", "facts", "images", "AUC", "mostly used", "verdict"]
    table = html.table(head, rows, text=2, wrap=(4, 5))
    listed = [[finding["level"], finding["text"]] for finding in facts.audit["findings"]]
    return paragraph(text) + table + html.table(["level", "finding"], listed, text=2, wrap=(1,))


def members_part(facts: Facts) -> str:
    """Blocks, nets with the origin of their weights, training data and versions."""
    info = facts.info
    blocks = [
        [name, number(len(columns)), info["versions"].get(name, html.NONE)]
        for name, columns in info["blocks"].items()
    ]
    body = html.table(["block", "columns", "code version"], blocks)
    nets = [
        [
            name,
            net["model"],
            net["input"],
            net["crop"],
            net["origin"],
            number(net["size"]),
            number(_count(net["members"])),
        ]
        for name, net in info["members"].items()
    ]
    if nets:
        head = ["net", "timm model", "input", "crop", "weights", "size, px", "members"]
        body += html.table(head, nets, text=5, wrap=(4,))
    training = info["training"]
    held = training["calibration"]
    where = "out of fold" + (f", then on {held:,} images that no net and no tree has seen" if held else "")
    text = (
        f"Trained on {training['images']:,} images ({training['fakes']:,} fakes) in {training['groups']:,} groups; "
        f"fingerprint {training['fingerprint']}. LightGBM boosters: {_experts(info['stacker'])}, calibrated {where}: "
        f"p = expit({info['stacker']['slope']:.4f} × raw {info['stacker']['offset']:+.4f}). "
        f"Prior: {info['prior']:.4f}."
    )
    versions = ", ".join(f"{name} {version}" for name, version in info["software"].items())
    return body + paragraph(text) + paragraph(f"Made with {versions}.")


def _experts(stacker: dict[str, Any]) -> str:
    """Boosters and weight of each expert."""
    return ", ".join(
        f"{e['boosters']} for {e['kind']} (weight {e['weight']:.2f})" for e in stacker["experts"]
    )


def _count(members: Any) -> int:
    return len(members) if isinstance(members, (list, tuple, dict)) else int(members)


REPEAT = """dvc repro                      # every stage whose inputs changed
dvc metrics show               # the figures of this page
python -m pipeline.report      # this page alone
python -m pipeline.predict --images FOLDER --bundle cache/model --out prediction.txt"""


def repeat_part(facts: Facts) -> str:
    """Commands and parameters that give this page again."""
    rows = [
        [f"{section}.{key}", str(value)]
        for section, values in facts.info["params"].items()
        for key, value in values.items()
    ]
    caption = "Parameters of the model, from its bundle; the rest is in params.yaml."
    return f"<pre>{html.esc(REPEAT)}</pre>\n" + html.table(
        ["parameter", "value"], rows, text=2, wrap=(1,), caption=caption
    )
